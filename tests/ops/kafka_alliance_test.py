"""Goal: a city and its alliance on two nodes, who share nothing but a cluster, reach each other
through it; the share ledger's topic is made with the settings of a ledger; a node that dies on the
way loses and doubles nothing, and the other works on meanwhile.

Method: two real nodes and a broker of the test's own; the alliance's node is away while the city
works, the city's node is killed while it shares.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from alliance_process import Alliance, eventually, expect, host  # noqa: E402
from city_process import SECONDS_MAX, Node  # noqa: E402
from kafka_brokers_test import topics_fit  # noqa: E402
from kafka_node_test import kafka_log, report, wait_for  # noqa: E402

CITIES = ["suzhou", "wuxi"]
TERMS = {"purpose": "Where cases are reported.", "heartbeat_s": 60, "grants": [
    {"event": "CaseReported", "fields": ["case", "place.district"], "highest_class": "PUBLIC"}]}


def reports(node, city, numbers):
    connection = node.connect()
    for number in numbers:
        status, answer = report(connection, city, number)
        expect(status == 201, answer)


def cases(alliance, city):
    return [content["case"] for name, content in alliance.shared_events(city)
            if name == "case_reported"]


def check_league(*nodes):
    """Once nothing is on its way any more, the ledgers agree with each other: a case is in one
    city, what is shared was granted, every word was heard once (tests/sim/league_checker.h)."""
    checker = os.path.join(os.path.dirname(os.environ["HANSA_BINARY"]), "tests", "sim",
                           "hansa_check")
    end = time.monotonic() + SECONDS_MAX
    while True:
        done = subprocess.run([checker, "--league", "delta", *(node.config for node in nodes)],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            expect("5 ledgers" in done.stdout, done.stdout)
            return
        expect(done.returncode == 1 and time.monotonic() < end, done.stdout[-4000:] + done.stderr)


def run(folder):
    city_node = Node(os.environ["HANSA_BINARY"], os.path.join(folder, "cities"), CITIES,
                     log=kafka_log(), name="cities")
    office = Node(os.environ["HANSA_BINARY"], os.path.join(folder, "office"), [],
                  log=kafka_log(), name="office")
    host(office, "delta")
    try:
        for node in (city_node, office):
            node.run("topics", "create")
            wait_for("topics that the broker knows", lambda node=node: topics_fit(node))
            node.start()
        for node in (city_node, office):
            node.wait_until_ready()
        for city in CITIES:
            city_node.set_up(city)
        delta = Alliance(office, office.connect(), "delta", (city_node, city_node.connect()))
        delta.bring(CITIES)
        delta.put_in_force(TERMS, CITIES)
        reports(city_node, "suzhou", range(10))
        eventually("ten cases of Suzhou", lambda: len(cases(delta, "suzhou")) == 10)
        # Law 6: the office is away, the city works on.
        office.kill()
        reports(city_node, "suzhou", range(10, 40))
        office.start()
        office.wait_until_ready()
        delta.connection = office.connect()
        eventually("forty cases of Suzhou", lambda: len(cases(delta, "suzhou")) == 40)
        reports(city_node, "wuxi", range(30))
        city_node.kill()
        city_node.start()
        city_node.wait_until_ready()
        delta.city_connection = city_node.connect()
        reports(city_node, "wuxi", range(30, 35))
        eventually("35 cases of Wuxi", lambda: len(cases(delta, "wuxi")) == 35)
        for city in CITIES:
            rows = cases(delta, city)
            expect(len(rows) == len(set(rows)), "a case is shared twice")
        check_league(city_node, office)
        rows = {row["city"]: row for row in delta.read("/shares")["shares"]}
        expect(not any(row.get("waits_code") for row in rows.values()), rows)
        for node in (city_node, office):
            node.stop()
    finally:
        city_node.end()
        office.end()
    print("a city and its alliance reach each other through a cluster")


if __name__ == "__main__":
    scratch = tempfile.mkdtemp(prefix="hansa-kafka-alliance-")
    for name in ("cities", "office"):
        os.mkdir(os.path.join(scratch, name))
    run(scratch)
    shutil.rmtree(scratch)
    sys.exit(0)
