#!/usr/bin/env python3
"""Goal: what the runbook tells an operator to type works. Method: its blocks run in order beside a
city's node, those of `sh stopped` once it is stopped, those of `sh kafka` with its configuration
on a broker.

    runbook_test.py     HANSA_BINARY, HANSA_SOURCE, and HANSA_KAFKA for the broker
"""

import os
import re
import sys
import tempfile

SOURCE = os.environ["HANSA_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "readme"))
from help_test import Scratch, free_port  # noqa: E402

BLOCK = re.compile(r"^## (\w+)$|^```sh *(\w*)\n(.*?)^```$", re.M | re.S)


def blocks():
    """(section, "" or stopped or kafka, commands) in order."""
    with open(os.path.join(SOURCE, "docs", "runbook.md"), encoding="utf-8") as file:
        text = file.read()
    section = "its head"
    for match in BLOCK.finditer(text):
        if match.group(1):
            section = match.group(1)
        else:
            yield section, match.group(2), match.group(3)


def try_blocks(scratch, when):
    failed = 0
    for section, kind, commands in blocks():
        if kind != when:
            continue
        code, output = scratch.run("set -e\n" + commands)
        failed += code != 0
        if code != 0:
            print(f"FAILED {section}: exit code {code}\n{commands}{output}")
    return failed


def try_verbs(scratch):
    """What the text names between the blocks exists."""
    with open(os.path.join(SOURCE, "docs", "runbook.md"), encoding="utf-8") as file:
        named = re.findall(r"`(hansa(?: [a-z-]+)+)", re.sub(r"^```.*?^```", "", file.read(),
                                                          flags=re.M | re.S))
    failed = 0
    for words in sorted(set(named)):
        verb = " ".join(word for word in words.split() if not word.startswith("-"))
        # An error's code is no verb.
        code, output = scratch.run(re.sub(r"^hansa error .*", "hansa error", verb) + " --help")
        failed += code != 0
        if code != 0:
            print(f"FAILED {verb}: exit code {code}\n{output}")
    return failed


def main():
    kinds = {kind for _, kind, _ in blocks()}
    assert kinds == {"", "stopped", "kafka"}, kinds
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(os.environ["HANSA_BINARY"], folder)
        metrics = f"127.0.0.1:{free_port()}"
        scratch.environment.update(HANSA_METRICS_LISTEN=metrics, METRICS=f"http://{metrics}")
        try:
            problem = scratch.prepare(serve=True)
            assert not problem, problem
            code, output = scratch.run("hansa setup setup")
            assert code == 0, output
            failed = try_verbs(scratch) + try_blocks(scratch, "")
            problem = scratch.stop()
            assert not problem, problem
            failed += try_blocks(scratch, "stopped")
            scratch.write_kafka_config("hansa.yaml")
            code, output = scratch.run("hansa topics create --config hansa-kafka.yaml")
            assert code == 0, output
            failed += try_blocks(scratch, "kafka")
        finally:
            scratch.stop()
    print(f"{len(list(blocks()))} blocks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
