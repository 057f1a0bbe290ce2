#!/usr/bin/env python3
"""Goal: a flipped bit in any file that a data folder owns is harmless or said in words; damaged
rows are rebuilt, by themselves or by the command that is named; what concerns one city stops no
other (laws 1, 2, 3 and 6).

Method: two cities whose server was stopped once and killed once, so that tables, write-ahead logs,
rows, keys and a backup lie in its folder. Of every file some bits are flipped, one in a copy of the
folder, and a server is started on it. Either all is as it was: every entry, by a reader of our own,
every row by its digest, every personal text, and a new command is taken. Or the server, or a verb,
says what is damaged; then the other city serves if the file was that of one city, and where the
words name `hansa projection rebuild`, all is as it was once that was done. A backup whose bit is
flipped is refused, restored as it was, or not served.

    flip_test.py [--all] [--only FILE BYTE BIT] [--seed N] [HANSA]    one bit a file, --all: 12
"""

import base64
import fnmatch
import http.client
import json
import os
import random
import re
import shutil
import sys
import threading
import time

from city_process import (ACCEPTED, SECONDS_MAX, Failed, Node, expect, place, read_chain,
                          seeded_main, uuid_v7)

CITIES = ("wuxi", "suzhou-js")
REPORTS = 60
WORKERS = 3
FAILURES_MAX = 10  # told at once
REBUILD = "hansa projection rebuild"
FOLDED_ANEW = "folded anew"
NAMED_MANIFEST = ("projections/city-wuxi/v*/CURRENT", 10, 1)  # becomes one that is not there
SETTLED_BY = "+8651288888888"
NO_ANSWER = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Said(Exception):
    """What the server, or a verb, says is damaged."""


class Template:
    """The folder as it was, and what stands in it."""

    def __init__(self, hansa, folder):
        self.node = Node(hansa, folder, CITIES)
        self.cases = {city: [] for city in CITIES}
        self.settled = {}  # Idempotency-Key and receipt of the last command
        self.hashes, self.digests = {}, {}
        self.folder = os.path.join(folder, "template")
        self.run_once()
        status, self.backup = self.node.connect().send(
            "city_admin", "POST", f"/v1/cities/{CITIES[0]}/projection:backup", {})
        expect(status == 200, f"backup: {status} {self.backup}")
        self.node.stop()
        self.run_once()
        self.node.kill()
        os.rename(self.node.data_dir, self.folder)

    def run_once(self):
        self.node.start()
        self.node.wait_until_ready()
        for city in CITIES:
            if not self.cases[city]:
                self.node.set_up(city)
            connection = self.node.connect()
            for number in range(len(self.cases[city]), len(self.cases[city]) + REPORTS):
                phone = f"+86512{number:08}"
                self.cases[city].append((report(connection, city, phone)["subject_id"], phone))
            key = uuid_v7()
            self.settled[city] = (key, report(connection, city, SETTLED_BY, key))
            connection.close()
            entries = read_chain(*self.node.entries(city))
            self.hashes[city] = [entry.sha256 for entry in entries]
            self.digests[city] = self.node.digest(city, len(entries))["digest"]

    def files(self):
        """Relative paths of all that are not empty; a table that a backup shares is one file."""
        found = {}
        for path, _, names in os.walk(self.folder):
            for name in sorted(names):
                file = os.path.join(path, name)
                status = os.stat(file)
                if status.st_size > 0:
                    found[status.st_ino] = os.path.relpath(file, self.folder)
        return sorted(found.values())

    def bits(self, chance, count):
        """(file, byte, bit): some of each file."""
        def size(file):
            return os.path.getsize(os.path.join(self.folder, file))
        pattern, byte, bit = NAMED_MANIFEST
        always = [(file, byte, bit) for file in fnmatch.filter(self.files(), pattern)]
        expect(always, f"no {pattern}")
        return always + [(file, chance.randrange(size(file)), chance.randrange(8))
                         for file in self.files() for _ in range(count)]


def report(connection, city, phone, key=None):
    body = {"kind": "problem", "source": "hotline", "service": "rubbish", "place": place(7),
            "description": "Bags beside the bin", "contact": {"phone": phone}}
    status, answer = connection.send("hotline", "POST", f"/v1/cities/{city}/cases", body,
                                     key or uuid_v7())
    if status not in ACCEPTED:
        raise Said(f"{answer['code']}: {answer['detail']}")
    return answer


