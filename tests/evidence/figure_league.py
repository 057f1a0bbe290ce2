"""A league on one real node whose cities publish figures, and what an outsider has of it: copies of
the logs and the alliance's key. Wuxi and Suzhou are members, Nanjing is none.

    league = League(prepare(hansa, folder)); league.bring(); league.import_closed("2024-01", 3)
    publication, claim = league.publish("handling_time@1", "2024-01")
    record = league.judged(publication); league.copy(record); league.verify(record)
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "ops"))
from alliance_process import Alliance, add_caller, eventually, expect, host  # noqa: E402
from city_process import Node, key_of, place, uuid_v7  # noqa: E402

CITY, OTHER, STRANGER = CITIES = ["wuxi", "suzhou", "nanjing"]
SHARE = f"share/delta/{CITY}"
READER = "auditor-delta"
OFFSETS = ["calendar.offsets.utc_time_s", "calendar.offsets.offset_s"]
# All that handling times follow from, and of source coverage everything but the source.
TERMS = {
    "purpose": "How fast cases are closed.", "smallest_cell": 2,
    "grants": [
        {"event": event, "fields": fields, "highest_class": "PUBLIC"} for event, fields in [
            ("CaseReported", ["case", "place.district"]), ("CaseClosed", ["case"]),
            ("CaseReopened", ["case"]), ("CaseMerged", ["case"]),
            ("CaseImported", ["case", "state", "reported_time_us", "closed_time_us",
                              "merged_into", "place.district"]),
            ("CalendarAdopted", OFFSETS), ("AirQualityRecorded", ["date", "pm25"]),
            ("PopulationRecorded", ["people", "year"])]],
    "metrics": [{"metric": "handling_time@1", "scopes": ["city", "district"]},
                {"metric": "air_change@1", "scopes": ["city"]},
                {"metric": "source_coverage@1", "scopes": ["city"]}]}
MONTHS = {"2024-01": ("2024-01-01", "2024-01-31"), "2024-02": ("2024-02-02", "2024-02-29")}


def full_identity(node, name):
    with open(os.path.join(node.folder, "init-" + name, "identity.json"),
              encoding="utf-8") as stream:
        card = json.load(stream)
    card.pop("ledger")
    return card


class League:
    """The node, what its callers ask, and the outsider's folder."""

    def __init__(self, node):
        self.node = node
        self.server = f"http://127.0.0.1:{node.port}"
        self.evidence = os.path.join(node.folder, "evidence")
        self.key = os.path.join(node.folder, "delta.vkey")
        self.connect()

    def connect(self):
        self.connection = self.node.connect()
        self.delta = Alliance(self.node, self.connection, "delta")

    def bring(self):
        """Founded; two cities admitted with their witnesses, joined, and sharing."""
        self.delta.do(":found", {"title": {"en": "Delta"}})
        for city in CITIES[:2]:
            self.delta.do(f"/members/{city}:admit", full_identity(self.node, city))
            us = full_identity(self.node, "delta")
            self.delta.city(city, ":join", {field: us[field] for field in
                                            ("founding_id", "public_key", "recovery_key")})
        self.delta.put_in_force(TERMS, CITIES[:2])

    def import_closed(self, month, cases):
        """Cases of the month, each closed some hours after it was reported."""
        lines = "".join(json.dumps(
            {"source_name": "old", "source_id": f"{month}-{number}", "service": "rubbish",
             "place": place(number), "state": "closed", "source": "hotline",
             "reported_time_us": f"{month}-10T00:00:00Z",
             "closed_time_us": f"{month}-10T0{number + 1}:00:00Z"}) + "\n"
            for number in range(cases))
        self.connection.http.request(
            "POST", f"/v1/cities/{CITY}/cases:import", body=lines.encode(),
            headers={"Authorization": "Bearer " + key_of("city_admin"),
                     "Content-Type": "application/x-ndjson", "Idempotency-Key": uuid_v7()})
        answer = self.connection.http.getresponse()
        text = answer.read().decode()
        expect(answer.status == 200 and text.count('"seq"') == cases, (answer.status, text))

    def hansa(self, *words, role="city_admin", code=0):
        self.node.environment["HANSA_KEY"] = key_of(role)
        return self.node.run(*words, code=code)

    def publish(self, metric, month, *more, code=0):
        """The publication and what is claimed of it."""
        first, last = MONTHS[month]
        done = self.hansa("figure", "publish", "delta", metric, "--city", CITY, "--from", first,
                          "--to", last, "--server", self.server, *more, code=code)
        if code:
            return done.stderr
        return done.stdout.split()[0], done.stdout.rstrip("\n").rsplit(" ", 1)[-1]

    def records(self):
        answer = self.delta.read("/figures")
        return {record["publication"]: record for record in answer["figures"]}

    def judged(self, publication):
        return eventually(f"{publication} to be judged", lambda: next(
            (record for name, record in self.records().items()
             if name == publication and record["standing"] != "unspecified"), None))

    def get(self, path):
        self.connection.http.request("GET", path)
        answer = self.connection.http.getresponse()
        return answer.status, answer.read().decode()

    def page(self, path):
        status, text = self.get(path)
        expect(status == 200, (path, status, text))
        return text

    def copy_log(self, ledger, *words, out=None):
        """The size of a copy, taken from the node that serves the log."""
        done = self.hansa("tlog", "copy", "--from", self.server + "/tlog", "--ledger", ledger,
                          "--out", out or self.evidence, "--json", *words, role=READER)
        return int(json.loads(done.stdout)["size"])

    def copy(self, record):
        """Of both logs, up to what the figure was judged by at least. A share is confirmed at its
        own pace: it is copied as far as it is signed."""
        def is_confirmed():
            answer = self.delta.read("/figures")
            return answer["confirmed_seq"] == answer["seq"]
        eventually("the alliance to be confirmed", is_confirmed)
        self.copy_log("alliance/delta")
        size = int(record["sources"][0]["size"])
        eventually("the share to be signed up to what was judged",
                   lambda: self.copy_log(SHARE, "--newest") >= size)

    def verify(self, record, *words, code=0):
        file = os.path.join(self.node.folder, "figure.json")
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(record, stream)
        return self.node.run("verify", "metric", file, "--evidence", self.evidence,
                             "--alliance-key", self.key, *words, code=code)


def prepare(hansa, folder):
    node = Node(hansa, folder, CITIES)
    host(node, "delta")
    add_caller(node, READER, ["auditor"], "delta")
    node.start()
    node.wait_until_ready()
    for city in CITIES:
        node.set_up(city)
    return node


def lie(league, lying_keeper, kind, name):
    """What is told in the ledger of a stopped node, which then goes on; the publication."""
    node = league.node
    node.stop()
    done = subprocess.run([lying_keeper, node.data_dir, kind, name],
                          check=False, capture_output=True, text=True)
    expect(done.returncode == 0, done)
    node.start()
    node.wait_until_ready()
    league.connect()
    return done.stdout.strip()
