"""Goal: cities share with each alliance exactly what its agreement grants, and nothing else ever
stands in a share ledger; who leaves, or takes a ratification back, shares no more; a kill loses and
doubles nothing.

Method: six cities in two overlapping alliances with different grants on one real server, which is
killed on the way; every report carries a marker in every field that is not granted, and every byte
of every share ledger is searched for them.
"""

import base64
import hashlib
import http.client
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from alliance_process import (Alliance, eventually, expect, host, identity,  # noqa: E402
                              key_of, send)
from city_process import Node, test_main  # noqa: E402

CITIES = [f"city-{number}" for number in range(1, 7)]
DELTA, RIVER = CITIES[:4], CITIES[2:]
DELTA_TERMS = {"purpose": "Where cases are reported.", "heartbeat_s": 60, "grants": [
    {"event": "CaseReported", "fields": ["case", "service", "place.district"],
     "highest_class": "PUBLIC"}]}
RIVER_TERMS = {"purpose": "What kinds of cases there are.", "heartbeat_s": 60, "grants": [
    {"event": "CaseReported", "fields": ["case", "kind", "place.street"],
     "highest_class": "PUBLIC"}]}
MARKER = "marker-of-what-nobody-granted"


def report(connection, city, number):
    body = {"kind": "problem", "source": "hotline", "service": "rubbish",
            "place": {"district": "north", "street": f"street-{number % 4}",
                      "community": f"community-{number % 4}-0"},
            "description": f"{MARKER} {city} {number}", "address": MARKER,
            "contact": {"name": MARKER, "phone": "555 0100", "text": MARKER}}
    return send(connection, "hotline", f"/v1/cities/{city}/cases", body, 201)


def present(row):
    """JSON shows every field; those that say something."""
    shown = {name: present(value) if isinstance(value, dict) else value
             for name, value in row.items()}
    return {name: value for name, value in shown.items()
            if value not in ("", "unspecified", [], {}, False, "0", 0)}


def cases_shared(alliance, city):
    return [present(content) for name, content in alliance.shared_events(city)
            if name == "case_reported"]


def check_bytes(alliance, city):
    """No ungranted field's text, in whatever form; and a dense chain."""
    before, seq = None, 0
    for entry in alliance.shared(city):
        value = base64.b64decode(entry["value"])
        expect(MARKER.encode() not in value, f"{city} shares what nobody granted")
        expect(b"sealed1:" not in value, f"{city} shares a sealed text")
        expect(hashlib.sha256(value).hexdigest() == entry["sha256"], "the hash is another's")
        seq += 1
        expect(int(entry["seq"]) == seq, (entry["seq"], seq))
        expect(before is None or value[32:64] == before, "the chain is broken")
        before = hashlib.sha256(value).digest()


def check_grants(delta, river, city, reports):
    if city in DELTA:
        rows = eventually(f"{city} to share with delta", lambda: (
            lambda found: found if len(found) == reports else None)(cases_shared(delta, city)))
        expect(all(set(row) == {"case", "service", "place"} and
                   set(row["place"]) == {"district"} for row in rows), rows[:2])
    if city in RIVER:
        rows = eventually(f"{city} to share with river", lambda: (
            lambda found: found if len(found) == reports else None)(cases_shared(river, city)))
        expect(all(set(row) <= {"case", "kind", "place"} and
                   set(row["place"]) == {"street"} for row in rows), rows[:2])


