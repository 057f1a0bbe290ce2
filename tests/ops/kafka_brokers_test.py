"""Goal: on three brokers that keep three copies a ledger outlives the death and the pause of the
one that leads its topic: every acknowledged command stands once, both nodes show the same rows.

Method: a cluster of the test's own; two nodes; callers that ask again with the same id until they
hear what became of it; the broker that kcat names as the leader is killed, or stopped as it is.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
sys.path.insert(0, HERE)
from city_process import (ACCEPTED, SECONDS_MAX, Failed, expect, make_nodes, place,  # noqa: E402
                          read_chain, uuid_v7)
from kafka_node_test import wait_for  # noqa: E402

CITY = "suzhou"
BROKERS = 3
SCRIPT = os.path.join(os.environ["HANSA_SOURCE"], "cmake", "kafka", "broker")


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.addresses = subprocess.run([SCRIPT, "cluster", folder, str(BROKERS)], check=True,
                                        capture_output=True, text=True,
                                        timeout=SECONDS_MAX * 4).stdout.strip()

    def part(self, number):
        return os.path.join(self.folder, str(number))

    def process(self, number):
        with open(os.path.join(self.part(number), "pid"), encoding="utf-8") as stream:
            return int(stream.read())

    def kill(self, number):
        os.kill(self.process(number), signal.SIGKILL)

    def start(self, number):
        subprocess.run([SCRIPT, "start", self.part(number)], check=True, capture_output=True,
                       timeout=SECONDS_MAX * 4)

    def end(self):
        for number in range(1, BROKERS + 1):
            subprocess.run([SCRIPT, "stop", self.part(number)], check=False)

    def topic(self):
        """(leader, copies, copies in sync) of the ledger's topic."""
        told = subprocess.run(["kcat", "-b", self.addresses, "-L", "-t", f"hansa.city.{CITY}"],
                              check=True, capture_output=True, text=True,
                              timeout=SECONDS_MAX).stdout
        found = re.search(r"partition 0, leader (-?\d+), replicas: ([\d,]+), isrs: ([\d,]+)", told)
        expect(found, told)
        return int(found[1]), found[2].split(","), found[3].split(",")


class Caller(threading.Thread):
    """One command after the other, each asked until its outcome is known."""

    def __init__(self, node):
        super().__init__()
        self.node = node
        self.stopping = False
        self.acknowledged = []
        self.problem = None
        self.start()

    def run(self):
        try:
            number = 0
            while not self.stopping:
                number += 1
                self.acknowledged.append(self.settle(number, uuid_v7()))
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem

    def settle(self, number, key):
        body = {"kind": "problem", "service": "rubbish", "source": "hotline",
                "place": place(number)}
        for _ in range(200):
            status, answer = self.node.connect().send(
                "hotline", "POST", f"/v1/cities/{CITY}/cases", body, key)
            if status in ACCEPTED:
                return key.replace("-", "")
            expect(status in (503, 504), (status, answer))
        raise AssertionError("no outcome")


def wait_for_more(callers, count):
    enough = [len(caller.acknowledged) + count for caller in callers]
    for caller, wanted in zip(callers, enough):
        while len(caller.acknowledged) < wanted:
            expect(caller.problem is None, caller.problem)
            caller.join(0.05)


def check(cluster, nodes):
    leader, copies, in_sync = cluster.topic()
    expect(len(copies) == len(in_sync) == BROKERS, (copies, in_sync))
    callers = [Caller(node) for node in nodes]
    try:
        wait_for_more(callers, 50)
        cluster.kill(leader)
        wait_for_more(callers, 50)
        second = cluster.topic()[0]
        expect(second != leader, "the topic's leader did not change")
        cluster.start(leader)
        wait_for_more(callers, 20)
        while len(cluster.topic()[2]) < BROKERS:
            wait_for_more(callers, 5)
        third = cluster.topic()[0]
        os.kill(cluster.process(third), signal.SIGSTOP)
        wait_for_more(callers, 50)
        os.kill(cluster.process(third), signal.SIGCONT)
        wait_for_more(callers, 20)
    finally:
        for caller in callers:
            caller.stopping = True
        for caller in callers:
            caller.join()
    expect(not any(caller.problem for caller in callers), [c.problem for c in callers])
    entries = read_chain(*nodes[0].entries(CITY))
    ids = [entry.command_id for entry in entries if entry.command_id]
    expect(len(ids) == len(set(ids)), "a command stands twice")
    for caller in callers:
        missing = set(caller.acknowledged) - set(ids)
        expect(not missing, f"{len(missing)} acknowledged commands do not stand")
    digests = {node.digest(CITY, len(entries))["digest"] for node in nodes}
    expect(len(digests) == 1, digests)
    print(f"{sum(len(c.acknowledged) for c in callers)} commands acknowledged, each stands once")


def topics_fit(node):
    """What was made a moment ago is not known to every broker yet."""
    try:
        node.run("topics", "check")
    except Failed:
        return False
    return True


def main():
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(os.path.join(folder, "brokers"))
        log = {"kind": "kafka", "fsync": True, "kafka": {"bootstrap": cluster.addresses}}
        nodes = []
        try:
            nodes = make_nodes(os.environ["HANSA_BINARY"], folder, ("east", "west"), [CITY], log)
            east = nodes[0]
            east.run("topics", "create")
            wait_for("topics that every broker knows", lambda: topics_fit(east))
            for node in nodes:
                node.start()
            for node in nodes:
                node.wait_until_ready()
            east.set_up(CITY)
            check(cluster, nodes)
        except BaseException:
            for node in nodes:
                print(node.name, node.server_log()[-2000:])
            raise
        finally:
            for node in nodes:
                node.end()
            cluster.end()


if __name__ == "__main__":
    main()
