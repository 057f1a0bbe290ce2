#!/usr/bin/env python3
"""Goal: a disk that fails at any one call, or from any one call on, costs an answer in words and
nothing else: no acknowledged command is lost or done twice, and without the fault all is well again
(laws 1 and 3).

Method: a city's data folder is copied, and a server started on it whose Nth call to the disk fails
(fault_shim.cc), for N = 1, 2, 3 and so on until none is struck. Every server does the same: opens,
takes commands with and without personal texts, rebuilds its rows, makes a backup, takes more and
stops. It must answer every command, in words when it cannot do it, or end with one line that says
why; where only one call failed and it lives, it must do by itself what it refused. Then a server
without faults is asked for everything that is open, and the ledger is read by a reader of our own,
compared with what was acknowledged, verified and folded anew.

    once    the call fails with EIO, later ones do not
    always  it and all later ones fail with EIO
    full    half of its bytes are written, it and all later calls that need space fail with ENOSPC

    io_fault_test.py [--all] [--only HOW] [--at N] [--seed N] [HANSA]    every 60th N; --all: each
"""

import errno
import http.client
import json
import os
import random
import shutil
import sys
import threading
import time

from checking import check_acknowledged
from city_process import (ACCEPTED, SECONDS_MAX, Node, check_receipts, expect, place, read_chain,
                          seeded_main, uuid_v7)
from faults import Faults

CITY = "wuxi"
CASES = 60
COMMANDS = 8
WORKERS = 4  # most of an attempt is waiting
STOP_MS = 300  # what cannot be written in the end is not waited for longer
TAKING_SPACE = "write,open,mkdir,size,link,rename,sync"
HOWS = {  # name -> what the shim does, to which calls, with which error
    "once": ("once", None, errno.EIO),
    "always": ("always", None, errno.EIO),
    "full": ("short", TAKING_SPACE, errno.ENOSPC),
}
NO_ANSWER = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Command:
    def __init__(self, number):
        self.key = uuid_v7()
        self.body = {"kind": "problem", "source": "hotline", "service": "rubbish",
                     "place": place(number), "description": f"number {number}"}
        self.phone = None
        self.receipt = None
        if number % 2 == 0:
            self.phone = f"+86512{number:08}"
            self.body["contact"] = {"phone": self.phone}

    def send(self, connection):
        """The answer's code, or nothing when it was accepted."""
        status, answer = connection.send("hotline", "POST", f"/v1/cities/{CITY}/cases", self.body,
                                         self.key)
        if status in ACCEPTED:
            expect(self.receipt in (None, answer), f"{self.receipt} became {answer}")
            self.receipt = answer
            return None
        expect(status >= 500 and answer.get("detail") and answer.get("code") != "internal",
               f"a command was answered {status} {answer}")
        return answer["code"]


class Attempt:
    """One server whose disk fails at one call."""

    def __init__(self, node, faults, heals):
        self.node = node
        self.faults = faults
        self.heals = heals
        self.history = []
        self.backup = None

    def run(self):
        self.node.start()
        if self.answers():
            try:
                self.work(self.node.connect())
            except NO_ANSWER:
                # A server may end, but not leave a caller without an answer and live on.
                self.node.process.wait(SECONDS_MAX)
        self.end()

    def answers(self):
        """Until it says whether it is ready; false when it ended."""
        end = time.monotonic() + SECONDS_MAX
        while self.node.process.poll() is None:
            expect(time.monotonic() < end, "the server neither answers nor ends")
            answer = self.node.readyz()
            if answer and (answer[0] == 200 or self.faults.struck()):
                expect(answer[0] == 200 or answer[1].get("waits"), f"/readyz says {answer}")
                return True
            time.sleep(0.005)
        return False

    def work(self, connection):
        self.some_commands(connection, COMMANDS)
        self.rebuild(connection)
        status, answer = connection.send("city_admin", "POST",
                                         f"/v1/cities/{CITY}/projection:backup", {})
        expect(status == 200 or answer.get("detail"), f"backup: {status} {answer}")
        self.backup = answer if status == 200 else None
        self.some_commands(connection, COMMANDS)
        if self.heals:
            self.heal(connection)

    def some_commands(self, connection, count):
        for _ in range(count):
            self.history.append(Command(len(self.history)))
            self.history[-1].send(connection)

    def rebuild(self, connection):
        tail = f"/v1/cities/{CITY}/projection"
        status, answer = connection.send("city_admin", "POST", tail + ":rebuild", {})
        expect(status == 200 or answer.get("detail"), f"rebuild: {status} {answer}")
        if status != 200:
            return
        end = time.monotonic() + SECONDS_MAX
        while answer["phase"] in ("waiting", "folding", "swapping"):
            status, answer = connection.send("city_admin", "GET", tail)
            expect(status == 200, f"projection: {status} {answer}")
            expect(time.monotonic() < end, f"the rebuild does not end: {answer}")
        expect(answer["phase"] in ("done", "failed", "cancelled") and not answer["digest_differed"]
               and (answer["phase"] == "done" or answer["detail"]), f"rebuild: {answer}")

    def heal(self, connection):
        """One failed call is no reason to refuse for ever, unless the city says that it is."""
        end = time.monotonic() + SECONDS_MAX
        for command in self.history:
            while command.receipt is None and command.send(connection) is not None:
                code = command.send(connection)
                if code not in (None, "unavailable", "unknown_outcome", "not_yet"):
                    return
                expect(time.monotonic() < end, f"work does not resume by itself: {code}, "
                                               f"{self.node.readyz()}")
                time.sleep(0.01)

    def end(self):
        """An orderly end, or the server's own with one line that says why."""
        if self.node.process.poll() is None:
            self.node.stop()
            return
        code = self.node.process.wait()
        self.node.process = None
        said = self.node.server_log().strip().splitlines()[-1:]
        expect(0 < code < 100 and said and said[0].startswith("hansa: "),
               f"the server ended with {code}, its last words: {said}")


