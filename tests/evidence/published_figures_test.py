#!/usr/bin/env python3
"""Goal: what a city publishes is proved, attested or does not follow, in the same word on every
surface: in the alliance's ledger, in the lists, and by an outsider who holds copies of the logs and
the alliance's key alone. A city that nudges the last digit is found by all of them.

Method: a real node with an alliance of two cities and a third that is no member. Cases of days past
are imported; figures that follow from what is shared and figures that do not are published and
judged; the logs are copied from the running node and the copies are asked. Then the city lies: an
entry is put into its stopped ledger that no honest node would decide (lying_city.cc).

    published_figures_test.py LYING_CITY       HANSA_BINARY names the executable
"""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "ops"))
from alliance_process import (Alliance, add_caller, eventually, expect, host,  # noqa: E402
                              read, send)
from city_process import Node, key_of, place, test_main, uuid_v7  # noqa: E402

CITY, OTHER, STRANGER = CITIES = ["wuxi", "suzhou", "nanjing"]
SHARE = f"share/delta/{CITY}"
READER = "auditor-delta"
OFFSETS = ["case", "calendar.offsets.utc_time_s", "calendar.offsets.offset_s"]
# All that handling times follow from, and of source coverage everything but the source.
TERMS = {
    "purpose": "How fast cases are closed.", "smallest_cell": 2,
    "grants": [
        {"event": event, "fields": fields, "highest_class": "PUBLIC"} for event, fields in [
            ("CaseReported", ["case", "place.district"]), ("CaseClosed", ["case"]),
            ("CaseReopened", ["case"]), ("CaseMerged", ["case"]),
            ("CaseImported", ["case", "state", "reported_time_us", "closed_time_us",
                              "merged_into", "place.district"]),
            ("CalendarAdopted", OFFSETS[1:])]],
    "metrics": [{"metric": "handling_time@1", "scopes": ["city", "district"]},
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

    def copy(self, record):
        """Copies of both logs, from the node that serves them, up to what the figure was judged
        by at least."""
        judged = int(self.delta.read("/figures")["seq"])

        def taken():
            done = self.hansa("tlog", "copy", "--from", self.server + "/tlog", "--ledger",
                              "alliance/delta", "--ledger", SHARE, "--out", self.evidence,
                              "--json", role=READER)
            sizes = [int(json.loads(line)["size"]) for line in done.stdout.splitlines()]
            return sizes[0] >= judged and sizes[1] >= int(record["sources"][0]["size"])
        eventually("the logs to be signed up to what was judged", taken)

    def verify(self, record, *words, code=0):
        file = os.path.join(self.node.folder, "figure.json")
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(record, stream)
        return self.node.run("verify", "metric", file, "--evidence", self.evidence,
                             "--alliance-key", self.key, *words, code=code)


def check_words(league, names):
    """One word for one figure: in the lists, on the command line, and by who has files only."""
    for name, standing in names.items():
        record = league.records()[name]
        expect(record["standing"] == standing.replace(" ", "_"), record)
        told = json.loads(league.verify(record, "--json",
                                        code=4 if standing == "does not follow" else 0).stdout)
        expect((told["standing"], told["ok"]) == (standing, standing != "does not follow"), told)
    said = league.hansa("figure", "list", "delta", "--server", league.server).stdout
    rows = {line.split()[1]: line for line in said.splitlines()[1:] if line.split()[1] in names}
    expect(set(rows) == set(names), said)
    for name, standing in names.items():
        expect(rows[name].rstrip().endswith(" " + standing), said)
    own = league.hansa("figure", "list", "delta", "--city", CITY, "--server", league.server)
    for line in own.stdout.splitlines()[1:]:
        expect(line.rstrip().endswith((" claimed as proved", " attested")), own.stdout)
    listed = json.loads(league.hansa("figure", "list", "delta", "--json", "--server",
                                     league.server).stdout)
    expect({one["publication"]: one["standing"] for one in listed["figures"]} ==
           {name: standing.replace(" ", "_") for name, standing in names.items()}, listed)


def check_proved(league, record):
    told = league.verify(record).stdout
    expect(told.startswith(f"proved: handling_time@1 of {CITY}, 2024-02-02 to 2024-02-29, "
                           "reckoned anew from what is shared\nalliance/delta: "), told)
    expect(record["figure"]["total"]["value"] == {"numerator": "9000", "denominator": "1"}, record)


def check_spoilt_file(league, record):
    """What FILE says beside the figure is believed by nobody; and the figure is the published."""
    def spoilt(change, sentence):
        other = json.loads(json.dumps(record))
        change(other)
        told = league.verify(other, code=4).stdout
        expect(told.startswith("does not follow: ") and sentence in told, told)

    def nudge(other):
        other["figure"]["total"]["value"]["numerator"] = "9001"
    spoilt(nudge, f"{CITY}'s publication {record['publication']} was published otherwise in entry ")
    spoilt(lambda other: other["figure"].update(claim="attested"), "scope, period or sources")
    spoilt(lambda other: other.update(publication="m1"), "stands nowhere in the first ")
    spoilt(lambda other: other.update(city=OTHER), "stands nowhere in the first ")
    lied = {**record, "standing": "does_not_follow", "difference": "something",
            "sources": [{"ledger": SHARE, "size": "3"}]}
    expect(league.verify(lied).stdout.startswith("proved: "), "by the logs, not by the file")


def check_short_copy(league, record):
    """A copy that ends before the figure was told says so; it is no reason to doubt the figure."""
    other = os.path.join(league.evidence, "tlog", SHARE)
    os.rename(other, other + ".away")
    done = league.verify(record, code=1)
    expect(f"holds no copy of {SHARE}" in done.stderr, done.stderr)
    os.rename(other + ".away", other)


def check_lie(league, lying_city):
    """A city that nudges the last digit; all that is signed is as it should be."""
    node = league.node
    node.stop()
    done = subprocess.run([lying_city, os.path.join(node.data_dir, "log"), CITY], check=False,
                          capture_output=True, text=True)
    expect(done.returncode == 0, done)
    node.start()
    node.wait_until_ready()
    league.connect()
    name = done.stdout.strip()
    record = league.judged(name)
    expect(record["standing"] == "does_not_follow", record)
    both = "is published as 9001/1 of 4 (0 met); what is shared gives 9000/1 of 4 (0 met)"
    expect(both in record["difference"], record)
    finding = next(one["raised"] for one in league.delta.read("/findings")["findings"]
                   if one["raised"]["kind"] == "figure")
    expect(finding["cities"] == [CITY] and "9001" in finding["evidence"][0]["text"] and
           "9000" in finding["evidence"][1]["text"], finding)
    league.copy(record)
    told = league.verify(record, code=4).stdout
    expect(told.startswith(f"does not follow: the whole {both}\n"), told)
    said = league.hansa("figure", "list", "delta", "--server", league.server).stderr
    expect(f"hansa: {name}: the whole {both}" in said, said)
    return name


def check_reads(league):
    """What else a city shows of evidence; and each question that has no answer."""
    city = f"/v1/cities/{CITY}/alliances/delta"
    peers = read(league.connection, READER, city + "/members")["peers"]
    expect([peer["city"] for peer in peers] == sorted(CITIES[:2]), peers)
    expect(all(peer["witness_key"] == full_identity(league.node, peer["city"])["witness_key"]
               for peer in peers), peers)
    witnessed = eventually("the other's share to be witnessed", lambda: [
        row for row in [read(league.connection, READER, city + "/witnessed")["witnessed"]]
        if {one["ledger"] for one in row} == {"alliance/delta", f"share/delta/{OTHER}"}])[0]
    expect(witnessed[0]["ledger"] == "alliance/delta" and int(witnessed[0]["size"]) > 0, witnessed)
    own = read(league.connection, READER, city + "/figures")["figures"]
    expect(all(row["standing"] == "unspecified" for row in own) and
           {row["publication"] for row in own} == set(league.records()), own)
    for tail, field in (("members", "peers"), ("witnessed", "witnessed"), ("figures", "figures")):
        none = read(league.connection, READER, f"/v1/cities/{STRANGER}/alliances/delta/{tail}")
        expect(none[field] == [], (tail, none))
        for path, status, code in (
                (f"/v1/cities/nowhere/alliances/delta/{tail}", 404, "unknown_city"),
                (f"{city}/{tail}?page_size=1001", 400, "bad_request"),
                (f"{city}/{tail}?page_token=00", 400, "bad_request")):
            answer = league.connection.send(READER, "GET", path)
            expect((answer[0], answer[1]["code"]) == (status, code), (path, answer))
    for path, status, code in (("/v1/alliances/nobody/figures", 404, "unknown_alliance"),
                               ("/v1/alliances/delta/figures?page_size=1001", 400, "bad_request")):
        answer = league.connection.send(READER, "GET", path)
        expect((answer[0], answer[1]["code"]) == (status, code), (path, answer))


def check_refusals(league):
    for words, code in (
            (("speed@1", "2024-01"), "unknown_metric"),
            (("handling_time@2", "2024-01"), "unknown_metric"),
            (("handling_time@1", "2024-02"), "already_exists"),
            (("handling_time@1", "2024-01", "--scope", "street"), "not_shareable"),
            (("on_time_rate@1", "2024-01"), "not_shareable")):
        said = league.publish(*words, code=1)
        expect(code in said, (words, said))
    path = f"/v1/cities/{STRANGER}/alliances/delta/figures"
    send(league.connection, "city_admin", path,
         {"metric": "handling_time@1", "scope": "city", "from_day": "2024-01-01",
          "to_day": "2024-01-31"}, 404)


def prepare(hansa, folder):
    node = Node(hansa, folder, CITIES)
    host(node, "delta")
    add_caller(node, READER, ["auditor"], "delta")
    node.start()
    node.wait_until_ready()
    for city in CITIES:
        node.set_up(city)
    return node


def run(hansa, folder, lying_city):
    node = prepare(hansa, folder)
    try:
        league = League(node)
        league.bring()
        league.import_closed("2024-01", 3)
        # By a calendar that the others have not seen; it is said again with the figure.
        early, claim = league.publish("handling_time@1", "2024-01")
        expect(claim == "attested", claim)
        league.import_closed("2024-02", 4)
        proved, claim = league.publish("handling_time@1", "2024-02")
        expect(claim == "proved", claim)
        attested, claim = league.publish("source_coverage@1", "2024-02")
        expect(claim == "attested", claim)
        names = {early: "attested", proved: "proved", attested: "attested"}
        for name in names:
            record = league.judged(name)
        league.copy(record)
        shutil.copy(os.path.join(league.evidence, "tlog/alliance/delta/vkey"), league.key)
        check_words(league, names)
        record = league.records()[proved]
        check_proved(league, record)
        check_spoilt_file(league, record)
        check_short_copy(league, record)
        check_refusals(league)
        check_reads(league)
        # The last figure is the one that is told again, nudged.
        check_words(league, {**names, check_lie(league, lying_city): "does not follow"})
        node.stop()
        print("figures are proved, attested or do not follow, by whomever they are reckoned")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[2:], sys.argv[1]))
