#!/usr/bin/env python3
"""Goal: figures, their reasons, a rebuild and an export are what a user of HTTP and of the command
line gets, and mistakes are named. Method: a real server with two cities; a few cases live from
report to rating; everything is asked as a user would.

    figures_test.py          HANSA_BINARY names the executable, HANSA_SOURCE the repository
"""

import csv
import io
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
# pylint: disable-next=wrong-import-position
from city_process import (ACCEPTED, Node, expect, key_of, place,  # noqa: E402
                          test_main, uuid_v7)

CITY, OTHER = "wuxi", "other"
MAPPING = os.path.join(os.environ["HANSA_SOURCE"], "examples", "mappings", "georeport.yaml")
STEPS = [("verifier", ":verify", {}), ("dispatcher", ":file", {}),
         ("dispatcher", ":assign", {"lead_unit": "sanitation"}), ("unit_worker", ":accept", {}),
         ("unit_worker", ":start", {}), ("unit_worker", ":rectify", {}),
         ("checker", ":check", {"passed": True}), ("hotline", ":rate", {"stars": 5})]


class User:
    def __init__(self, node):
        self.node = node
        self.connection = node.connect()
        self.last_seq = 0

    def command(self, role, path, body):
        status, answer = self.connection.send(role, "POST", f"/v1/cities/{CITY}{path}", body,
                                              uuid_v7())
        expect(status in ACCEPTED, f"{path}: {status} {answer}")
        self.last_seq = int(answer["seq"])
        return answer["subject_id"]

    def get(self, path, status=200):
        separator = "&" if "?" in path else "?"
        found, answer = self.connection.send(
            "auditor", "GET", f"/v1/cities/{CITY}{path}{separator}at_least={self.last_seq}")
        expect(found == status, f"{path}: {found} {answer}")
        return answer

    def text(self, path):
        headers = {"Authorization": "Bearer " + key_of("auditor")}
        self.connection.http.request("GET", f"/v1/cities/{CITY}{path}", headers=headers)
        answer = self.connection.http.getresponse()
        return answer.getheader("Content-Type"), answer.read().decode()

    def report(self, number):
        return self.command("hotline", "/cases",
                            {"kind": "problem", "source": "hotline", "service": "rubbish",
                             "place": {**place(number), "latitude": 31.2, "longitude": 121.5},
                             "description": "Bags; call Ann"})

    def live(self):
        """Two cases to their ends, one open, one merged into it."""
        for number in range(2):
            case = self.report(number)
            for role, tail, body in STEPS:
                self.command(role, f"/cases/{case}{tail}", body)
        parent, child = self.report(2), self.report(2)
        self.command("dispatcher", f"/cases/{child}:merge", {"into_case": parent})


def check_figures(user):
    handling = user.get("/metrics/handling_time")["figure"]
    expect(handling["sample"] == "2" and "value" in handling, handling)
    expect(set(handling["value"]) == {"num", "den", "value"}, handling)
    satisfied = user.get("/metrics/satisfaction?scope=service&id=rubbish")["figure"]
    expect((satisfied["met"], satisfied["sample"]) == ("2", "2"), satisfied)
    day = user.get("/metrics/verification_rate?from=1969-12-31", 400)
    expect(day["pointer"] == "/from", day)
    none = user.get("/metrics/verification_rate?from=2001-01-01&to=2001-01-02")["figure"]
    expect("value" not in none and none["sample"] == "0", none)
    expect(not handling["rankable"], "two cases are no sample to rank by")
    units = user.get("/figures?scope=unit&metric=on_time_rate")["figures"]
    expect([figure["id"] for figure in units] == ["sanitation"], units)
    pages = []
    token = ""
    while True:
        page = user.get("/figures?scope=street&metric=handling_time&page_size=1"
                        f"&page_token={token}")
        pages += page["figures"]
        token = page["next_page_token"]
        if not token:
            break
    ids = [figure["id"] for figure in pages]
    expect(len(ids) == 3 and ids == sorted(set(ids)), ids)
    metrics = user.get("/metrics")["metrics"]
    expect(len(metrics) == 10 and all(metric["formula"] for metric in metrics), metrics)
    content, text = user.text("/figures?scope=district&format=csv")
    expect(content == "text/csv; charset=utf-8", content)
    rows = list(csv.DictReader(io.StringIO(text)))
    expect(len(rows) == 10 and rows[0]["id"] == "north" and "value.num" in rows[0], rows)