class Copy:
    """A copy of the template with one bit flipped, and the server on it."""

    def __init__(self, template, folder):
        os.makedirs(folder)
        self.template = template
        self.taken = {}  # commands behind what the template holds
        self.node = Node(template.node.hansa, folder, [])
        self.node.ledgers = template.node.ledgers
        self.node.write_config(self.node.config, self.node.log)

    def try_bit(self, file, byte, bit):
        """What became of it, in one word."""
        self.flip(file, byte, bit)
        self.taken = {city: 0 for city in CITIES}
        if file.startswith("backups/"):
            return self.try_backup()
        damaged = city_of(file)
        said = self.serve(damaged)
        if said is None:
            return "harmless"
        if REBUILD not in said:
            expect(not file.startswith("projections/"), f"no word of a rebuild: {said}")
            return "said"
        for city in CITIES:
            if damaged in (city, None):
                self.verb("projection", "rebuild", city=city)
        said = self.serve(None)
        expect(said is None, f"after `{REBUILD}`: {said}")
        return "rebuilt"

    def flip(self, file, byte, bit):
        shutil.rmtree(self.node.data_dir, ignore_errors=True)
        shutil.copytree(self.template.folder, self.node.data_dir)
        with open(os.path.join(self.node.data_dir, file), "r+b") as stream:
            stream.seek(byte)
            old = stream.read(1)[0]
            stream.seek(byte)
            stream.write(bytes([old ^ 1 << bit]))

    def try_backup(self):
        """Restored into an empty folder with the keys that are kept apart."""
        kept = self.node.data_dir + "-kept"
        shutil.rmtree(kept, ignore_errors=True)
        os.rename(self.node.data_dir, kept)
        made = os.path.join(kept, "backups", os.path.basename(self.template.backup["folder"]))
        try:
            self.verb("restore", made)
        except Said:
            return "said"
        for part in ("keys", "keyring"):
            shutil.copytree(os.path.join(kept, part), os.path.join(self.node.data_dir, part))
        return "harmless" if self.serve(None, restored=True) is None else "said"

    def serve(self, damaged, restored=False):
        """Nothing when all is as it was, or what was said."""
        self.node.start()
        said = []
        try:
            for city in CITIES:
                try:
                    self.check(city, restored)
                except Said as words:
                    expect(damaged in (city, None), f"{city} is not served: {words}")
                    said.append(str(words))
            self.node.stop()
            if not said:
                self.check_stopped()
        except Said as words:
            said.append(str(words))
        except NO_ANSWER as gone:
            said.append(self.last_words(gone))
            expect(damaged is None, f"one city's file ended all: {said}")
        finally:
            self.node.end()
        return said[0] if said else None

    def check(self, city, restored):
        """Everything that may be asked of a city."""
        self.wait(city)
        connection = self.node.connect()
        expected = self.template.hashes[city]
        here = self.entries(connection, city)
        if restored:
            wanted = int(self.template.backup["seq"]) if city == CITIES[0] else len(here)
            expect(len(here) == wanted, f"{city}: {len(here)} of {wanted} entries came back")
            expected = expected[:wanted]
        expect(here[:len(expected)] == expected
               and len(here) == len(expected) + self.taken[city],
               f"{city}: {len(here)} entries of {len(expected)}, silently")
        if not restored and not self.taken[city]:
            shown = self.ask(connection, "auditor", f"/v1/cities/{city}/digest")
            expect(shown["digest"] == self.template.digests[city], f"{city}: rows: {shown}")
        for case, phone in self.template.cases[city]:
            if int(case[1:]) <= len(here):
                shown = self.ask(connection, "dispatcher", f"/v1/cities/{city}/cases/{case}")
                contact = shown["case"].get("contact", {})
                expect(contact.get("phone") == phone, f"{city}: {case}: {phone} became {contact}")
        if not restored:
            key, before = self.template.settled[city]
            again = report(connection, city, SETTLED_BY, key)
            expect(again == before, f"{city}: asked again, {before} became {again}")
        receipt = report(connection, city, "+8651299999999")
        expect(int(receipt["seq"]) == len(here) + 1, f"{city}: {receipt}")
        self.taken[city] += 1
        connection.close()

    def wait(self, city):
        """Until the city serves, or says why not."""
        end = time.monotonic() + SECONDS_MAX
        while time.monotonic() < end:
            answer = self.node.readyz()
            if answer is None and self.node.process.poll() is not None:
                raise ConnectionError("it ended")
            waits = answer[1].get("waits", []) if answer else [f"city/{city}: {FOLDED_ANEW}"]
            mine = [words for words in waits if f"city/{city}" in words]
            if not mine:
                return
            if FOLDED_ANEW not in mine[0]:
                raise Said(mine[0])
            time.sleep(0.005)
        raise Failed(f"{city} is not served and does not say why")

    def ask(self, connection, role, path):
        status, answer = connection.send(role, "GET", path)
        if status >= 500:
            expect(answer.get("detail") and answer["code"] != "internal", f"{path}: {answer}")
            raise Said(f"{answer['code']}: {answer['detail']}")
        expect(status == 200, f"{path}: {status} {answer}, silently")
        return answer

    def entries(self, connection, city):
        records, offset, answer = [], 0, {"end_offset": "1"}
        while offset < int(answer["end_offset"]):
            answer = self.ask(connection, "auditor", f"/v1/cities/{city}/entries?page_size=1000"
                                                     f"&from_offset={offset}")
            records += [base64.b64decode(one["value"]) for one in answer.get("records", [])]
            offset = int(answer["next_offset"])
        founding_id = base64.b64decode(answer["founding_id"])
        return [entry.sha256 for entry in read_chain(records, founding_id)]

    def last_words(self, gone):
        code = self.node.process.wait(SECONDS_MAX)
        lines = [line for line in self.node.server_log().splitlines() if line]
        expect(0 < code < 100 and lines and lines[-1].startswith("hansa: "),
               f"the server ended with {code} ({gone}), its last words: {lines[-3:]}")
        return lines[-1]

    def verb(self, *words, city=None):
        """One that does what it is to do, or says in words why not."""
        where = ("--ledger", f"city/{city}") if city else ()
        done = self.node.try_run(*words, "--data", self.node.data_dir, *where)
        if done.returncode == 0:
            return
        expect(0 < done.returncode < 100 and done.stderr.startswith("hansa: "),
               f"{words} ended with {done.returncode}: {done.stderr[-1000:]}")
        raise Said(done.stderr.strip())

    def check_stopped(self):
        """What nobody asked for must be whole, too, or be said."""
        for city in CITIES:
            self.verb("ledger", "verify", city=city)
            self.verb("projection", "digest", "--scan", city=city)