def check_bad_words(delta, connection):
    """What a city must not be able to say."""
    path = "/v1/cities/city-1/alliances/"
    refused = send(connection, "city_admin", path + "delta:join",
                   identity(delta.node, "delta"), 409)
    expect(refused["code"] == "already_exists", refused)
    refused = delta.city("city-1", "/agreements/9:ratify", {"sha256": "0" * 64}, 404)
    expect(refused["code"] == "unknown_agreement", refused)
    version = delta.propose({**DELTA_TERMS, "purpose": "Another text."})
    eventually("the proposal to be heard", lambda: delta.heard("city-1", version))
    refused = delta.city("city-1", f"/agreements/{version}:ratify", {"sha256": "0" * 64}, 409)
    expect(refused["code"] == "agreement_differs", refused)
    refused = send(connection, "city_admin", path + "pearl/agreements/1:ratify",
                   {"sha256": "0" * 64}, 404)
    expect(refused["code"] == "unknown_alliance", refused)
    delta.do(f"/agreements/{version}:drop", {"reason": "only an example"})
    status, answer = connection.send("city_admin", "GET", delta.path + "/shares/city-2/entries")
    expect((status, answer["code"]) == (403, "forbidden"), answer)
    status, answer = connection.send(delta.role, "GET", delta.path + "/shares/city-9/entries")
    expect((status, answer["code"]) == (404, "unknown_member"), answer)


def events_after(node, role, city, last):
    """The seqs that an event stream gives after the one named."""
    stream = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)
    headers = {"Authorization": "Bearer " + key_of(role), "Accept": "text/event-stream"}
    if last:
        headers["Last-Event-ID"] = str(last)
    stream.request("GET", f"/v1/alliances/delta/shares/{city}/entries", headers=headers)
    answer = stream.getresponse()
    lines = answer.read().decode().splitlines()
    expect(answer.status == 200, lines)
    expect(answer.headers["Content-Type"] == "text/event-stream", dict(answer.headers))
    stream.close()
    return [int(line[4:]) for line in lines if line.startswith("id: ")]


def check_stream(node, delta, connection):
    """Across a kill: every entry once, in order."""
    seen = events_after(node, delta.role, "city-1", 0)
    expect(seen and seen == list(range(1, len(seen) + 1)), seen)
    report(connection, "city-1", 100)
    node.kill()
    node.start()
    node.wait_until_ready()
    connection = node.connect()
    delta.connection = delta.city_connection = connection
    while len(cases_shared(delta, "city-1")) < 5:
        seen += events_after(node, delta.role, "city-1", seen[-1])
    seen += events_after(node, delta.role, "city-1", seen[-1])
    expect(seen == list(range(1, len(seen) + 1)), seen)
    return connection


def check_feed(node, delta, connection):
    """By the command line: everything once, over several runs; what is another's is refused."""
    def identity_of(name):
        return os.path.join(node.folder, "init-" + name, "identity.json")

    def feed(city, code=0, state="feed.json"):
        return node.run("feed", "--alliance", identity_of("delta"), "--city", identity_of(city),
                        "--state", state, "--server", f"http://127.0.0.1:{node.port}", code=code)

    node.environment["HANSA_KEY"] = key_of(delta.role)
    first = [json.loads(line) for line in feed("city-1").stdout.splitlines()]
    expect(sum("case_reported" in line["event"] for line in first) == 5, first)
    expect(feed("city-1").stdout == "", "a second run reads it again")
    seq = report(connection, "city-1", 150)["seq"]
    eventually("it to be shared", lambda: len(cases_shared(delta, "city-1")) == 6)
    more = [json.loads(line) for line in feed("city-1").stdout.splitlines()]
    expect([line["city_seq"] for line in more if "case_reported" in line["event"]] == [int(seq)],
           more)
    # Whoever was told another history finds out with the next entry.
    with open(os.path.join(node.folder, "other.json"), "w", encoding="utf-8") as stream:
        json.dump({"seq": "3", "sha256": "0" * 64}, stream)
    told = feed("city-1", code=4, state="other.json").stderr
    expect("does not follow" in told, told)
    with open(identity_of("city-1"), encoding="utf-8") as stream:
        forged = json.load(stream)
    forged["public_key"] = identity(node, "city-2")["public_key"]
    path = os.path.join(node.folder, "forged.json")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(forged, stream)
    told = node.run("feed", "--alliance", identity_of("delta"), "--city", path,
                    "--server", f"http://127.0.0.1:{node.port}", code=4).stderr
    expect("bad_signature" in told, told)
    told = node.run("feed", "--alliance", path, "--city", path, code=1).stderr
    expect("identity of an alliance" in told, told)