def check_mistakes(user):
    for path, status, code in [
            ("/metrics/speed", 404, "unknown_metric"),
            ("/metrics/handling_time?scope=planet", 400, "bad_request"),
            ("/metrics/handling_time?scope=unit", 400, "bad_request"),
            ("/metrics/handling_time?scope=unit&id=navy", 404, "unknown_unit"),
            ("/metrics/handling_time?scope=street&id=north", 404, "unknown_place"),
            ("/metrics/handling_time?scope=kind&id=wish", 400, "bad_request"),
            ("/metrics/handling_time?id=north", 400, "bad_request"),
            ("/metrics/handling_time?from=2025-02-30", 400, "bad_request"),
            ("/metrics/handling_time?from=2025-02-03&to=2025-02-02", 400, "bad_request"),
            ("/figures?metric=speed", 404, "unknown_metric"),
            ("/figures?page_size=1001&scope=unit", 400, "bad_request"),
            ("/figures?scope=unit&page_token=00", 400, "bad_request"),
            ("/figures?format=xml", 400, "bad_request"),
            ("/metrics/handling_time?format=csv", 400, "unknown_field")]:
        answer = user.get(path, status)
        expect(answer["code"] == code, f"{path}: {answer}")


def check_why(node):
    where = ("--ledger", f"city/{CITY}")
    answer = json.loads(node.run("why", "verification_rate", *where, "--json").stdout)
    expect(answer["cases"] == {"counted, above the line": 2, "counted, below the line only": 1,
                               "not counted: merged before it was verified": 1}, answer)
    every = node.run("why", "verification_rate", *where, "--all").stdout.splitlines()
    expect(len(every) == 5 and every[0].startswith("case,counted,"), every)
    again = answer["again"].split()[1:]
    expect(json.loads(node.run(*again, "--json").stdout)["figure"] == answer["figure"], again)
    early = json.loads(node.run("why", "verification_rate", *where, "--as-of", "15",
                                "--json").stdout)
    expect(early["seq"] == "15", early)
    node.run("why", "speed", *where, code=1)
    node.run("why", "verification_rate", *where, "--scope", "unit", code=1)
    node.run("why", "verification_rate", *where, "--as-of", "99999", code=1)


def check_rebuild(node, user):
    node.environment["HANSA_KEY"] = key_of("city_admin")
    where = ("--ledger", f"city/{CITY}")
    before = json.loads(node.run("projection", "status", *where, "--json").stdout)
    expect(before["phase"] == "none", before)
    node.run("projection", "cancel", *where, code=1)
    done = json.loads(node.run("projection", "rebuild", *where, "--json").stdout)
    expect(done["phase"] == "done" and done["digest"] == before["digest"], (before, done))
    expect(not done["digest_differed"], done)
    node.run("projection", "rebuild", *where, "--no-wait")
    status, answer = user.connection.send("auditor", "POST",
                                          f"/v1/cities/{CITY}/projection:rebuild", {})
    expect(status == 403, answer)


def check_export(node):
    """What was exported and imported is exported as it was."""
    for form, ending in (("georeport-csv", "csv"), ("ndjson", "ndjson")):
        first, second = (os.path.join(node.folder, f"{name}.{ending}") for name in "ab")
        node.run("export", "--city", CITY, "--format", form, "--output", first)
        words = ("import", "--json", "--mapping", MAPPING, "--city", OTHER, first)
        summary = json.loads(node.run(*words).stdout)
        expect(summary["imported"] + summary["unchanged"] == 4, summary)
        node.run("call", "GetCity", json.dumps({"city": OTHER}))
        entries = len(node.entries(OTHER)[0])
        node.digest(OTHER, entries)
        node.run("export", "--city", OTHER, "--format", form, "--output", second)
        with open(first, encoding="utf-8") as one, open(second, encoding="utf-8") as two:
            text = one.read()
            expect(text == two.read(), f"{form}: the second export differs from\n{text}")
        expect("Ann" not in text and "merged" in text and "31.200000" in text, text)
    # A city that took in its own export has its cases twice, and no id twice.
    own = os.path.join(node.folder, "a.csv")
    node.run("import", "--mapping", MAPPING, "--city", CITY, own)
    node.digest(CITY, len(node.entries(CITY)[0]))
    rows = list(csv.DictReader(node.run("export", "--city", CITY).stdout.splitlines()))
    ids = {row["service_request_id"] for row in rows}
    expect(len(ids) == len(rows) == 8, sorted(ids))
    node.run("export", "--city", CITY, "--format", "xml", code=2)


def run(hansa, folder):
    node = Node(hansa, folder, [CITY, OTHER])
    node.environment.update(HANSA_SERVER=f"http://127.0.0.1:{node.port}",
                            HANSA_KEY=key_of("auditor"))
    node.start()
    try:
        node.wait_until_ready()
        for city in (CITY, OTHER):
            node.set_up(city)
        user = User(node)
        user.live()
        check_figures(user)
        check_mistakes(user)
        check_why(node)
        check_rebuild(node, user)
        check_export(node)
        node.stop()
        print("figures, reasons, rebuild and export hold")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, []))
