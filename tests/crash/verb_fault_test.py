#!/usr/bin/env python3
"""Goal: a verb that works on a stopped node's files and whose disk fails, or that is killed, or
whose machine loses its power, says so, spoils nothing, and can be run again (laws 1 and 3).

Method: the Nth call to the disk of one process fails (fault_shim.cc), once or with all behind it,
or ends it and takes what was not synced with it. A verb that ended well has done all that it says;
one that did not has left what was there before, or what says of itself that it is not whole.

    rebuild     folds the rows of some thousand cases anew, into sorted files
    back up     the stopped folder's rows and log
    restore     that, into an empty folder; then a server is started on what is there
    key change  a new signing key of an alliance

    verb_fault_test.py [--all] [--only VERB HOW N] [--seed N] [HANSA]    every 60th N; --all: each
"""

import errno
import json
import os
import random
import shutil
import sys

from city_process import Node, expect, read_chain, seeded_main
from faults import Faults
from point_kill_test import import_cases

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ops"))
from alliance_process import host  # noqa: E402

CITY = "wuxi"
LEDGER = f"city/{CITY}"
# Always tried: (verb, how, files, calls), the first of these.
NAMED = [
    ("rebuild", "once", "projections/city-wuxi", "open"),  # behind the swap, before its sync
    ("rebuild", "before", "projections/city-wuxi/CURRENT", "rename"),
    ("key change", "before", "keys/*.key", "rename"),
    ("key change", "once", "keys", "sync"),
    ("restore", "once", "projections/city-wuxi/CURRENT", "rename"),
]
# Each read of it is tried, too: RocksDB looks into it once, as it takes it in.
SORTED = "projections/city-wuxi/v2/commit.sorted"
HOWS = {"once": errno.EIO, "always": errno.EIO, "short": errno.ENOSPC, "before": 0}


