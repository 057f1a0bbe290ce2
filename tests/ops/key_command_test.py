#!/usr/bin/env python3
"""Goal: by the command line a city changes its key, its alliance goes on hearing it, and whoever
follows the share by the city's identity goes on once he has the statement; a key that nobody
recorded, a stolen one and a statement by the wrong key stop what they must and nothing else; an
alliance changes its key for each of its cities. Method: two cities and their alliance in one real
process, stopped for each change, with the statements handed on as files.

    key_command_test.py      HANSA_BINARY is the executable
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
from alliance_process import Alliance, eventually, host, send  # noqa: E402
from city_process import Node, expect, key_of, test_main, uuid_v7  # noqa: E402

CITIES = ["city-1", "city-2"]
TERMS = {"purpose": "Who works where.", "grants": [{"event": "UnitDefined", "fields": ["unit"]}]}


class Play:
    """The node, and what its people do."""

    def __init__(self, hansa, folder):
        self.node = Node(hansa, folder, CITIES)
        host(self.node, "delta")
        self.delta = None
        self.units = 0

    def start(self):
        self.node.start()
        self.node.wait_until_ready()
        self.delta = Alliance(self.node, self.node.connect(), "delta")

    def stop(self):
        self.node.stop()

    def key(self, *words, code=0):
        return self.node.run("key", *words, "--data", self.node.data_dir, code=code)

    def statement(self, name, *words):
        """Prints it into a file of this name."""
        path = os.path.join(self.node.folder, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(self.key(*words).stdout)
        return path

    def record(self, method, file, role, code=0):
        self.node.environment["HANSA_KEY"] = key_of(role)
        return self.node.run("call", method, "--each", file, "--server",
                             f"http://127.0.0.1:{self.node.port}", code=code)

    def feed(self, *words, code=0):
        self.node.environment["HANSA_KEY"] = key_of(self.delta.role)
        where = os.path.join(self.node.folder, "init-{}", "identity.json")
        return self.node.run("feed", "--alliance", where.format("delta"), "--city",
                             where.format("city-1"), *words, "--server",
                             f"http://127.0.0.1:{self.node.port}", code=code)

    def share_unit(self, city):
        self.units += 1
        send(self.delta.connection, "city_admin",
             f"/v1/cities/{city}/units/unit-{self.units}:define", {"title": {"en": "Roads"}})

    def waits(self, city):
        rows = self.delta.read("/shares")["shares"]
        return next(row for row in rows if row["city"] == city).get("waits_code", "")

    def signed_size(self, *of):
        """As the stopped node says."""
        return int(self.key("change", *of, "--dry-run").stdout.split("size ")[1].split(";")[0])

    def is_heard(self, city, released=False):
        """A word of the city reaches the alliance; `released`: out of a quarantine, if need be."""
        version = self.delta.propose(TERMS)
        self.delta.ratify(city, version)

        def arrives():
            if released and self.waits(city):
                self.delta.connection.send(
                    self.delta.role, "POST", f"{self.delta.path}/members/{city}:release",
                    {"reason": "its keys are recorded"}, uuid_v7())
            return version in self.delta.member(city).get("ratified", [])
        eventually(f"{city} to be heard", arrives)

    def share_until_signed_by(self, key):
        """Shares what city-1 does until a checkpoint bears this key."""
        def is_signed():
            self.share_unit("city-1")
            return any(event.get("checkpoint_signed", {}).get("public_key") == key
                       for entry in self.delta.shared("city-1")
                       for event in entry.get("events", []))
        eventually("the new key to sign", is_signed)


OF_CITY = ("--ledger", "city/city-1", "--alliance", "delta")
OF_ALLIANCE = ("--ledger", "alliance/delta", "--city", "city-1", "--city", "city-2")


def check_refusals(play):
    play.stop()
    told = play.key("change", "--ledger", "city/city-1", code=1).stderr
    expect("with --alliance" in told, told)
    told = play.key("change", "--ledger", "alliance/delta", code=1).stderr
    expect("expected --city" in told, told)
    play.start()
    told = play.key("change", *OF_CITY, code=3).stderr
    expect("data_in_use" in told, told)
    play.stop()


def check_change(play):
    """Recorded before the new key signs: nobody waits for anything."""
    size = str(play.signed_size(*OF_CITY) + 10)
    file = play.statement("change-1.json", "change", *OF_CITY, "--from-size", size)
    again = play.statement("again.json", "change", *OF_CITY)
    with open(file, encoding="utf-8") as one, open(again, encoding="utf-8") as other:
        said = one.read()
        expect(said == other.read(), "a statement that was lost is another one")
    play.start()
    play.record("ChangeCityKey", file, "secretariat-delta")
    play.share_until_signed_by(json.loads(said)["public_key"])
    play.is_heard("city-1")
    expect(play.waits("city-1") == "", "it was recorded in time")
    member = play.delta.member("city-1")
    expect(member["public_key"] == json.loads(said)["public_key"], member)
    expect([key["from_size"] for key in member["keys"]] == ["1", size], member)
    told = play.record("ChangeCityKey", file, "secretariat-delta", code=1).stderr
    expect("bad_signature" in told or "already_exists" in told, told)
    return file


def check_feed(play, file):
    told = play.feed(code=4).stderr
    expect("bad_signature" in told and "--statement" in told, told)
    lines = play.feed("--statement", file).stdout.splitlines()
    seen = [json.loads(line)["event"] for line in lines]
    expect(any("unit_defined" in event for event in seen), seen)
    with open(file, encoding="utf-8") as stream:
        forged = json.load(stream)
    forged["from_size"] = str(int(forged["from_size"]) + 1)
    path = os.path.join(play.node.folder, "forged.json")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(forged, stream)
    told = play.feed("--statement", path, code=1).stderr
    expect("bad_signature" in told, told)
    page = play.delta.read("/shares/city-1/entries")
    expect(len(page["keys"]) == 2, page["keys"])


def check_theft(play, file):
    """The key is in wrong hands: revoked, and changed at once, with the recovery key."""
    recovery = ("--recovery", os.path.join(play.node.folder, "init-city-1",
                                           "recovery-city-city-1.key"))
    play.stop()
    revoked = play.statement("revoked.json", "revoke", *OF_CITY, "--compromised", *recovery)
    changed = play.statement("changed.json", "change", *OF_CITY, *recovery)
    told = play.key("change", *OF_CITY, "--recovery",
                    os.path.join(play.node.folder, "init-city-2", "recovery-city-city-2.key"),
                    code=1).stderr
    expect("bad_file" in told, told)
    play.start()
    play.record("RevokeCityKey", revoked, "secretariat-delta")
    play.record("ChangeCityKey", changed, "secretariat-delta")
    play.is_heard("city-1", released=True)
    expect([key.get("compromised") for key in play.delta.member("city-1")["keys"]] ==
           [False, True, False], play.delta.member("city-1"))
    play.feed("--statement", file, "--statement", revoked, "--statement", changed)
    play.feed("--statement", file, "--statement", revoked, code=4)


def check_alliance(play):
    """The alliance's key, recorded by each of its cities while the old one signs still."""
    play.stop()
    size = play.signed_size(*OF_ALLIANCE) + 20
    file = play.statement("alliance.json", "change", *OF_ALLIANCE, "--from-size", str(size))
    play.start()
    play.record("ChangeAllianceKey", file, "city_admin")
    for _ in range(20):
        play.delta.propose(TERMS)
    for city in CITIES:
        play.is_heard(city)
        keys = play.delta.affiliation(city)["keys"]
        expect([key["from_size"] for key in keys] == ["1", str(size)], keys)
    play.stop()
    expect(play.signed_size(*OF_ALLIANCE) > size, "the new key has signed nothing")


def run(hansa, folder):
    play = Play(hansa, folder)
    play.start()
    try:
        for city in CITIES:
            play.node.set_up(city)
        play.delta.bring(CITIES)
        play.delta.put_in_force(TERMS, CITIES)
        check_refusals(play)
        file = check_change(play)
        check_feed(play, file)
        check_theft(play, file)
        play.is_heard("city-2")
        check_alliance(play)
    finally:
        play.node.end()
    print("keys are changed and revoked, and everybody who reads goes on by the statements alone")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
