#!/usr/bin/env python3
"""Goal: what the handbook tells people to type works as printed, and shows what it says it shows.
Method: the blocks of the pages that are named run one after the other in one bash, as those of the
README do. What stands behind `sh` says more: `stopped` ends the server first, `not-run: why` is
read by bash and not run. Each line of a `text` block must stand in what the block before it
printed, in that order, where `…` is anything. A block of another kind is no command.

    handbook_test.py PAGE...    pages under docs; HANSA_BINARY, HANSA_SOURCE, HANSA_KAFKA if any
"""

import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ["HANSA_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "readme"))
from help_test import free_port  # noqa: E402
from readme_test import run, script_of  # noqa: E402

SECONDS_MAX = 240
FENCE = re.compile(r"^```(\S*) *([^\n]*)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^ {4}\S*\b(hansa|curl|kubectl|systemctl|helm) ", re.M)


class Block:
    def __init__(self, page, words, commands):
        self.page, self.commands, self.expected = page, commands, []
        self.is_run = not words.startswith("not-run:")
        if words == "stopped":
            self.commands = "stop_server\n" + commands
        elif words and (self.is_run or not words.removeprefix("not-run:").strip()):
            raise SystemExit(f"{page}: expected `stopped` or `not-run: why`, got `{words}`:\n"
                             + commands)

    def problem(self, printed):
        """The first line that the page shows and the block did not print; '' if there is none."""
        lines = iter(printed.splitlines())
        for line in self.expected:
            wanted = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("…")))
            if not any(wanted.fullmatch(found.rstrip()) for found in lines):
                return (f"{self.page} does not print `{line}` there:\n{self.commands}{printed}")
        return ""

    def mistake(self):
        """What bash finds wrong with commands that are not run."""
        done = subprocess.run(["bash", "-n"], input=self.commands, text=True, capture_output=True,
                              check=False)
        return done.stderr and f"{self.page}: {done.stderr}{self.commands}"


def blocks_of(page):
    with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
        text = file.read()
    outside = COMMAND.search(FENCE.sub("", text))
    if outside:
        raise SystemExit(f"{page}: a command that is no block of its own: {outside.group(0)}")
    blocks = []
    for kind, words, content in FENCE.findall(text):
        if kind == "sh":
            blocks.append(Block(page, words, content))
        elif kind == "text":
            blocks[-1].expected += content.splitlines()
        elif kind not in ("mermaid", "json", "yaml"):
            raise SystemExit(f"{page}: expected sh, text, mermaid, json or yaml, got `{kind}`")
    if not any(block.expected for block in blocks):
        raise SystemExit(f"{page}: expected commands and what they print")
    return blocks


def run_pages(pages, folder, seconds_max=SECONDS_MAX):
    """'' or what does not work or is not printed; the blocks ran in folder/hansa."""
    blocks = [block for page in pages for block in blocks_of(page)]
    ran = [block for block in blocks if block.is_run]
    for block in blocks:
        if not block.is_run and block.mistake():
            return block.mistake()
    code, output = run(script_of([block.commands for block in ran]), folder, seconds_max,
                       **environment())
    parts = re.split(r"^== README block (\d+)\n", output, flags=re.M)[1:]
    printed = dict(zip(map(int, parts[::2]), parts[1::2]))
    if code != 0:
        last = max(printed, default=1)
        return (f"exit code {code}, in this block of {ran[last - 1].page}:\n"
                f"{ran[last - 1].commands}{printed.get(last, output)}")
    print(f"{len(ran)} blocks ran, {len(blocks) - len(ran)} say why they are not run")
    return next(filter(None, (block.problem(printed[number])
                              for number, block in enumerate(ran, 1))), "")


def environment():
    port, metrics = free_port(), free_port()
    kafka = {name: os.environ[name] for name in ("HANSA_KAFKA",) if name in os.environ}
    return dict(kafka, PATH=os.path.dirname(os.environ["HANSA_BINARY"]) + ":" + os.environ["PATH"],
                HANSA_SERVER=f"http://127.0.0.1:{port}", HANSA_HTTP_LISTEN=f"127.0.0.1:{port}",
                METRICS=f"http://127.0.0.1:{metrics}", HANSA_METRICS_LISTEN=f"127.0.0.1:{metrics}")


def main(pages):
    with tempfile.TemporaryDirectory() as folder:
        problem = run_pages(["docs/" + page for page in pages], folder)
    print(problem or "and print what the pages say")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
