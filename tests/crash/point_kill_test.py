#!/usr/bin/env python3
"""Goal: SIGKILL at any named point of writing loses no acknowledged command and doubles none,
leaves no rows without their position, and no file half in place (laws 1 and 3).

Method: a server kills itself at one chosen call to the disk (fault_shim.cc): before it, after it,
or with half of it written; every other time what was not synced is lost, too, as with the
machine's power. It is brought there by what the point is about: its start, commands, a
rebuild of the rows, a backup, an erasure, its stop. Every next server works on what the one before
left, and is asked again what was open. At the end the ledger is read by a reader of our own and
compared with the histories, verified, and folded anew; persons are erased, and nobody else. A point
that no call reaches fails the test.

    point_kill_test.py [--all] [--only NAME] [--seed N] [HANSA]    each point once, --all: 200 kills
"""

import glob
import http.client
import json
import os
import random
import subprocess
import sys
import time

from checking import check_acknowledged
from city_process import (ACCEPTED, SECONDS_MAX, Node, check_receipts, expect, key_of, place,
                          read_chain, seeded_main, uuid_v7)
from faults import Faults

CITY = "wuxi"
ROWS = "projections/city-wuxi"
IMPORTED = 3_500  # so many cases that a rebuild takes them in as sorted files
REBUILT_S, DEAD_S = 20, 20  # at most
NO_ANSWER = (OSError, http.client.HTTPException, json.JSONDecodeError)
# name -> (what is done, files, calls, how)
POINTS = {
    "before the log's batch is written": ("report", "log/*.log", "write", "before"),
    "half of the log's batch written": ("report", "log/*.log", "write", "half"),
    "between the log's batch and its sync": ("report", "log/*.log", "sync", "before"),
    "between the log's sync and the answer": ("report", "log/*.log", "sync", "after"),
    "before the end marker": ("report", "log/end_marker", "write", "before"),
    "behind the end marker": ("report", "log/end_marker", "write", "after"),
    "the end marker's sync": ("report", "log/end_marker", "sync", "before"),
    "before a key is written": ("report", "keyring/*", "write", "before"),
    "between a key and its sync": ("report", "keyring/*", "sync", "before"),
    "between a key and its entry": ("report", "keyring/*", "sync", "after"),
    "before a commit of rows": ("report", ROWS + "/*.log", "write", "before"),
    "half of a commit of rows": ("report", ROWS + "/*.log", "write", "half"),
    "between a commit of rows and its release": ("report", ROWS + "/*.log", "write", "after"),
    "before a person's key is destroyed": ("erase", "keyring/*", "write", "before"),
    "a person's key destroyed, not synced": ("erase", "keyring/*", "sync", "before"),
    "a person's key destroyed": ("erase", "keyring/*", "sync", "after"),
    "the log's manifest at a start": ("start", "log/MANIFEST*", "write", "half"),
    "before the log's CURRENT is replaced": ("start", "log/CURRENT", "rename", "before"),
    "behind the log's CURRENT": ("start", "log/CURRENT", "rename", "after"),
    "what the log held becomes a table": ("start", "log/*.sst", "sync", "before"),
    "a new write-ahead log at a start": ("start", "log/*.log", "open", "after"),
    "an old write-ahead log goes": ("start", "log/*.log", "unlink", "before"),
    "the rows' manifest at a start": ("start", ROWS + "/v*/MANIFEST*", "write", "half"),
    "before the rows' CURRENT is replaced": ("start", ROWS + "/v*/CURRENT", "rename", "before"),
    "behind the rows' CURRENT": ("start", ROWS + "/v*/CURRENT", "rename", "after"),
    "a rebuild's folder": ("rebuild", ROWS + "/v*", "mkdir", "after"),
    "half of a rebuild's sorted file": ("rebuild", ROWS + "/v*/commit.sorted", "write", "half"),
    "a sorted file whole, not taken in": ("rebuild", ROWS + "/v*/commit.sorted", "sync", "after"),
    "a sorted file linked, not in the manifest": ("rebuild", ROWS + "/v*.sst", "link", "after"),
    "a sorted file in the manifest": ("rebuild", ROWS + "/v*/MANIFEST*", "sync", "after"),
    "a sorted file's first name goes": ("rebuild", ROWS + "/v*/commit.sorted", "unlink", "before"),
    "the new version's name half written": ("rebuild", ROWS + "/CURRENT.new", "write", "before"),
    "before the versions are swapped": ("rebuild", ROWS + "/CURRENT", "rename", "before"),
    "behind the swap of versions": ("rebuild", ROWS + "/CURRENT", "rename", "after"),
    "the old version half removed": ("rebuild", ROWS + "/v*", "unlink", "after"),
    "a backup's first folder": ("back up", "backups/*", "mkdir", "after"),
    "the log rolls for a backup": ("back up", "log/*.log", "open", "after"),
    "half of a backup linked": ("back up", "backups/*.sst", "link", "after"),
    "before a backup's record": ("back up", "backups/*/backup.json", "rename", "before"),
    "before a backup has its name": ("back up", "backups/*", "rename", "before"),
    "behind a backup's name": ("back up", "backups/*-[0-9]*", "rename", "after"),
    "memory becomes a table at the stop": ("stop", "*.sst", "sync", "before"),
    "the manifest at the stop": ("stop", "*/MANIFEST*", "write", "half"),
}


