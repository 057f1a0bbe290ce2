"""Goal: what the pages under examples/alliance tell a secretariat, a city and a subscriber to type
works as printed, and shows what they say it shows.

Method: their blocks run as those of the handbook do (readme/handbook_test.py); what else must hold
of the files that they leave is asked at the end.
"""

import hashlib
import html.parser
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "crash"), os.path.join(HERE, "..", "readme")]
from city_process import expect, test_main  # noqa: E402
from handbook_test import run_pages  # noqa: E402

SECONDS_MAX = 150
PAGES = ["secretary.md", "city.md", "subscriber.md"]


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
    problem = run_pages(["examples/alliance/" + page for page in PAGES], folder, SECONDS_MAX)
    expect(not problem, problem)
    made = os.path.join(folder, "hansa")
    check_board(made)
    check_report(hansa, os.path.join(made, "league"), os.path.join(made, "report"),
                 json.loads(read(made, "closed.json")))
    print("the pages print what they say, and leave what they should")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
