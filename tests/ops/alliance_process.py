"""Alliances on a node of tests/crash/city_process.py: hosting, admitting, joining, and waiting for
what one ledger has to hear from another."""

import hashlib
import json
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
from city_process import SECONDS_MAX, Failed, expect, key_of, uuid_v7  # noqa: E402

IDENTITY = ("founding_id", "public_key", "recovery_key")


def host(node, alliance):
    """The alliance on this node, with a key `secretariat-<alliance>`; before it starts."""
    made = os.path.join(node.folder, "init-" + alliance)
    answer = json.loads(node.run("init", "alliance", alliance, "--dir", made, "--json").stdout)
    keys = os.path.join(node.data_dir, "keys")
    os.makedirs(keys, exist_ok=True)
    shutil.move(os.path.join(made, "data", "keys", f"alliance-{alliance}.key"), keys)
    node.ledgers.append({"ledger": f"alliance/{alliance}", "founding_id": answer["founding_id"]})
    add_caller(node, "secretariat-" + alliance, ["secretariat"], alliance)


def add_caller(node, name, roles, alliance, **more):
    """Somebody whose key is `test-key-<name>`; before the node starts."""
    with open(node.config, encoding="utf-8") as stream:
        config = json.load(stream)
    config["ledgers"] = node.ledgers
    config["access"]["api_keys"].append(
        {"id": name, "sha256": hashlib.sha256(key_of(name).encode()).hexdigest(),
         "roles": roles, "alliance": alliance, **more})
    with open(node.config, "w", encoding="utf-8") as stream:
        json.dump(config, stream, indent=1)


def identity(node, name):
    """What `hansa init` wrote for others to know the ledger by."""
    with open(os.path.join(node.folder, "init-" + name, "identity.json"),
              encoding="utf-8") as stream:
        return {field: text for field, text in json.load(stream).items() if field in IDENTITY}


def ask(path, question, expected=200):
    """Asks again while the answer is 503: a node that came a moment ago may not know yet who leads,
    or reach the ledgers of others."""
    def answered():
        status, answer = question()
        return None if status == 503 and expected != 503 else (status, answer)
    status, answer = eventually(f"an answer to {path}", answered)
    expect(status == expected, (path, status, answer))
    return answer


def send(connection, role, path, body, expected=200):
    key = uuid_v7()
    return ask((path, body), lambda: connection.send(role, "POST", path, body, key), expected)


def read(connection, role, path, at_least=0):
    """Shows at least what `at_least` names, the seq that an answer to a command gave."""
    separator = "&" if "?" in path else "?"
    shown = f"{path}{separator}at_least={at_least}"
    return ask(path, lambda: connection.send(role, "GET", shown))


def eventually(what, probe):
    """Asks until the answer is true; it is returned."""
    end = time.monotonic() + SECONDS_MAX
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"waited in vain for {what}: {answer}")
        time.sleep(0.02)


class Alliance:
    """One alliance as its secretariat and its members see it; they may be served by two nodes."""

    def __init__(self, node, connection, name, cities=None):
        self.node, self.connection, self.name = node, connection, name
        self.city_node, self.city_connection = cities or (node, connection)
        self.path = "/v1/alliances/" + name
        self.role = "secretariat-" + name
        self.done = {}  # by ledger, the seq of the last command: reads show what was done

    def do(self, tail, body, expected=200):
        answer = send(self.connection, self.role, self.path + tail, body, expected)
        self.done[self.name] = answer.get("seq", 0)
        return answer

    def read(self, tail):
        return read(self.connection, self.role, self.path + tail, self.done.get(self.name, 0))

    def city(self, city, tail, body, expected=200):
        answer = send(self.city_connection, "city_admin",
                      f"/v1/cities/{city}/alliances/{self.name}{tail}", body, expected)
        self.done[f"city/{city}"] = answer.get("seq", 0)
        return answer

    def affiliation(self, city):
        rows = read(self.city_connection, "city_admin", f"/v1/cities/{city}/alliances",
                    self.done.get(f"city/{city}", 0))["affiliations"]
        return next((row for row in rows if row["alliance"] == self.name), {})

    def member(self, city):
        rows = self.read("/members?page_size=1000")["members"]
        return next(row for row in rows if row["city"] == city)

    def bring(self, cities):
        """Founded, and each city admitted and joined."""
        self.do(":found", {"title": {"en": self.name}})
        for city in cities:
            self.do(f"/members/{city}:admit", identity(self.city_node, city))
            self.city(city, ":join", identity(self.node, self.name))
        for city in cities:
            eventually(f"{city} to hear that it is a member",
                       lambda city=city: self.affiliation(city).get("membership") == "admitted")

    def propose(self, agreement):
        return int(self.do("/agreements", {"agreement": agreement}, 201)["subject_id"])

    def heard(self, city, version):
        rows = read(self.city_connection, "city_admin",
                    f"/v1/cities/{city}/alliances/{self.name}/agreements",
                    self.done.get(f"city/{city}", 0))["agreements"]
        return next((row for row in rows if row["version"] == version), None)

    def ratify(self, city, version):
        row = eventually(f"{city} to hear of version {version}",
                         lambda: self.heard(city, version))
        return self.city(city, f"/agreements/{version}:ratify", {"sha256": row["sha256"]})

    def is_in_effect(self, city, version):
        row = self.affiliation(city)
        return row.get("version_in_force") == version and row.get("membership") == "admitted"

    def put_in_force(self, agreement, cities):
        version = self.propose(agreement)
        for city in cities:
            self.ratify(city, version)
        for city in cities:
            # One that others put in force may be heard of before the alliance's word that this city
            # is a member; nothing is in effect for it until then.
            eventually(f"version {version} to be in force for {city}, a member",
                       lambda city=city: self.is_in_effect(city, version))
            eventually(f"the alliance to hear that {city} ratified version {version}",
                       lambda city=city: version in self.member(city)["ratified"])
        return version

    def shared(self, city):
        """Every entry that the city shares with this alliance, in order."""
        entries, start = [], 1
        while True:
            page = self.read(f"/shares/{city}/entries?from={start}&page_size=1000")
            entries += page["entries"]
            if not page["entries"]:
                return entries
            start = int(page["next_from"])

    def shared_events(self, city):
        """Of those, the city's events, by the name of their kind."""
        events = []
        for entry in self.shared(city):
            for event in entry.get("events", []):
                for one in event.get("entries_shared", {}).get("events", []):
                    events += [(name, content) for name, content in one["event"].items()]
        return events

    def shared_up_to(self, city):
        ranges = [event["entries_shared"] for entry in self.shared(city)
                  for event in entry.get("events", []) if "entries_shared" in event]
        return int(ranges[-1]["to_seq"]) if ranges else 0
