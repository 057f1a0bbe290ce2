#!/usr/bin/env python3
"""Goal: on Kafka no kill of a node, no kill and no pause of the broker loses an acknowledged
command or does one twice, and two nodes that both decide have one history (laws 1 and 2).

Method: two `hansa serve` of one city on a broker of the test's own, under the load of kill_test.py;
callers change between the nodes whenever a connection breaks, and ask the other one with the same
key. At random moments a node is killed, or stopped dead and woken up (a zombie), or the broker is;
at the end the ledger is read whole and compared with the histories, and both nodes must show the
same rows as a fold anew.

A node that lags refuses on what it has seen, and says at which seq it looked: a caller who knows
better asks again.

    kafka_kill_test.py [--all] [--seed N] [HANSA]     12 blows, with --all 50
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time

from city_process import expect, make_nodes, read_chain, seeded_main
from kill_test import CITY, Caller, Load, check_load, compare, finish_rebuild

BROKER = os.path.join(os.environ["HANSA_SOURCE"], "cmake", "kafka", "broker")
FOLDER = os.environ.get("HANSA_KAFKA_FOLDER")


class EitherNode:
    """What callers connect to: a node by chance."""

    def __init__(self, nodes, seed):
        self.nodes = nodes
        self.chance = random.Random(seed)
        self.lock = threading.Lock()

    def connect(self):
        with self.lock:
            node = self.chance.choice(self.nodes)
        return node.connect()


class KafkaCaller(Caller):
    def may_ask_again(self, answer):
        known = max((int(command["receipt"]["seq"]) for command in self.history
                     if "receipt" in command), default=0)
        looked_at = int(answer.get("seq", known))
        if answer.get("code") in ("unknown_case", "wrong_state") and looked_at < known:
            time.sleep(0.005)  # the next attempt, not a wait for something
            return True
        return super().may_ask_again(answer)


def broker_pid():
    with open(os.path.join(FOLDER, "pid"), encoding="ascii") as stream:
        return int(stream.read())


def kill_broker(chance):
    pid = broker_pid()
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}/fd/0"):  # until the kernel has let go of it
        time.sleep(0.01)
    time.sleep(chance.random())  # any moment of the outage
    subprocess.run([BROKER, "start", FOLDER], check=True, stdout=subprocess.DEVNULL)


def pause_broker(chance):
    os.kill(broker_pid(), signal.SIGSTOP)
    time.sleep(chance.random() * 3)
    os.kill(broker_pid(), signal.SIGCONT)


def kill_node(node, chance):
    node.kill()
    time.sleep(chance.random() * 0.1)
    node.start()
    node.wait_until_ready()


def pause_node(node, chance):
    node.process.send_signal(signal.SIGSTOP)
    time.sleep(chance.random())
    node.process.send_signal(signal.SIGCONT)


def strike(nodes, chance):
    blow = chance.choice(["kill node", "kill node", "pause node", "kill broker", "pause broker"])
    if blow == "kill broker":
        kill_broker(chance)
    elif blow == "pause broker":
        pause_broker(chance)
    else:
        (kill_node if blow == "kill node" else pause_node)(chance.choice(nodes), chance)
    return blow


def run_load(nodes, seed, blows):
    chance = random.Random(seed)
    load = Load(EitherNode(nodes, seed), seed, KafkaCaller)
    load.set_up(True)
    for thread in load.threads:
        thread.start()
    struck = []
    try:
        for _ in range(blows):
            load.wait_for(chance.randrange(1, 200))
            struck.append(strike(nodes, chance))
        load.wait_for(50)
    except Exception as problem:
        load.fail(str(problem))
        raise
    finally:
        load.finishing = True
        for thread in load.threads:
            thread.join()
    expect(not load.failure, load.failure)
    return load, struck


def run(hansa, folder, blows, seed):
    log = {"kind": "kafka", "fsync": True, "kafka": {"bootstrap": os.environ["HANSA_KAFKA"]}}
    nodes = make_nodes(hansa, folder, ("one", "two"), [CITY], log)
    nodes[0].run("topics", "create")
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_until_ready()
        nodes[0].set_up(CITY)
        before = len(read_chain(*nodes[0].entries(CITY)))
        nodes[1].digest(CITY, before)  # it has followed
        load, struck = run_load(nodes, seed, blows)
        ledger = nodes[0].entries(CITY)
        entries = read_chain(*ledger)
        sent, acknowledged, foreign = compare(load, entries)
        expect(foreign == before, f"{foreign} entries of nobody's commands, {before} expected")
        digests = [node.digest(CITY, len(entries)) for node in nodes]
        finish_rebuild(nodes[1])
        digests.append(nodes[1].digest(CITY, len(entries)))
        expect(len({one["digest"] for one in digests}) == 1,
               f"two nodes and a fold anew show {digests}")
        check_load(folder, load, ledger, digests, before)
        for node in nodes:
            node.stop()
        print(f"seed {seed}: {', '.join(f'{struck.count(b)} x {b}' for b in sorted(set(struck)))}; "
              f"{sent} commands sent, {acknowledged} acknowledged, each once; "
              f"{sum(c.asked_again for c in load.callers)} asked again, "
              f"{sum(c.repeated for c in load.callers)} repeated with the same receipt; "
              f"{len(entries)} entries, both nodes and a fold anew agree")
    finally:
        for node in nodes:
            node.end()


if __name__ == "__main__":
    sys.exit(seeded_main(run, 12, 50))
