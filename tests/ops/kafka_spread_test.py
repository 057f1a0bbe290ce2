"""Goal: forty-two cities on two nodes: each leads twenty-one, both show all, and a node that hosts
them all stays within 1.5 GiB.

Method: real nodes and a broker of the test's own; each city is founded and reports a case through
the node that does not lead it; resident memory is read from /proc.
"""

import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
sys.path.insert(0, HERE)
from city_process import ACCEPTED, expect, make_nodes, uuid_v7  # noqa: E402
from kafka_node_test import kafka_log, wait_for  # noqa: E402

CITIES = [f"city-{number:02}" for number in range(42)]
MEMORY_KIB_MAX = 1536 * 1024


def standings(node):
    """node -> cities it leads, as `hansa nodes` tells."""
    led = {}
    for line in node.run("nodes", "--json").stdout.splitlines():
        row = json.loads(line)
        led[row["node"]] = {ledger["ledger"][5:] for ledger in row.get("ledgers", [])
                            if ledger["standing"] == "leads"}
    return led


def is_spread(node):
    led = standings(node)
    counts = sorted(len(cities) for cities in led.values())
    return led if counts == [21, 21] and len(set.union(*led.values())) == 42 else None


def resident_kib(node):
    with open(f"/proc/{node.process.pid}/status", encoding="utf-8") as stream:
        return int(re.search(r"VmRSS:\s+(\d+)", stream.read())[1])


def main():
    with tempfile.TemporaryDirectory() as folder:
        nodes = []
        try:
            nodes = make_nodes(os.environ["HANSA_BINARY"], folder, ("east", "west"), CITIES,
                               kafka_log())
            east, west = nodes
            east.run("topics", "create")
            for node in nodes:
                node.start()
            for node in nodes:
                node.wait_until_ready()
            led = wait_for("twenty-one cities for each", lambda: is_spread(east))
            seqs = {}
            for city in CITIES:
                other = west if city in led["east"] else east
                status, answer = other.connect().send(
                    "city_admin", "POST", f"/v1/cities/{city}:found", {"title": {"en": city}},
                    uuid_v7())
                expect(status in ACCEPTED, (city, answer))
                seqs[city] = answer["seq"]
            for city in CITIES:
                expect(east.digest(city, seqs[city]) == west.digest(city, seqs[city]), city)
            used = [resident_kib(node) for node in nodes]
            expect(max(used) < MEMORY_KIB_MAX, f"{used} KiB")
            print(f"42 cities, 21 led by each node, {max(used) // 1024} MiB resident")
        except BaseException:
            for node in nodes:
                print(node.name, node.server_log()[-2000:])
            raise
        finally:
            for node in nodes:
                node.end()


if __name__ == "__main__":
    main()