def check_endings(delta, connection):
    """Who leaves or revokes shares no more, with a tombstone; who returns begins anew."""
    delta.city("city-2", "/agreements/1:revoke", {"reason": "it grants too much"})
    eventually("a tombstone", lambda: any(
        "share_ended" in event for entry in delta.shared("city-2")
        for event in entry.get("events", [])))
    eventually("the alliance to hear of it", lambda: not delta.member("city-2").get("ratified"))
    delta.city("city-3", ":leave", {"reason": "the council has decided so"})
    eventually("the alliance to hear of it",
               lambda: delta.member("city-3").get("membership") == "withdrawn")
    before = {city: len(cases_shared(delta, city)) for city in DELTA}
    last = {city: int(report(connection, city, 200)["seq"]) for city in ("city-2", "city-3")}
    for city, seq in last.items():
        eventually(f"{city} to tell of entry {seq}",
                   lambda city=city, seq=seq: delta.shared_up_to(city) >= seq)
        expect(len(cases_shared(delta, city)) == before[city], f"{city} still shares")
    delta.city("city-3", ":join", identity(delta.node, "delta"))
    eventually("city-3 to be a member again",
               lambda: (delta.affiliation("city-3")["state"],
                        delta.affiliation("city-3")["membership"]) == ("joined", "admitted"))
    delta.ratify("city-3", 1)
    report(connection, "city-3", 300)
    eventually("city-3 to share again",
               lambda: len(cases_shared(delta, "city-3")) == before["city-3"] + 1)
    delta.do("/agreements/1:suspend", {"reason": "the court has asked for it"})
    eventually("a suspension", lambda: delta.affiliation("city-1").get("agreement_suspended"))
    seq = int(report(connection, "city-1", 400)["seq"])
    eventually("city-1 to tell of it", lambda: delta.shared_up_to("city-1") >= seq)
    expect(len(cases_shared(delta, "city-1")) == before["city-1"], "shared while suspended")
    delta.do("/agreements/1:resume", {})
    eventually("its end", lambda: not delta.affiliation("city-1").get("agreement_suspended"))
    report(connection, "city-1", 500)
    eventually("city-1 to share again",
               lambda: len(cases_shared(delta, "city-1")) == before["city-1"] + 1)


def check_stopped(node, cities):
    for ledger in [f"city/{city}" for city in cities] + ["alliance/delta", "alliance/river"]:
        where = ("--data", node.data_dir, "--ledger", ledger)
        stored = node.run("projection", "digest", *where, "--json").stdout
        rebuilt = node.run("projection", "rebuild", *where).stdout
        digest = stored.split('"digest":"')[1].split('"')[0]
        expect(digest in rebuilt, (ledger, stored, rebuilt))


def run(hansa, folder):
    node = Node(hansa, folder, CITIES)
    host(node, "delta")
    host(node, "river")
    node.start()
    try:
        node.wait_until_ready()
        connection = node.connect()
        for city in CITIES:
            node.set_up(city)
            report(connection, city, 0)  # before any agreement: never shared
        delta, river = Alliance(node, connection, "delta"), Alliance(node, connection, "river")
        delta.bring(DELTA)
        river.bring(RIVER)
        delta.put_in_force(DELTA_TERMS, DELTA)
        river.put_in_force(RIVER_TERMS, RIVER)
        for number in range(1, 5):
            for city in CITIES:
                report(connection, city, number)
        for city in CITIES:
            check_grants(delta, river, city, 4)
        check_bad_words(delta, connection)
        connection = check_stream(node, delta, connection)
        river.connection = river.city_connection = connection
        check_feed(node, delta, connection)
        check_endings(delta, connection)
        for alliance, cities in ((delta, DELTA), (river, RIVER)):
            for city in cities:
                check_bytes(alliance, city)
            rows = alliance.read("/shares")["shares"]
            expect([row["city"] for row in rows] == cities, rows)
            expect(not any(row.get("waits_code") for row in rows), rows)
        node.stop()
        check_stopped(node, CITIES)
    finally:
        node.end()
    print("six cities share with two alliances what each agreement grants, and nothing else")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
