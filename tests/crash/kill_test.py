#!/usr/bin/env python3
"""Goal: SIGKILL of a loaded server loses no acknowledged command and doubles none (law 1).

Method: a real `hansa serve` on real files; callers on connections of their own carry cases from
report to rating, every command with an Idempotency-Key, and keep a history of what they sent and
what was acknowledged. The server is killed at random moments, now and then while it starts, and
started again; callers ask open commands again with the same keys and repeat some settled ones,
whose receipts must not have changed. At the end the ledger is read whole, by a reader of our own,
and compared with the histories; then `ledger verify`, and the digest against a rebuild's.

With --rebuild every kill falls into a rebuild of the rows, beside which the callers go on; at the
end one is left to finish, and must have found nothing wrong (law 3).

    kill_test.py [--rebuild] [--all] [--seed N] [HANSA]     20 kills, with --all 50
"""

import http.client
import json
import random
import sys
import threading
import time

from checking import Attempt, check_history, operation, shown
from city_process import (ACCEPTED, Node, check_receipts, expect, place, read_chain, seeded_main,
                          uuid_v7)

CALLERS = 8
CITY = "wuxi"
PHONES = "+86512"  # what all begin with
# role, what stands behind the case's address, body
STEPS = [
    ("hotline", None, None),
    ("verifier", ":verify", {"note": "seen"}),
    ("dispatcher", ":file", {}),
    ("dispatcher", ":assign", {"lead_unit": "sanitation"}),
    ("unit_worker", ":accept", {}),
    ("unit_worker", ":start", {}),
    ("unit_worker", ":rectify", {"note": "cleared"}),
    ("checker", ":check", {"passed": True}),
    ("hotline", ":rate", {"stars": 5}),
]
# The command may or may not have been done: ask again with the same key.
OPEN_CODES = {"unavailable", "unknown_outcome", "not_yet", "rate_limited"}


class Load:
    """All callers, their histories, and the moments to wait for."""

    def __init__(self, node, seed, make_caller=None):
        self.node = node
        self.seed = seed
        self.changed = threading.Condition()
        self.acknowledged = 0
        self.up = False
        self.finishing = False
        self.failure = None
        self.callers = [(make_caller or Caller)(self, number) for number in range(CALLERS)]
        self.threads = [threading.Thread(target=caller.run) for caller in self.callers]

    def set_up(self, up):
        with self.changed:
            self.up = up
            self.changed.notify_all()

    def fail(self, text):
        with self.changed:
            self.failure = self.failure or text
            self.changed.notify_all()

    def count(self):
        with self.changed:
            self.acknowledged += 1
            self.changed.notify_all()

    def wait_for(self, more, seconds=60):
        """Until so many more commands were acknowledged."""
        with self.changed:
            goal = self.acknowledged + more
            came = self.changed.wait_for(lambda: self.failure or self.acknowledged >= goal,
                                         seconds)
            expect(not self.failure, self.failure)
            expect(came, f"{more} commands were not acknowledged within {seconds} s")

    def wait_until_up(self):
        with self.changed:
            self.changed.wait_for(lambda: self.up or self.failure)
            return not self.failure


class Caller:
    """One person at one connection: next step, answer, next step."""

    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.chance = random.Random(f"{load.seed}/{number}")
        self.connection = None
        # {"key", "role", "path", "body", "receipt", "attempts", "began", "told"}
        self.history = []
        self.repeated = 0
        self.asked_again = 0

    def run(self):
        try:
            while not self.load.finishing:
                self.one_case()
                self.repeat_some(3)
            self.repeat_some(len(self.history))
        except Exception as problem:  # pylint: disable=broad-except
            self.load.fail(f"caller {self.number}: {type(problem).__name__}: {problem}")
        finally:
            if self.connection:
                self.connection.close()

    def one_case(self):
        case = None
        for step, (role, tail, body) in enumerate(STEPS):
            if step > 0 and self.load.finishing:
                return
            if step == 0:
                path = f"/v1/cities/{CITY}/cases"
                body = {"kind": "problem", "source": "hotline", "service": "rubbish",
                        "place": place(self.chance.randrange(20)),
                        "description": f"caller {self.number}, case {len(self.history)}"}
                if self.chance.random() < 0.3:
                    body["contact"] = {"phone": f"{PHONES}{self.chance.randrange(10**8):08}"}
            else:
                path = f"/v1/cities/{CITY}/cases/{case}{tail}"
            command = {"key": uuid_v7(), "role": role, "path": path, "body": body, "attempts": [],
                       "began": time.monotonic()}
            self.history.append(command)
            command["receipt"] = self.until_answered(command)
            command["told"] = time.monotonic()
            self.load.count()
            case = command["receipt"]["subject_id"]

    def until_answered(self, command):
        """Sends it with the same key until it is accepted; the receipt."""
        while True:
            expect(self.load.wait_until_up(), "stopped")
            if command["attempts"]:
                self.asked_again += 1
            try:
                if self.connection is None:
                    self.connection = self.load.node.connect()
                attempt = Attempt(self.connection.port)
                command["attempts"].append(attempt.line)
                status, answer = self.connection.send(command["role"], "POST", command["path"],
                                                      command["body"], command["key"])
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                if self.connection:
                    self.connection.close()
                self.connection = None
                time.sleep(0.002)  # the next attempt, not a wait for something
                continue
            attempt.answered(status, answer)
            if status in ACCEPTED:
                return answer
            expect(self.may_ask_again(answer),
                   f"{command['path']} was refused: {status} {answer}")

    def may_ask_again(self, answer):
        """Whether this is no answer for good."""
        return answer.get("code") in OPEN_CODES

    def repeat_some(self, count):
        """Settled commands asked again say what they said at first."""
        for command in self.chance.sample(self.history, min(count, len(self.history))):
            if "receipt" not in command:
                continue
            again = self.until_answered(command)
            self.repeated += 1
            expect(again == command["receipt"],
                   f"key {command['key']} answered {command['receipt']} and later {again}")


