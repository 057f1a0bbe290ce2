"""Goal: a network between a node and the broker that is slow, holds bytes back, or is cut, costs
callers time and nothing else: what lands late counts once or not at all, a node that is cut off is
replaced, and afterwards all nodes show the same rows.

Method: two nodes, each of which reaches the broker through a proxy of its own (a listener that the
broker advertises at the proxy's port). The proxy passes bytes in small pieces with pauses, keeps
all of them back for a while and then lets them go, or ends every connection. Callers at both nodes
ask again with the same id until they hear what became of each command.
"""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
sys.path.insert(0, HERE)
from city_process import (ACCEPTED, expect, free_port, make_nodes, place,  # noqa: E402
                          read_chain, uuid_v7)
from kafka_brokers_test import SCRIPT, tell  # noqa: E402
from kafka_node_test import wait_for  # noqa: E402

CITY = "suzhou"
NAMES = ("east", "west")


class Proxy:
    """Passes the bytes of every connection on, in both directions, as its mode says."""

    def __init__(self, port, target, seed):
        self.target = target
        self.chance = random.Random(seed)
        self.open = threading.Event()  # cleared: bytes are kept back
        self.open.set()
        self.slow = False
        self.is_cut = False
        self.sockets = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.lock:
                    if self.is_cut:
                        near.close()
                        continue
                    far = socket.create_connection(("127.0.0.1", self.target))
                    self.sockets |= {near, far}
            except OSError:
                near.close()
                continue
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, source, target):
        try:
            while True:
                size = self.chance.randrange(1, 2000) if self.slow else 65536
                data = source.recv(size)
                if not data:
                    break
                if self.slow:
                    time.sleep(self.chance.random() * 0.03)
                self.open.wait()
                target.sendall(data)
        except OSError:
            pass
        self.close(source, target)

    def close(self, *ends):
        with self.lock:
            for end in ends:
                self.sockets.discard(end)
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self):
        with self.lock:
            self.is_cut = True
            ends = list(self.sockets)
        self.close(*ends)

    def heal(self):
        self.is_cut = False

    def end(self):
        self.listener.close()
        self.open.set()
        self.cut()


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


def start_broker(folder, make_proxy, seed):
    """A broker with one more listener for each proxy; (its own address, the proxies)."""
    subprocess.run([SCRIPT, "prepare", folder], check=True)
    file = os.path.join(folder, "server.properties")
    with open(file, encoding="utf-8") as stream:
        settings = dict(line.strip().split("=", 1) for line in stream if "=" in line)
    own = settings["listeners"].split(",")[0]
    advertised, kinds, ways = [own], ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"], []
    for name in NAMES:
        behind, before = free_port(), free_port()
        settings["listeners"] += f",{name.upper()}://127.0.0.1:{behind}"
        advertised.append(f"{name.upper()}://127.0.0.1:{before}")
        kinds.append(f"{name.upper()}:PLAINTEXT")
        ways.append((before, behind))
    settings["advertised.listeners"] = ",".join(advertised)
    settings["listener.security.protocol.map"] = ",".join(kinds)
    with open(file, "w", encoding="utf-8") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in settings.items())
    subprocess.run([SCRIPT, "start", folder], check=True, stdout=subprocess.DEVNULL)
    return own.split("://")[1], [make_proxy(before, behind, seed + number)
                                 for number, (before, behind) in enumerate(ways)], ways


def log_at(address):
    return {"kind": "kafka", "fsync": True, "kafka": {"bootstrap": address}}


def check_slow(callers, proxies):
    """Each byte is late, and comes in pieces that end anywhere."""
    for proxy in proxies:
        proxy.slow = True
    wait_for_more(callers, 30)
    for proxy in proxies:
        proxy.slow = False
    wait_for_more(callers, 30)


def leads(node):
    rows = [json.loads(line) for line in node.run("nodes", "--json").stdout.splitlines()]
    return any(ledger["standing"] == "leads" for row in rows if row["node"] == node.name
               for ledger in row.get("ledgers", []))


def check_held(nodes, callers, proxies, which):
    """What a node has sent, and the answers to it, arrive when another has long gone on."""
    other = 1 - which
    proxies[which].open.clear()
    wait_for_more([callers[other]], 30)
    wait_for("another leader", lambda: leads(nodes[other]))
    wait_for_more([callers[other]], 30)
    proxies[which].open.set()
    wait_for_more(callers, 30)


def check_cut(callers, proxies, which):
    """A node that does not reach the broker refuses; the other leads; it follows when healed."""
    proxies[which].cut()
    wait_for_more([callers[1 - which]], 100)
    proxies[which].heal()
    wait_for_more(callers, 30)


def check_ledger(nodes, callers):
    records, founding_id = nodes[0].entries(CITY)
    entries = read_chain(records, founding_id)
    ids = [entry.command_id for entry in entries if entry.command_id]
    expect(len(ids) == len(set(ids)), "a command stands twice")
    for caller in callers:
        missing = set(caller.acknowledged) - set(ids)
        expect(not missing, f"{len(missing)} acknowledged commands do not stand")
    digests = {node.digest(CITY, len(entries))["digest"] for node in nodes}
    expect(len(digests) == 1, digests)
    print(f"{sum(len(c.acknowledged) for c in callers)} commands acknowledged, each stands once; "
          f"{len(records) - len(entries)} records are void")


def check(nodes, proxies):
    callers = [Caller(node) for node in nodes]
    try:
        wait_for_more(callers, 30)
        check_slow(callers, proxies)
        for which in (0, 1):
            check_held(nodes, callers, proxies, which)
            check_cut(callers, proxies, which)
    finally:
        for proxy in proxies:
            proxy.open.set()
            proxy.heal()
        for caller in callers:
            caller.stopping = True
        for caller in callers:
            caller.join()
    expect(not any(caller.problem for caller in callers), [c.problem for c in callers])
    check_ledger(nodes, callers)


def run_behind_proxies(check_nodes, make_proxy=Proxy, seed=0):
    """A broker, and two nodes of a city that is set up, each behind a proxy of its own."""
    with tempfile.TemporaryDirectory() as folder:
        broker = os.path.join(folder, "broker")
        nodes, proxies = [], []
        try:
            address, proxies, ways = start_broker(broker, make_proxy, seed)
            nodes = make_nodes(os.environ["HANSA_BINARY"], folder, NAMES, [CITY], log_at(address))
            nodes[0].run("topics", "create")
            for node, (before, _) in zip(nodes, ways):
                node.write_config(node.config, log_at(f"127.0.0.1:{before}"))
                node.start()
            for node in nodes:
                node.wait_until_ready()
            nodes[0].set_up(CITY)
            check_nodes(nodes, proxies)
        except BaseException:
            for node in nodes:
                tell(node)
            raise
        finally:
            for node in nodes:
                node.end()
            for proxy in proxies:
                proxy.end()
            subprocess.run([SCRIPT, "stop", broker], check=False)


if __name__ == "__main__":
    run_behind_proxies(check)