class Command:
    def __init__(self, role, path, body):
        self.key, self.role, self.path, self.body = uuid_v7(), role, path, body
        self.receipt = None

    def send(self, connection):
        status, answer = connection.send(self.role, "POST", self.path, self.body, self.key)
        expect(status in ACCEPTED, f"{self.path}: {status} {answer}")
        expect(self.receipt in (None, answer), f"{self.receipt} became {answer}")
        self.receipt = answer
        return answer


class City:
    """The histories, and what a caller can do."""

    def __init__(self, node, chance):
        self.node = node
        self.chance = chance
        self.history = []
        self.phones = {}  # of persons that may still be read -> case
        self.erased = {}  # acknowledged, or on its way

    def settle(self):
        """What is open is asked again, some of what is settled, too."""
        connection = self.node.connect()
        settled = [command for command in self.history if command.receipt]
        asked = [command for command in self.history if not command.receipt]
        for command in asked + self.chance.sample(settled, min(5, len(settled))):
            command.send(connection)
        connection.close()

    def command(self, connection, role, tail, body):
        self.history.append(Command(role, f"/v1/cities/{CITY}{tail}", body))
        return self.history[-1].send(connection)

    def report(self, connection):
        number = len(self.history)
        body = {"kind": "problem", "source": "hotline", "service": "rubbish",
                "place": place(number), "description": f"number {number} " * 100,
                "contact": {"phone": f"+86512{number:08}"}}
        receipt = self.command(connection, "hotline", "/cases", body)
        self.phones[body["contact"]["phone"]] = receipt["subject_id"]

    def erase(self, connection):
        phone, case = next(iter(self.phones.items()))
        status, found = connection.send("city_admin", "POST", f"/v1/cities/{CITY}/persons:find",
                                        {"phone": phone})
        expect(status == 200 and len(found["persons"]) == 1, f"finding {phone}: {found}")
        self.erased[phone] = self.phones.pop(phone)
        self.command(connection, "city_admin", f"/persons/{found['persons'][0]}:erase", {})

    def rebuild(self, connection):
        connection.send("city_admin", "POST", f"/v1/cities/{CITY}/projection:rebuild", {})
        end = time.monotonic() + REBUILT_S
        while time.monotonic() < end:  # the old version goes a second after its last reader
            connection.send("city_admin", "GET", f"/v1/cities/{CITY}/projection")
            time.sleep(0.01)

    def stop(self, connection):
        """Nothing more than the server does by itself."""

    def back_up(self, connection):
        connection.send("city_admin", "POST", f"/v1/cities/{CITY}/projection:backup", {})
        self.report(connection)

    def check_persons(self):
        connection = self.node.connect()
        for phones, readable in ((self.phones, True), (self.erased, False)):
            for phone, case in phones.items():
                status, shown = connection.send("dispatcher", "GET",
                                                f"/v1/cities/{CITY}/cases/{case}")
                expect(status == 200 and (phone in json.dumps(shown)) == readable,
                       f"{phone} of {case}, {readable=}: {status} {shown}")
        connection.close()