def other_request_same_key(node, caller):
    """A settled key with another request is refused and changes nothing."""
    command = next(c for c in caller.history if c["path"].endswith("/cases"))
    connection = node.connect()
    status, answer = connection.send(command["role"], "POST", command["path"],
                                     {**command["body"], "description": "another"},
                                     command["key"])
    connection.close()
    expect(status == 409 and answer.get("code") == "idempotency_mismatch",
           f"another request under a used key: {status} {answer}")


def compare(load, entries):
    """The ledger against the histories: sent, acknowledged, commands of nobody."""
    history = [command for caller in load.callers for command in caller.history]
    receipts = {command["key"]: command["receipt"] for command in history if "receipt" in command}
    others = check_receipts(entries, receipts)
    check_order(history)
    foreign = others - {command["key"].replace("-", "") for command in history}
    return len(history), len(receipts), len(foreign)


def check_load(folder, load, ledger, digests, before, others=()):
    """The same by the checker that simulated cities are held to; `digests` by node."""
    lines = [operation(command["key"], command["attempts"], caller.number)
             for caller in load.callers for command in caller.history]
    lines += [shown(number, digest) for number, digest in enumerate(digests)]
    check_history(folder, ledger, lines, before, others, [PHONES])


def check_order(history):
    """What was told before another was asked for stands before it, whoever asked."""
    told = sorted((one for one in history if "told" in one), key=lambda one: one["told"])
    newest, behind = None, iter(told)
    following = next(behind, None)
    for command in sorted(told, key=lambda one: one["began"]):
        while following and following["told"] < command["began"]:
            if newest is None or int(following["receipt"]["seq"]) > int(newest["receipt"]["seq"]):
                newest = following
            following = next(behind, None)
        expect(newest is None or int(newest["receipt"]["seq"]) < int(command["receipt"]["seq"]),
               f"{newest} was told before {command} was asked for, and stands behind it")


def ask_for_rebuild(node):
    """Its answer does not matter: the server may be dying, or one may run already."""
    try:
        connection = node.connect()
        connection.send("city_admin", "POST", f"/v1/cities/{CITY}/projection:rebuild", {})
        connection.close()
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        pass


def finish_rebuild(node):
    """One that nobody kills, while the callers go on."""
    connection = node.connect()
    while True:
        ask_for_rebuild(node)
        status, answer = connection.send("city_admin", "GET", f"/v1/cities/{CITY}/projection")
        expect(status == 200, f"projection: {status} {answer}")
        while answer["phase"] in ("waiting", "folding", "swapping"):
            status, answer = connection.send("city_admin", "GET", f"/v1/cities/{CITY}/projection")
        # A broker that has just come back may leave a question unanswered.
        if answer["phase"] == "failed" and "try again later" in answer["detail"]:
            continue
        expect(answer["phase"] != "failed", f"the rebuild failed: {answer}")
        expect(not answer["digest_differed"], f"the rebuild found other rows: {answer}")
        if answer["phase"] == "done":
            connection.close()
            return


def run(hansa, folder, kills, seed, rebuild):
    chance = random.Random(seed)
    node = Node(hansa, folder, [CITY])
    node.start()
    try:
        node.wait_until_ready()
        node.set_up(CITY)
        before = len(read_chain(*node.entries(CITY)))
        load = Load(node, seed)
        load.set_up(True)
        for thread in load.threads:
            thread.start()
        try:
            killed_starting = kill_often(node, load, chance, kills, rebuild)
            if rebuild:
                finish_rebuild(node)
            load.wait_for(50)
        except Exception as problem:
            load.fail(str(problem))  # else the callers would go on asking for ever
            raise
        finally:
            load.finishing = True
            if load.failure:
                load.set_up(True)
            for thread in load.threads:
                thread.join()
        expect(not load.failure, load.failure)
        other_request_same_key(node, load.callers[0])
        ledger = node.entries(CITY)
        entries = read_chain(*ledger)
        sent, acknowledged, foreign = compare(load, entries)
        expect(foreign == before, f"{foreign} entries of nobody's commands, {before} expected")
        digest = node.digest(CITY, len(entries))
        check_load(folder, load, ledger, [digest], before)
        node.stop()
        node.check_stopped(CITY, len(entries), digest)
        print(f"seed {seed}: {kills} kills and {killed_starting} more while starting; {sent} "
              f"commands sent, {acknowledged} acknowledged, each once; "
              f"{sum(c.asked_again for c in load.callers)} asked again, "
              f"{sum(c.repeated for c in load.callers)} repeated with the same receipt; "
              f"{len(entries)} entries, chain and digest hold")
    finally:
        node.end()


def kill_often(node, load, chance, kills, rebuild):
    starting = 0
    for _ in range(kills):
        load.wait_for(chance.randrange(1, 200))
        if rebuild:
            ask_for_rebuild(node)
            time.sleep(chance.random() * 0.1)  # any moment of the fold, the swap, or behind it
        time.sleep(chance.random() * 0.01)  # any moment within a round
        load.set_up(chance.random() < 0.5)  # callers notice by themselves, or pause
        node.kill()
        while chance.random() < 0.25:
            node.start()
            time.sleep(chance.random() * 0.15)  # any moment of its start
            node.kill()
            starting += 1
        node.start()
        node.wait_until_ready()
        load.set_up(True)
    return starting


if __name__ == "__main__":
    sys.exit(seeded_main(run, 20, 50, "--rebuild" in sys.argv))
