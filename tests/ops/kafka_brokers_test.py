#!/usr/bin/env python3
"""Goal: on three brokers that keep three copies a ledger outlives the death and the pause of
brokers and nodes, whoever else writes to its topic: every acknowledged command stands once, in the
order in which commands were told and asked for; both nodes show the same rows as a fold anew.

Method: a cluster of the test's own; two nodes; the callers of crash/kill_test.py, who ask again
with the same id, at either node, until they hear what became of it. Beside them a rival makes valid
entries and writes what is no entry (crash/rival_writer.py). At random moments a broker, most often
the one that leads the topic, is killed, or stopped as it is and woken up, and so are nodes; a
broker only when the topic is in sync again, since two of three must hold what is acknowledged. At
the end the ledger is read by a reader of our own: it holds what was there before, the commands, and
entries of the rival, and nothing else.

    kafka_brokers_test.py [--all] [--seed N]   4 blows to brokers and 4 to nodes;
                                               --all: 20 and 20 while 100 000 commands are made
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
from city_process import SECONDS_MAX, Failed, expect, make_nodes, read_chain  # noqa: E402
from kafka_kill_test import EitherNode, KafkaCaller, kill_node, pause_node  # noqa: E402
from kill_test import CITY, Load, check_load, compare, finish_rebuild  # noqa: E402
from rival_writer import RivalWriter  # noqa: E402

BROKERS = 3
TOPIC = f"hansa.city.{CITY}"
SCRIPT = os.path.join(os.environ["HANSA_SOURCE"], "cmake", "kafka", "broker")
REPEATED_MAX = 100  # of each caller's settled commands in the end


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
        told = subprocess.run(["kcat", "-b", self.addresses, "-L", "-t", TOPIC],
                              check=True, capture_output=True, text=True,
                              timeout=SECONDS_MAX).stdout
        found = re.search(r"partition 0, leader (-?\d+), replicas: ([\d,]+), isrs: ([\d,]+)", told)
        expect(found, told)
        return int(found[1]), found[2].split(","), found[3].split(",")


class BrokersCaller(KafkaCaller):
    def repeat_some(self, count):
        super().repeat_some(min(count, REPEATED_MAX))


def eventually(what, happens):
    end = time.monotonic() + SECONDS_MAX * 2
    while not happens():
        expect(time.monotonic() < end, f"no {what}")
        time.sleep(0.1)


def in_sync(cluster):
    try:
        leader, _, copies = cluster.topic()
    except (Failed, subprocess.SubprocessError):
        return False
    return leader > 0 and len(copies) == BROKERS


def strike_broker(cluster, load, chance):
    eventually("topic in sync", lambda: in_sync(cluster))
    leader = cluster.topic()[0]
    broker = leader if chance.random() < 0.7 else chance.randrange(BROKERS) + 1
    if chance.random() < 0.5:
        cluster.kill(broker)
        load.wait_for(chance.randrange(1, 50))
        cluster.start(broker)
        return "kill broker"
    os.kill(cluster.process(broker), signal.SIGSTOP)
    load.wait_for(chance.randrange(1, 50))
    os.kill(cluster.process(broker), signal.SIGCONT)
    return "pause broker"


def strike_node(nodes, chance):
    kind = chance.choice(["kill node", "pause node"])
    (kill_node if kind == "kill node" else pause_node)(chance.choice(nodes), chance)
    return kind


def run_load(cluster, nodes, seed, blows, commands):
    """`blows` to brokers and as many to nodes, at random, spread over so many commands."""
    chance = random.Random(seed)
    load = Load(EitherNode(nodes, seed), seed, BrokersCaller)
    load.set_up(True)
    for thread in load.threads:
        thread.start()
    whom = ["broker", "node"] * blows
    chance.shuffle(whom)
    struck = []
    try:
        for what in whom:
            load.wait_for(chance.randrange(1, commands // blows), SECONDS_MAX * 10)
            struck.append(strike_broker(cluster, load, chance) if what == "broker"
                          else strike_node(nodes, chance))
        load.wait_for(max(50, commands - load.acknowledged), SECONDS_MAX * 15)
    except Exception as problem:
        load.fail(str(problem))
        raise
    finally:
        load.finishing = True
        for thread in load.threads:
            thread.join()
    expect(not load.failure, load.failure)
    return load, struck


def check_ledger(nodes, load, rival, before):
    """Nothing but what somebody is known to have made; (entries, records, the rival's)."""
    records, founding_id = nodes[0].entries(CITY)
    entries = read_chain(records, founding_id)
    _, acknowledged, foreign = compare(load, entries)
    expect(foreign == len([entry for entry in before if entry.command_id]),
           f"{foreign} commands of nobody")
    theirs = [entry for entry in entries if entry.sha256 in rival.hashes]
    ours = [entry for entry in entries[len(before):] if entry.command_id]
    expect([entry.sha256 for entry in entries[:len(before)]] == [e.sha256 for e in before],
           "the beginning is another one")
    expect(len(before) + len(ours) + len(theirs) == len(entries),
           f"{len(entries)} entries: {len(before)} from before, {len(ours)} commands, "
           f"{len(theirs)} of the rival's")
    digests = [node.digest(CITY, len(entries)) for node in nodes]
    finish_rebuild(nodes[1])
    digests.append(nodes[1].digest(CITY, len(entries)))
    expect(len({one["digest"] for one in digests}) == 1,
           f"two nodes and a fold anew show {digests}")
    check_load(nodes[0].folder, load, (records, founding_id), digests, len(before),
               [entry.sha256 for entry in theirs])
    return acknowledged, len(entries), len(records), len(theirs)


def check(cluster, nodes, seed, blows, commands):
    before = read_chain(*nodes[0].entries(CITY))
    nodes[1].digest(CITY, len(before))  # it has followed
    rival = RivalWriter(cluster.addresses, TOPIC, nodes[1], CITY, seed)
    rival.start()
    began = time.monotonic()
    try:
        load, struck = run_load(cluster, nodes, seed, blows, commands)
        seconds = time.monotonic() - began
    finally:
        rival.end()
    eventually("topic in sync", lambda: in_sync(cluster))
    made, entries, records, theirs = check_ledger(nodes, load, rival, before)
    print(f"seed {seed}: {', '.join(f'{struck.count(b)} x {b}' for b in sorted(set(struck)))}; "
          f"{made} commands acknowledged in {seconds:.0f} s, each stands once and in order; "
          f"{theirs} of a rival's {len(rival.hashes)} entries are valid, of {rival.garbage} "
          f"records of garbage none; {records - entries} of {records} records are void")


def topics_fit(node):
    """What was made a moment ago is not known to every broker yet."""
    try:
        node.run("topics", "check")
    except Failed:
        return False
    return True


def tell(node):
    """What it waits for, and what its log says beside requests."""
    lines = node.server_log().splitlines()
    events = [line for line in lines if '"event":"request_' not in line]
    print(f"{node.name} {node.readyz()}", *events[-20:], *lines[-5:], sep="\n")


def main():
    words = sys.argv[1:]
    seed = (int(words[words.index("--seed") + 1]) if "--seed" in words
            else random.randrange(10**6))
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(os.path.join(folder, "brokers"))
        log = {"kind": "kafka", "fsync": True, "kafka": {"bootstrap": cluster.addresses}}
        nodes = []
        try:
            nodes = make_nodes(os.environ["HANSA_BINARY"], folder, ("east", "west"), [CITY], log)
            east = nodes[0]
            east.run("topics", "create")
            eventually("topics that every broker knows", lambda: topics_fit(east))
            for node in nodes:
                node.start()
            for node in nodes:
                node.wait_until_ready()
            east.set_up(CITY)
            check(cluster, nodes, seed, *((20, 100_000) if "--all" in words else (4, 1_000)))
        except BaseException:
            print(f"seed {seed}")
            for node in nodes:
                tell(node)
            raise
        finally:
            for node in nodes:
                node.end()
            cluster.end()


if __name__ == "__main__":
    main()
