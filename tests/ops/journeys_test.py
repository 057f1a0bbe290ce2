"""Goal: what the pages under examples/alliance tell a secretariat, a city and a subscriber to type
works as printed, and shows what they say it shows.

Method: their `sh` blocks run one after the other in one bash, as those of the README do; each line
of a `text` block must stand in what the block before it printed, in that order, where `…` is
anything. What else must hold of the files that they leave is asked at the end.
"""

import hashlib
import html.parser
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "crash"), os.path.join(HERE, "..", "readme")]
from city_process import Failed, expect, free_port, test_main  # noqa: E402
from readme_test import run as run_script, script_of  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS_MAX = 150
PAGES = ["secretary.md", "city.md", "subscriber.md"]


def blocks_of(text):
    """(commands, lines that they must print) of each sh block."""
    blocks = []
    for kind, content in re.findall(r"^```(sh|text)\n(.*?)^```", text, re.M | re.S):
        if kind == "sh":
            blocks.append((content, []))
        else:
            blocks[-1][1].extend(content.splitlines())
    return blocks


def check_printed(number, commands, expected, printed):
    lines = iter(printed.splitlines())
    for line in expected:
        wanted = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("…")))
        if not any(wanted.fullmatch(found.rstrip()) for found in lines):
            raise Failed(f"block {number} does not print `{line}` there:\n{commands}\n{printed}")


class Page(html.parser.HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.words += data


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as stream:
        return stream.read()


def check_board(folder):
    """What programs are told is what the tables show."""
    status = json.loads(read(folder, "status.json"))
    expect((status["version"], status["state"], status["ratified"], status["not_ratified"]) ==
           (1, "in_force", ["suzhou", "wuxi"], ["nantong"]), status)
    board = json.loads(read(folder, "board.json"))
    expect(board["campaign"]["state"] == "launched", board)
    rows = [(row["city"], row["standing"], row["word"], row["actions"], row["joint_actions"],
             row["findings_open"]) for row in board["members"]]
    expect(rows == [("nantong", "member", "declined", 0, 0, 0),
                    ("suzhou", "member", "committed", 1, 1, 1),
                    ("wuxi", "member", "committed", 1, 1, 1)], rows)
    expect(all(row["share"]["taken_time_us"] for row in board["members"]), board)


def check_report(hansa, league, folder, closed):
    """The page says what the facts say, and asks nothing of anybody else; the facts name the entry
    they were made from, and the ledger names the facts."""
    page = Page(read(folder, "report.html"))
    for tag in ("script", "link", "img", "iframe", "a"):
        expect(tag not in page.tags, f"the page has a {tag}")
    expect(not {"src", "href", "onload"} & set(page.attributes), page.attributes)
    signature = json.loads(read(folder, "report.sig"))
    expect(closed["campaign"]["report_sha256"] == signature["json_sha256"], closed)
    expect(signature["json_sha256"] in page.words, "the page does not name the facts it shows")
    for words in ("The Delta", "our bank, forty people", "our boats are under repair",
                  "wuxi: 2026-03-19 12 tonnes", "suzhou: 2026-03-19 10 tonnes", "differing",
                  "both sides agree on ten tonnes", "wuxi: we weighed the boats too"):
        expect(words in page.words, f"the page does not say `{words}`")
    spoilt = read(folder, "report.json")
    as_it_was = spoilt.replace('"quantity":"11"', '"quantity":"10"').encode()
    expect(hashlib.sha256(as_it_was).hexdigest() == signature["json_sha256"], "another report")
    facts = json.loads(spoilt)
    expect(facts["sha256"] in page.words, "the page does not name the entry it was made from")
    shown = subprocess.run([hansa, "ledger", "show", facts["seq"], "--ledger", facts["ledger"],
                            "--data", os.path.join(league, "data")], capture_output=True,
                           text=True, check=True).stdout
    expect(json.loads(shown)["sha256"] == facts["sha256"], (facts["seq"], shown))


def run(hansa, folder):
    blocks = []
    for page in PAGES:
        found = blocks_of(read(ROOT, "examples", "alliance", page))
        expect(found and any(expected for _, expected in found), f"{page} shows nothing")
        blocks += found
    port = free_port()
    code, output = run_script(
        script_of([commands for commands, _ in blocks]), folder, SECONDS_MAX,
        PATH=os.path.dirname(hansa) + ":" + os.environ["PATH"],
        HANSA_SERVER=f"http://127.0.0.1:{port}", HANSA_HTTP_LISTEN=f"127.0.0.1:{port}",
        HANSA_METRICS_LISTEN="127.0.0.1:0")
    parts = re.split(r"^== README block (\d+)\n", output, flags=re.M)[1:]
    printed = {int(number): text for number, text in zip(parts[::2], parts[1::2])}
    for number, (commands, expected) in enumerate(blocks, 1):
        if number in printed:
            check_printed(number, commands, expected, printed[number])
    expect(code == 0 and len(printed) == len(blocks), f"exit code {code}:\n{output}")
    made = os.path.join(folder, "hansa")
    check_board(made)
    check_report(hansa, os.path.join(made, "league"), os.path.join(made, "report"),
                 json.loads(read(made, "closed.json")))
    print(f"{len(blocks)} blocks ran, and print what the pages say")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
