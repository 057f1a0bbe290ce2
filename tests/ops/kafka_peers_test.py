"""Goal: a city and its alliance who keep their ledgers on two clusters read each other's, from
joining to shared cases; while either cluster is away the other side works on, and what was missed
is caught up by itself when it is back.

Method: two brokers of the test's own, a node on each that names the other as a peer; first the one
broker is stopped and started again, then the other.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from alliance_process import Alliance, eventually, expect, host  # noqa: E402
from city_process import SECONDS_MAX, Node  # noqa: E402
from kafka_alliance_test import CITIES, TERMS, cases, reports  # noqa: E402
from kafka_brokers_test import SCRIPT, topics_fit  # noqa: E402
from kafka_node_test import wait_for  # noqa: E402


class Broker:
    """A cluster of one."""

    def __init__(self, folder):
        self.folder = folder
        self.address = self.do("start")

    def do(self, word):
        return subprocess.run([SCRIPT, word, self.folder], check=True, capture_output=True,
                              text=True, timeout=SECONDS_MAX * 4).stdout.strip()

    def log(self):
        return {"kind": "kafka", "fsync": True, "kafka": {"bootstrap": self.address}}

    def kcat(self, *words):
        return subprocess.run(["kcat", "-b", self.address, *words], check=True,
                              capture_output=True, timeout=SECONDS_MAX).stdout

    def ledgers(self):
        """The topics of ledgers that several parties read."""
        topics = json.loads(self.kcat("-L", "-J"))["topics"]
        names = [topic["topic"] for topic in topics]
        return sorted(name for name in names if name.split(".")[1:2] in (["share"], ["alliance"]))

    def holds(self, topic, text):
        return text.encode() in self.kcat("-C", "-e", "-q", "-o", "beginning", "-t", topic)


def name_peer(node, ledgers, broker):
    with open(node.config, encoding="utf-8") as stream:
        config = json.load(stream)
    config["peers"] = [{"ledgers": ledgers, "bootstrap": broker.address,
                        "properties": {"security.protocol": "plaintext"}}]
    with open(node.config, "w", encoding="utf-8") as stream:
        json.dump(config, stream, indent=1)


def newest_case(city_node, city):
    answer = city_node.connect().send("auditor", "GET", f"/v1/cities/{city}")[1]
    return f"c{answer['seq']}"


def check(city_node, office, ours, theirs):
    delta = Alliance(office, office.connect(), "delta", (city_node, city_node.connect()))
    delta.bring(CITIES)
    delta.put_in_force(TERMS, CITIES)
    reports(city_node, "suzhou", range(10))
    eventually("ten cases of Suzhou", lambda: len(cases(delta, "suzhou")) == 10)
    expect(ours.ledgers() == [f"hansa.share.delta.{city}" for city in CITIES], ours.ledgers())
    expect(theirs.ledgers() == ["hansa.alliance.delta"], theirs.ledgers())
    # The alliance's cluster is away: the city works and shares.
    theirs.do("stop")
    reports(city_node, "suzhou", range(10, 40))
    newest = newest_case(city_node, "suzhou")
    wait_for("the newest case in the share ledger",
             lambda: ours.holds("hansa.share.delta.suzhou", newest))
    theirs.do("start")
    wait_for("the office", lambda: (office.readyz() or [0])[0] == 200)
    eventually("forty cases of Suzhou", lambda: len(cases(delta, "suzhou")) == 40)
    # The cities' cluster is away: the secretariat works.
    ours.do("stop")
    version = delta.propose({**TERMS, "heartbeat_s": 30})
    ours.do("start")
    wait_for("the cities", lambda: (city_node.readyz() or [0])[0] == 200)
    for city in CITIES:
        delta.ratify(city, version)
    for city in CITIES:
        eventually(f"version {version} to be in force for {city}",
                   lambda city=city: delta.affiliation(city).get("version_in_force") == version)
    reports(city_node, "wuxi", range(5))
    eventually("five cases of Wuxi", lambda: len(cases(delta, "wuxi")) == 5)
    rows = delta.read("/shares")["shares"]
    expect(not any(row.get("waits_code") for row in rows), rows)
    reported = cases(delta, "suzhou")
    expect(len(reported) == len(set(reported)) == 40, "a case is missing or shared twice")


def main():
    # Ended in the other order: nodes, then brokers, then the folder.
    with contextlib.ExitStack() as ends:
        folder = ends.enter_context(tempfile.TemporaryDirectory())
        ours, theirs = (Broker(os.path.join(folder, name)) for name in ("ours", "theirs"))
        for broker in (ours, theirs):
            ends.callback(broker.do, "stop")
        nodes = []
        for name, cities, broker in (("cities", CITIES, ours), ("office", [], theirs)):
            home = os.path.join(folder, name)
            os.mkdir(home)
            nodes.append(Node(os.environ["HANSA_BINARY"], home, cities, log=broker.log(),
                              name=name))
            ends.callback(nodes[-1].end)
            ends.push(lambda kind, *_, node=nodes[-1]:
                      print(node.name, node.server_log()[-3000:]) if kind else None)
        city_node, office = nodes
        host(office, "delta")
        name_peer(city_node, ["alliance/delta"], theirs)
        name_peer(office, [f"share/delta/{city}" for city in CITIES], ours)
        for node in nodes:
            node.run("topics", "create")
            wait_for("topics that the broker knows", lambda node=node: topics_fit(node))
            node.start()
        for node in nodes:
            node.wait_until_ready()
        for city in CITIES:
            city_node.set_up(city)
        check(city_node, office, ours, theirs)
        for node in nodes:
            node.stop()
    print("a city and its alliance reach each other over two clusters")


if __name__ == "__main__":
    main()