class Test:
    def __init__(self, hansa, folder, chance):
        self.node = Node(hansa, folder, [CITY])
        self.plain = self.node.environment
        self.faults = Faults(self.node)
        self.chance = chance
        self.city = City(self.node, chance)
        self.before = 0

    def prepare(self):
        self.node.start()
        self.node.wait_until_ready()
        self.node.set_up(CITY)
        import_cases(self.node)
        self.before = len(read_chain(*self.node.entries(CITY)))
        connection = self.node.connect()
        for _ in range(10):
            self.city.report(connection)
        self.node.kill()

    def strike(self, name):
        act, files, calls, how = POINTS[name]
        if act == "start":
            self.leave_something()
        loses_power = self.chance.random() < 0.5
        self.node.environment = {**self.plain, **self.faults.environment(how, files, calls)}
        if loses_power:
            self.node.environment |= self.faults.keep_shadow()
        try:
            if act == "start":
                self.faults.choose(1)
            self.node.start()
            if act != "start":
                self.work(act)
            self.wait_until_dead(name)
        finally:
            self.node.environment = self.plain
        if loses_power:
            self.faults.lose_power()

    def leave_something(self):
        """What the next start finds in the write-ahead logs."""
        self.node.start()
        self.some_work()
        self.node.kill()

    def some_work(self):
        self.node.wait_until_ready()
        self.city.settle()
        connection = self.node.connect()
        for _ in range(3):
            self.city.report(connection)
        return connection

    def work(self, act):
        connection = self.some_work()
        self.faults.choose(self.chance.randrange(1, 4) if act == "report" else 1)
        try:
            if act == "stop":
                self.node.process.terminate()
            getattr(self.city, act.replace(" ", "_"))(connection)
            end = time.monotonic() + DEAD_S
            while act == "report" and time.monotonic() < end:
                self.city.report(connection)
        except NO_ANSWER:
            pass

    def wait_until_dead(self, name):
        try:
            code = self.node.process.wait(DEAD_S)
        except subprocess.TimeoutExpired:
            code = "nothing, it lives"
        expect(code == -9 and self.faults.struck() == 1,
               f"'{name}' was not reached: the server ended with {code}; "
               f"{self.faults.counted()} calls")
        self.node.process = None

    def check(self):
        self.node.start()
        self.node.wait_until_ready()
        self.city.settle()
        self.city.check_persons()
        ledger = self.node.entries(CITY)
        entries = read_chain(*ledger)
        receipts = {one.key: one.receipt for one in self.city.history}
        others = check_receipts(entries[self.before:], receipts)
        expect(not others, f"{len(others)} entries of nobody's commands")
        digest = self.node.digest(CITY, len(entries))
        check_acknowledged(self.node.folder, ledger, digest, receipts, self.before)
        self.node.stop()
        self.node.check_stopped(CITY, len(entries), digest)
        for made in glob.glob(os.path.join(self.node.data_dir, "backups", "*-[0-9]*")):
            self.check_backup(made)

    def check_backup(self, folder):
        to = os.path.join(self.node.folder, "restored-" + os.path.basename(folder))
        self.node.run("restore", folder, "--data", to)
        where = ("--data", to, "--ledger", f"city/{CITY}")
        with open(os.path.join(folder, "backup.json"), encoding="utf-8") as stream:
            made = json.load(stream)
        said = json.loads(self.node.run("projection", "digest", *where, "--scan", "--json").stdout)
        expect(said["digest"] == made["digest"], f"backup {made} was restored as {said}")


MAPPING = f"""
city: {CITY}
time_zone: UTC
source: made
grid: {{district: area, street: road, community: block}}
columns: {{source_id: id, reported_at: opened, service: type, status: status}}
date_formats: ["YYYY-MM-DD HH:mm:ss"]
status: {{new: reported}}
"""


def import_cases(node):
    with open(os.path.join(node.folder, "rows.csv"), "w", encoding="utf-8") as file:
        file.write("id,opened,type,status,area,road,block\n")
        for row in range(IMPORTED):
            file.write(f"r{row},2024-01-{row % 31 + 1:02} 08:00:00,type {row % 7},new,north,"
                       f"road {row % 4},block {row % 20}\n")
    with open(os.path.join(node.folder, "mapping.yaml"), "w", encoding="utf-8") as file:
        file.write(MAPPING)
    node.environment |= {"HANSA_SERVER": f"http://127.0.0.1:{node.port}",
                         "HANSA_KEY": key_of("city_admin")}
    node.run("import", "--mapping", "mapping.yaml", "--found", "rows.csv")


def order_of(kills, chance):
    if "--only" in sys.argv:
        return [sys.argv[sys.argv.index("--only") + 1]]
    names = []
    while len(names) < kills:
        names += chance.sample(list(POINTS), len(POINTS))
    return names


def run(hansa, folder, kills, seed):
    chance = random.Random(seed)
    test = Test(hansa, folder, chance)
    try:
        test.prepare()
        names = order_of(kills, chance)
        for name in names:
            try:
                test.strike(name)
            except BaseException:
                print(f"seed {seed}: at '{name}'")
                raise
        test.check()
        print(f"seed {seed}: killed at {len(names)} points; {len(test.city.history)} commands, "
              f"each once; {len(test.city.erased)} persons erased; chain, rows and backups hold")
    finally:
        test.node.end()


if __name__ == "__main__":
    sys.exit(seeded_main(run, len(POINTS), 200))
