#!/usr/bin/env python3
"""Goal: what a city shares is read by the members that ratified the version under which it was
shared; who ratified later reads the past only where the agreement says so; nobody meets a silent
gap, and what they may read is still proved.

Method: four cities on a real server; `late` ratifies after the others, twice. For each stage the
entries of `giver` are read as a subscriber of each city, and followed by `hansa feed`.
"""

import base64
import hashlib
import http.server
import json
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from alliance_process import (Alliance, add_caller, eventually, expect, host,  # noqa: E402
                              key_of, read, send)
from city_process import Node, test_main  # noqa: E402

GIVER, EARLY, LATE, LEAVING = CITIES = ["giver", "early", "late", "leaving"]
ALL_READERS = ["secretariat-delta", "anybody", "controller", "machinist", GIVER, EARLY]


def terms(shares_past):
    return {"purpose": "Where cases are reported.", "shares_past": shares_past, "grants": [
        {"event": "CaseReported", "fields": ["case", "service"], "highest_class": "PUBLIC"}]}


def prepare(hansa, folder):
    node = Node(hansa, folder, CITIES)
    host(node, "delta")
    for city in CITIES:
        add_caller(node, city, ["subscriber"], "delta", cities=[city])
    add_caller(node, "anybody", ["subscriber"], "delta")
    add_caller(node, "controller", ["auditor"], "delta", cities=[LATE])
    add_caller(node, "machinist", ["operator", "subscriber"], "delta", cities=[LATE])
    node.start()
    node.wait_until_ready()
    return node


class Stage:
    def __init__(self, node):
        self.node = node
        self.connection = node.connect()
        self.delta = Alliance(node, self.connection, "delta")
        self.reported = []

    def report(self):
        """The case's id, once the giver has shared it."""
        body = {"kind": "problem", "source": "hotline", "service": "rubbish",
                "place": {"district": "north", "street": "street-1", "community": "community-1-0"}}
        case = send(self.connection, "hotline", f"/v1/cities/{GIVER}/cases", body,
                    201)["subject_id"]
        eventually(f"{case} to be shared", lambda: case in self.cases())
        self.reported.append(case)
        return case

    def entries(self, reader):
        view = Alliance(self.node, self.connection, "delta")
        view.role = reader
        return view.shared(GIVER)

    def cases(self):
        return [content["case"] for name, content in self.delta.shared_events(GIVER)
                if name == "case_reported"]

    def check(self, reader, expected):
        entries = self.entries(reader)
        whole = self.entries("secretariat-delta")[:len(entries)]
        cases, before = [], None
        for entry, full in zip(entries, whole):
            expect((entry["seq"], entry["sha256"]) == (full["seq"], full["sha256"]), entry)
            value = base64.b64decode(entry["value"])
            if value:
                expect(entry == full, (reader, entry, full))
                expect(hashlib.sha256(value).hexdigest() == entry["sha256"], entry)
                expect(before is None or value[32:64].hex() == before, "the chain is broken")
            else:
                self.check_withheld(entry, full)
            before = entry["sha256"]
            cases += [one["event"]["case_reported"]["case"] for event in entry["events"]
                      for one in event.get("entries_shared", {}).get("events", [])
                      if "case_reported" in one["event"]]
        expect(cases == expected, f"{reader} reads {cases}, not {expected}")

    @staticmethod
    def check_withheld(entry, full):
        for event, other in zip(entry["events"], full["events"]):
            if "entries_shared" not in event:
                expect(event == other, (event, other))
                continue
            shared, was = event["entries_shared"], other["entries_shared"]
            for name in ("from_seq", "to_seq", "agreement_version"):
                expect(shared[name] == was[name], (shared, was))
            expect(not shared["events"] and shared["withheld"] == [
                {"from_seq": was["from_seq"], "to_seq": was["to_seq"], "reason": "not_granted"}],
                   shared)

    def feed(self, reader, port=None, code=0):
        """What `hansa feed` gives out of cases, and what it says besides."""
        def identity_of(name):
            return os.path.join(self.node.folder, "init-" + name, "identity.json")
        self.node.environment["HANSA_KEY"] = key_of(reader)
        run = self.node.run("feed", "--alliance", identity_of("delta"), "--city",
                            identity_of(GIVER), "--server",
                            f"http://127.0.0.1:{port or self.node.port}", code=code)
        events = [json.loads(line)["event"] for line in run.stdout.splitlines()]
        return [event["case_reported"]["case"] for event in events
                if "case_reported" in event], run.stderr


def check_lie(stage):
    """Whoever withholds an entry cannot put another in its place."""
    page = read(stage.connection, LATE, stage.delta.path +
                f"/shares/{GIVER}/entries?page_size=1000")
    entries = page["entries"]
    at = next(i for i, entry in enumerate(entries) if not entry["value"] and
              entries[i + 1]["value"])
    entries[at]["sha256"] = entries[at - 1]["sha256"]

    class Liar(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=C0103
            body = json.dumps(page).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):  # pylint: disable=W0221
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _, said = stage.feed(LATE, server.server_address[1], code=4)
        server.shutdown()
    expect("chain_broken" in said and f"entry {entries[at + 1]['seq']} does not follow" in said,
           said)


def check_everybody(stage, late, leaving):
    for reader in ALL_READERS:
        stage.check(reader, stage.reported)
    stage.check(LATE, late)
    stage.check(LEAVING, leaving)


def run(hansa, folder):
    node = prepare(hansa, folder)
    try:
        stage = Stage(node)
        delta = stage.delta
        for city in CITIES:
            node.set_up(city)
        delta.bring(CITIES)
        delta.put_in_force(terms(False), [GIVER, EARLY, LEAVING])
        one = stage.report()
        check_everybody(stage, [], [one])
        cases, said = stage.feed(LATE)
        expect(not cases and "are withheld" in said, said)
        cases, said = stage.feed(EARLY)
        expect(cases == [one] and "withheld" not in said, said)

        # Who ratifies later reads what is shared from then on.
        delta.ratify(LATE, 1)
        eventually("the alliance to hear of it", lambda: delta.member(LATE)["ratified"] == [1])
        two = stage.report()
        check_everybody(stage, [two], [one, two])
        cases, said = stage.feed(LATE)
        expect(cases == [two] and "are withheld" in said, (cases, said))
        check_lie(stage)

        # Under a version that shares the past also what was shared before, under that version.
        delta.put_in_force(terms(True), [GIVER, EARLY, LEAVING])
        three = stage.report()
        check_everybody(stage, [two], [one, two, three])
        delta.ratify(LATE, 2)
        eventually("the alliance to hear of it", lambda: delta.member(LATE)["ratified"] == [1, 2])
        check_everybody(stage, [two, three], [one, two, three])

        # Who left is no reader, and a restart changes nothing.
        delta.city(LEAVING, ":leave", {"reason": "the council has decided so"})
        eventually("the alliance to hear of it",
                   lambda: delta.member(LEAVING)["membership"] == "withdrawn")
        check_everybody(stage, [two, three], [])
        node.stop()
        node.start()
        node.wait_until_ready()
        stage.connection = delta.connection = delta.city_connection = node.connect()
        check_everybody(stage, [two, three], [])
        cases, said = stage.feed(LATE)
        expect(cases == [two, three] and "are withheld" in said, (cases, said))
        node.stop()
    finally:
        node.end()
    print("members read what was shared under versions they had ratified, and no gap is silent")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
