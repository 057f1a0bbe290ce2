#!/usr/bin/env python3
"""Goal: an audit trail that cannot be synced refuses commands for as long as that lasts, says so,
goes on by itself, and has a record of each command that it took, and of no other.

Method: every sync of the trail of a server fails from a moment on (fault_shim.cc), until the disk
heals; a caller reports cases all the while, and what the trail then tells is held against what the
caller was answered.

    audit_sync_test.py [HANSA]
"""

import json
import sys
import time

from city_process import ACCEPTED, SECONDS_MAX, Node, expect, place, test_main, uuid_v7
from faults import Faults

CITY = "wuxi"


def report(connection, number):
    """Nothing when it was accepted, else what the caller was told."""
    body = {"kind": "problem", "source": "hotline", "service": "rubbish", "place": place(number),
            "description": "Bags"}
    status, answer = connection.send("hotline", "POST", f"/v1/cities/{CITY}/cases", body, uuid_v7())
    if status in ACCEPTED:
        return None
    expect((status, answer["code"]) == (503, "unavailable"), answer)
    return answer["detail"]


def report_until(connection, outcomes, is_reached):
    end = time.monotonic() + SECONDS_MAX
    while not outcomes or not is_reached(outcomes[-1]):
        expect(time.monotonic() < end, f"commands are still answered as {outcomes[-1:]}")
        outcomes.append(report(connection, len(outcomes)))


def told(connection):
    """The outcomes of reports in the trail."""
    found, token = [], ""
    while True:
        status, answer = connection.send(
            "auditor", "GET", f"/v1/cities/{CITY}/audit-records?page_size=1000&page_token={token}")
        expect(status == 200, answer)
        found += [row["outcome"] for row in answer["records"] if row["method"] == "ReportCase"]
        token = answer["next_page_token"]
        if not token:
            return found


def run(hansa, folder):
    node = Node(hansa, folder, [CITY])
    faults = Faults(node)
    node.environment |= faults.environment("always", files="audit/*", calls="sync")
    node.start()
    try:
        node.wait_until_ready()
        node.set_up(CITY)
        connection = node.connect()
        outcomes = []
        report_until(connection, outcomes, lambda answer: answer is None)
        faults.choose(1)
        report_until(connection, outcomes, lambda answer: answer is not None)
        expect("audit trail" in outcomes[-1] and "cannot be written" in outcomes[-1], outcomes[-1])
        expect(faults.what().startswith("sync audit/"), faults.what())
        expect('"audit_unwritten"' in node.server_log(), "the log does not say why")
        faults.heal()
        report_until(connection, outcomes, lambda answer: answer is None)
        expect('"audit_written_again"' in node.server_log(), "the log does not say that it is over")
        taken = outcomes.count(None)
        expect(told(connection) == ["ok"] * taken, f"the trail does not tell of {taken} commands")
        node.stop()
        check = json.loads(node.run("audit-trail", "verify", "--data", node.data_dir, "--json")
                           .stdout)
        expect(check["records"] >= taken, check)
        print(f"{len(outcomes)} commands, {len(outcomes) - taken} refused while the trail could "
              "not be synced; all others are in it")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