def city_of(file):
    """Whose file it is; none for what they share."""
    return next((city for city in CITIES if re.search(rf"\b{city}\b", file)), None)


def work_off(template, folder, jobs, told, failures):
    copy = Copy(template, folder)
    while jobs and len(failures) < FAILURES_MAX:
        job = jobs.pop()
        try:
            told.append((job[0].split("/")[0], copy.try_bit(*job)))
        except Exception as problem:  # pylint: disable=broad-except
            failures.append(f"--only {' '.join(map(str, job))}: {type(problem).__name__}: "
                            f"{problem}")
        finally:
            copy.node.end()


def run(hansa, folder, bits, seed):
    template = Template(hansa, folder)
    jobs = template.bits(random.Random(seed), bits)
    if "--only" in sys.argv:
        file, byte, bit = sys.argv[sys.argv.index("--only") + 1:][:3]
        jobs = [(file, int(byte), int(bit))]
    told, failures = [], []
    threads = [threading.Thread(target=work_off, args=(template, os.path.join(folder, str(number)),
                                                       jobs, told, failures))
               for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failures, f"seed {seed}:\n" + "\n".join(failures))
    print(f"seed {seed}: {len(told)} flipped bits: " + ", ".join(
        f"{part} {what} {told.count((part, what))}" for part, what in sorted(set(told))))


if __name__ == "__main__":
    sys.exit(seeded_main(run, 1, 12))