class Test:
    def __init__(self, hansa, folder):
        self.node = Node(hansa, folder, [CITY], limits={"stop_ms_max": STOP_MS})
        self.plain = self.node.environment
        self.faults = Faults(self.node)
        self.template = os.path.join(folder, "template")
        self.restored = os.path.join(folder, "restored")
        self.known = self.make_template()

    def make_template(self):
        self.node.start()
        self.node.wait_until_ready()
        self.node.set_up(CITY)
        connection = self.node.connect()
        for number in range(CASES):
            expect(Command(number).send(connection) is None, "refused without faults")
        entries = len(read_chain(*self.node.entries(CITY)))
        self.node.stop()
        os.rename(self.node.data_dir, self.template)
        return entries

    def attempt(self, how, number):
        """Whether a call was struck."""
        shutil.rmtree(self.node.data_dir, ignore_errors=True)
        shutil.copytree(self.template, self.node.data_dir)
        mode, calls, error = HOWS[how]
        self.node.environment = {**self.plain,
                                 **self.faults.environment(mode, calls=calls, error=error)}
        self.faults.choose(number)
        attempt = Attempt(self.node, self.faults, how == "once")
        attempt.run()
        self.node.environment = self.plain
        if attempt.backup and self.faults.struck():
            self.check_backup(attempt.backup)
        self.check(attempt.history)
        return self.faults.struck() > 0

    def check_backup(self, made):
        shutil.rmtree(self.restored, ignore_errors=True)
        self.node.run("restore", made["folder"], "--data", self.restored)
        shutil.copytree(os.path.join(self.template, "keys"), os.path.join(self.restored, "keys"))
        where = ("--data", self.restored, "--ledger", f"city/{CITY}")
        self.node.run("ledger", "verify", *where)
        said = json.loads(self.node.run("projection", "digest", *where, "--scan", "--json").stdout)
        expect(said["digest"] == made["digest"], f"backup {made} was restored as {said}")

    def check(self, history):
        """Without faults: what is open is done once, what was acknowledged stands as it was."""
        self.node.start()
        self.node.wait_until_ready()
        connection = self.node.connect()
        for command in history:
            code = command.send(connection)
            expect(code is None, f"refused without faults: {code}")
        ledger = self.node.entries(CITY)
        entries = read_chain(*ledger)
        receipts = {one.key: one.receipt for one in history}
        others = check_receipts(entries[self.known:], receipts)
        expect(not others and len(entries) == self.known + len(history),
               f"{len(entries) - self.known} entries for {len(history)} commands")
        for command in history:
            status, answer = connection.send(
                "dispatcher", "GET", f"/v1/cities/{CITY}/cases/{command.receipt['subject_id']}"
                f"?at_least={len(entries)}")
            expect(status == 200 and answer["case"].get("contact", {}).get("phone")
                   == command.phone, f"the phone of {command.body} is shown as {answer}")
        digest = self.node.digest(CITY, len(entries))
        check_acknowledged(self.node.folder, ledger, digest, receipts, self.known)
        self.node.stop()
        self.node.check_stopped(CITY, len(entries), digest)


class Plan:
    """Which call fails next: every `stride`th of each way, until one has struck none."""

    def __init__(self, stride, seed):
        words = sys.argv
        self.one_only = "--at" in words
        hows = [words[words.index("--only") + 1]] if "--only" in words else list(HOWS)
        first = (int(words[words.index("--at") + 1]) if self.one_only
                 else random.Random(seed).randrange(stride) + 1)
        self.stride = stride
        self.next_of = {how: first for how in hows}
        self.struck = {how: 0 for how in hows}
        self.failure = None
        self.lock = threading.Lock()

    def take(self):
        with self.lock:
            if self.failure or not self.next_of:
                return None
            how = min(self.next_of, key=self.next_of.get)
            number = self.next_of[how]
            if self.one_only:
                del self.next_of[how]
            else:
                self.next_of[how] += self.stride
            return how, number

    def done(self, how, struck):
        with self.lock:
            if struck:
                self.struck[how] += 1
            else:
                self.next_of.pop(how, None)

    def fail(self, text):
        with self.lock:
            self.failure = self.failure or text


def work_off(plan, test, seed):
    while job := plan.take():
        try:
            plan.done(job[0], test.attempt(*job))
        except Exception as problem:  # pylint: disable=broad-except
            plan.fail(f"--only {job[0]} --at {job[1]} --seed {seed}: struck "
                      f"{test.faults.what()}: {type(problem).__name__}: {problem}")
        finally:
            test.node.end()


def run(hansa, folder, stride, seed):
    plan = Plan(stride, seed)
    folders = [os.path.join(folder, str(number)) for number in range(WORKERS)]
    for own in folders:
        os.mkdir(own)
    threads = [threading.Thread(target=work_off, args=(plan, Test(hansa, own), seed))
               for own in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not plan.failure, plan.failure)
    print(f"seed {seed}: calls that failed: {plan.struck}; each acknowledged command stands once, "
          "chain and rows hold")


if __name__ == "__main__":
    sys.exit(seeded_main(run, 60, 1))
