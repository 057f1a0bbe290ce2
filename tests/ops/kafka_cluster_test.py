"""Goal: ledgers are spread evenly over the nodes that host them; whichever node a caller comes to,
one node decides; a node that leaves, dies or loses the broker costs its callers nothing they can
see but time.

Method: three real nodes and a broker of the test's own; callers at some nodes while another is
stopped, killed or paused; who leads is read from `hansa nodes` as an operator would.
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
sys.path.insert(0, HERE)
from city_process import (ACCEPTED, Node, expect, make_nodes, read_chain,  # noqa: E402
                          uuid_v7)
from kafka_node_test import kafka_log, report, wait_for  # noqa: E402

CITIES = ["suzhou", "wuxi", "taihu", "kunshan", "jiaxing", "huzhou"]
NODES = ["east", "west", "south"]


class Callers:
    """One caller a node and city, each with one command after the other, until told to stop."""

    def __init__(self, nodes, cities):
        self.stopping = False
        self.answers = []  # (city, key, status, answer)
        self.threads = [threading.Thread(target=self.call, args=(node, city))
                        for node in nodes for city in cities]
        for thread in self.threads:
            thread.start()

    def call(self, node, city):
        connection = node.connect()
        number = 0
        while not self.stopping:
            number += 1
            key = uuid_v7()
            status, answer = report(connection, city, number, key)
            self.answers.append((city, key, status, answer))

    def wait_for_more(self, count):
        enough = len(self.answers) + count
        wait_for(f"{count} more answers", lambda: len(self.answers) >= enough)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        refused = [row for row in self.answers if row[2] not in ACCEPTED]
        expect(not refused, f"{len(refused)} of {len(self.answers)} refused: {refused[:3]}")


def reports(node):
    return {row["node"]: row for row in map(json.loads, node.run("nodes", "--json")
                                            .stdout.splitlines())}


def leaders(node, running):
    """ledger -> node, once every ledger is led by exactly one of `running`; else None."""
    led = {}
    for name, row in reports(node).items():
        for ledger in row.get("ledgers", []):
            if ledger["standing"] != "leads" or name not in running:
                continue
            if ledger["ledger"] in led:
                return None
            led[ledger["ledger"]] = name
    return led if len(led) == len(CITIES) else None


def shares(led):
    return sorted(list(led.values()).count(name) for name in set(led.values()))


def figure(node, name, city):
    port = re.findall(r"metrics http://127.0.0.1:(\d+)/", node.server_log())[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return float(re.search(rf'^{name}{{ledger="city/{city}"}} (\S+)', text, re.M).group(1))


def check_spread(nodes):
    """Six ledgers, three nodes: two each, and all can tell."""
    led = wait_for("a leader for every ledger",
                   lambda: leaders(nodes[0], NODES) if
                   shares(leaders(nodes[0], NODES) or {}) == [2, 2, 2] else None)
    expect(leaders(nodes[1], NODES) == led, led)
    table = nodes[2].run("nodes").stdout
    expect(all(name in table for name in NODES) and "leads" in table, table)
    return led


def check_forwarding(nodes, led):
    """A command that comes to a node that does not lead is decided once, and answered there; a
    refusal is told by the node that was asked, on what the newest entry says."""
    for city in CITIES:
        for node in nodes:
            status, answer = report(node.connect(), city, 1)
            expect(status in ACCEPTED, answer)
            others = [other for other in nodes if other is not node]
            connection = others[0].connect()
            path = f"/v1/cities/{city}/cases/{answer['subject_id']}"
            status, answer = connection.send("verifier", "POST", path + ":verify", {}, uuid_v7())
            expect(status in ACCEPTED, (city, answer))
            status, answer = others[1].connect().send("verifier", "POST", path + ":verify", {},
                                                      uuid_v7())
            expect((status, answer["code"]) == (409, "wrong_state"), (city, answer))
    for node in nodes:
        foreign = [city for city in CITIES if led[f"city/{city}"] != node.name]
        for city in foreign:
            sent = figure(node, "hansa_projections_forwarded_commands_total", city)
            expect(sent > 0, f"{node.name} sent nothing on of {city}")


def check_level(nodes):
    """A schema level is raised once for all nodes, is not lowered, and not raised to what a binary
    does not know."""
    city = CITIES[0]

    def ask(node, level):
        return node.connect().send("operator", "POST", f"/v1/cities/{city}/schema-level:raise",
                                   {"level": level}, uuid_v7())

    def shown(node):
        _, row = node.connect().send("auditor", "GET", f"/v1/cities/{city}/projection")
        return row["schema_level"], row["schema_level_known"]

    status, answer = ask(nodes[0], 2)
    expect((status, answer.get("state")) == (200, "2"), answer)
    for node in nodes:
        wait_for("the level that was raised", lambda node=node: shown(node) == (2, 2))
        status, answer = ask(node, 1)
        expect((status, answer["code"]) == (409, "wrong_state"), answer)
        status, answer = ask(node, 3)
        expect((status, answer["code"], answer["retry"]) == (503, "upgrade_needed", "upgrade"),
               answer)


def check_acknowledged(nodes, callers):
    """Every acknowledged command stands once, and the nodes show the same rows."""
    for city in CITIES:
        rows = [row for row in callers.answers if row[0] == city]
        last = max(int(answer["seq"]) for _, _, _, answer in rows)
        digests = {node.digest(city, last)["digest"] for node in nodes}
        expect(len(digests) == 1, (city, last, digests))
        ids = [entry.command_id for entry in read_chain(*nodes[0].entries(city))
               if entry.command_id]
        expect(len(ids) == len(set(ids)), f"{city}: a command stands twice")
        missing = [key for _, key, _, _ in rows if key.replace("-", "") not in ids]
        expect(not missing, f"{city}: {len(missing)} acknowledged commands do not stand")


def check_loss(nodes, lose, back):
    """While callers go on at the others, one node is lost; the others lead, and it comes back."""
    lost, *others = nodes
    names = [node.name for node in others]
    callers = Callers(others, CITIES)
    callers.wait_for_more(50)
    lose(lost)
    callers.wait_for_more(50)
    led = wait_for("a new leader for every ledger", lambda: leaders(others[0], names))
    expect(shares(led) == [3, 3], led)
    callers.wait_for_more(50)
    back(lost)
    lost.wait_until_ready()
    wait_for("a share for every node",
             lambda: shares(leaders(others[0], NODES) or {}) == [2, 2, 2])
    callers.stop()
    check_acknowledged(nodes, callers)


def check_backup(peer, node):
    """A node that begins from a peer's backup shows the same rows, and leads its share."""
    node.stop()
    shutil.rmtree(os.path.join(node.data_dir, "projections"))
    for city in CITIES:
        made = json.loads(peer.run("backup", "--ledger", f"city/{city}", "--json", "--server",
                                   f"http://127.0.0.1:{peer.port}").stdout)
        expect("has_log" not in made or not made["has_log"], made)
        node.run("restore", made["folder"], "--data", node.data_dir)
        status, answer = report(peer.connect(), city, 1)
        expect(status in ACCEPTED, answer)
    node.start()
    node.wait_until_ready()
    wait_for("its share", lambda: shares(leaders(peer, NODES) or {}) == [2, 2, 2])
    for city in CITIES:
        status, answer = report(node.connect(), city, 1)
        expect(status in ACCEPTED, answer)
        seq = answer["seq"]
        expect(node.digest(city, seq) == peer.digest(city, seq), (city, seq))


def main():
    with tempfile.TemporaryDirectory() as folder:
        nodes = make_nodes(os.environ["HANSA_BINARY"], folder, NODES, CITIES, kafka_log())
        east, west, south = nodes
        try:
            east.run("topics", "create")
            for node in nodes:
                node.start()
            for node in nodes:
                node.wait_until_ready()
            for city in CITIES:
                east.set_up(city)
            led = check_spread(nodes)
            check_forwarding(nodes, led)
            check_level(nodes)
            # A stop, a death, and a pause that the node itself does not notice.
            check_loss([east, west, south], Node.stop, Node.start)
            check_loss([west, south, east], Node.kill, Node.start)
            check_loss([south, east, west],
                       lambda node: node.process.send_signal(signal.SIGSTOP),
                       lambda node: node.process.send_signal(signal.SIGCONT))
            east.environment["HANSA_KEY"] = "test-key-city_admin"
            check_backup(east, west)
        except BaseException:
            for node in nodes:
                print(node.name, node.server_log()[-2000:])
            raise
        finally:
            for node in nodes:
                node.end()
    print("ledgers are led by one node each")


if __name__ == "__main__":
    main()