class Test:
    def __init__(self, hansa, folder):
        self.node = Node(hansa, folder, [CITY])
        host(self.node, "delta")
        self.plain = self.node.environment
        self.data = ("--data", self.node.data_dir)
        self.faults = Faults(self.node)
        self.template = os.path.join(folder, "template")
        self.backup = os.path.join(folder, "backup")
        self.node.start()
        self.node.wait_until_ready()
        self.node.set_up(CITY)
        import_cases(self.node)
        self.plain = self.node.environment
        self.entries = len(read_chain(*self.node.entries(CITY)))
        self.digest = self.node.digest(CITY, self.entries)["digest"]
        self.node.stop()
        made = self.node.run("backup", *self.data, "--ledger", LEDGER, "--to", self.backup,
                             "--json")
        self.backup = json.loads(made.stdout)["folder"]
        os.rename(self.node.data_dir, self.template)
        self.verbs = {
            "rebuild": (("projection", "rebuild", *self.data, "--ledger", LEDGER), self.rebuilt),
            "back up": (("backup", *self.data, "--ledger", LEDGER), self.backed_up),
            "restore": (("restore", self.backup, *self.data), self.restored),
            "key change": (("key", "change", *self.data, "--ledger", "alliance/delta", "--city",
                            CITY), self.key_changed),
        }

    def attempt(self, verb, how, number, files=None, calls=None):
        """Whether a call was struck."""
        words, check = self.verbs[verb]
        shutil.rmtree(self.node.data_dir, ignore_errors=True)
        if verb == "restore":
            os.mkdir(self.node.data_dir)
            shutil.copytree(os.path.join(self.template, "keys"),
                            os.path.join(self.node.data_dir, "keys"))
        else:
            shutil.copytree(self.template, self.node.data_dir)
        self.node.environment = {**self.plain,
                                 **self.faults.environment(how, files, calls, HOWS[how])}
        if how == "before":
            self.node.environment |= self.faults.keep_shadow()
        self.faults.choose(number)
        done = self.node.try_run(*words)
        self.node.environment = self.plain
        killed = how == "before" and self.faults.struck()
        if how == "before":
            self.faults.lose_power()  # whether it was killed or had just ended
        # RocksDB (7.8) takes for granted that it can read the last key of a file it takes in.
        gave_up = (done.returncode == -6 and "/commit.sorted" in self.faults.what() and
                   "rocksdb::BlockBasedTableIterator" in done.stderr)
        expect(done.returncode == -9 if killed else gave_up or
               done.returncode == 0 or (0 < done.returncode < 100 and "hansa: " in done.stderr),
               f"ended with {done.returncode}: {done.stdout} {done.stderr}")
        check(words, done if done.returncode == 0 else None)
        return self.faults.struck() > 0

    def scan(self, data_dir):
        said = self.node.run("projection", "digest", "--data", data_dir, "--ledger", LEDGER,
                             "--scan", "--json")
        expect(json.loads(said.stdout)["digest"] == self.digest,
               f"the rows are {said.stdout}, expected {self.digest}")

    def rebuilt(self, words, _):
        """Old or new, the rows are right, and fold anew to the same."""
        self.scan(self.node.data_dir)
        self.node.run(*words)
        self.scan(self.node.data_dir)

    def backed_up(self, words, done):
        """What is said to be a backup is one; else one is made now."""
        if done:
            self.node.run(*words, code=1)
        else:
            again = self.node.try_run(*words)
            expect(again.returncode == 0 or "stands there already" in again.stderr,
                   f"not backed up again: {again.stderr}")
        to = self.node.data_dir + "-restored"
        shutil.rmtree(to, ignore_errors=True)
        made = os.path.join(self.node.data_dir, "backups", f"city-{CITY}-{self.entries}")
        self.node.run("restore", made, "--data", to)
        shutil.copytree(os.path.join(self.template, "keys"), os.path.join(to, "keys"))
        self.scan(to)
        self.node.run("ledger", "verify", "--data", to, "--ledger", LEDGER)

    def restored(self, words, done):
        """A server has all of it, or says that it has not."""
        begun = os.path.exists(os.path.join(self.node.data_dir, "projections", f"city-{CITY}",
                                            "RESTORED"))
        expect(begun or not done, "restored, and nothing will prove it")
        if begun:
            self.serve(done)
        for part in ("log", "projections"):
            shutil.rmtree(os.path.join(self.node.data_dir, part), ignore_errors=True)
        self.node.run(*words)
        self.serve(True)

    def serve(self, whole):
        self.node.start()
        try:
            status, answer = self.node.wait_until_answering()
        except AssertionError:
            code = self.node.process.poll()
            last = self.node.server_log().strip().splitlines()[-1]
            expect(not whole and code and 0 < code < 100 and last.startswith("hansa: "),
                   f"the server ended with {code}: {last}")
            self.node.process = None
            return
        if status == 200:
            here = len(read_chain(*self.node.entries(CITY)))
            expect(here == self.entries, f"{here} of {self.entries} entries are there, silently")
            self.node.digest(CITY, here)
        else:
            expect(not whole and answer["waits"], f"restored, and then: {answer}")
        self.node.stop()

    def key_changed(self, words, done):
        """A statement that was printed is about a key that is kept."""
        again = self.node.run(*words).stdout
        expect(not done or again == done.stdout, f"{done and done.stdout} became {again}")


def run(hansa, folder, stride, seed):
    test = Test(hansa, folder)
    chance = random.Random(seed)
    told = {}
    try:
        if "--only" in sys.argv:
            verb, how, number = sys.argv[sys.argv.index("--only") + 1:][:3]
            test.attempt(verb, how, int(number))
            return
        for verb, how, files, calls in NAMED:
            expect(run_one(test, seed, verb, how, 1, files, calls),
                   f"{verb}: no {calls} of {files}")
        reads = 0
        while run_one(test, seed, "rebuild", "once", reads + 1, SORTED, "read"):
            reads += 1
        expect(reads > 0, f"rebuild: no read of {SORTED}")
        for verb in test.verbs:
            for how in HOWS:
                number = 1 + chance.randrange(stride)
                while run_one(test, seed, verb, how, number):
                    told[verb] = told.get(verb, 0) + 1
                    number += stride
        print(f"seed {seed}: calls that failed or killed: {told}; nothing is spoilt")
    finally:
        test.node.end()


def run_one(test, seed, verb, how, number, *where):
    try:
        return test.attempt(verb, how, number, *where)
    except BaseException:
        print(f"--only '{verb}' {how} {number} --seed {seed}: struck {test.faults.what()}")
        raise


if __name__ == "__main__":
    sys.exit(seeded_main(run, 60, 1))
