"""How long a city is away that comes back from a backup, for tests/bench/run: from the empty data
folder of another node until it takes commands, with every step that the runbook has."""

import json
import os
import shutil
import time

from city_process import Node, expect


def other_node(first, city):
    """With the keys and the keyring of the first, and nothing else of it."""
    folder = os.path.join(first.folder, "restored")
    os.mkdir(folder)
    node = Node(first.hansa, folder, [])
    for part in ("keys", "keyring"):
        shutil.copytree(os.path.join(first.data_dir, part), os.path.join(node.data_dir, part))
    node.ledgers = [row for row in first.ledgers if row["ledger"] == f"city/{city}"]
    node.write_config(node.config, node.log)
    return node


def restore_city(first, city):
    """The first node is stopped once its backup is made. What each step took, in the shape of
    tests/bench/measure.h, and how large the city is, in words."""
    taken = {}

    def take(name, *words):
        start = time.perf_counter()
        done = first.run(*words)
        taken[name] = {"p50_ms": (time.perf_counter() - start) * 1000}
        return done

    made = json.loads(take("backup", "backup", "--ledger", f"city/{city}", "--json").stdout)
    first.stop()
    verified = json.loads(take("verify", "backup", "verify", made["folder"], "--json").stdout)
    second = other_node(first, city)
    start = time.perf_counter()
    take("copy", "restore", made["folder"], "--data", second.data_dir)
    second.start()
    try:
        second.wait_until_ready()
        taken["serve"] = {"p50_ms": (time.perf_counter() - start) * 1000}
        served = second.digest(city, int(made["seq"]))
        expect(served["digest"] == made["digest"], (served, made))
        second.stop()
    finally:
        second.end()
    return taken, f"{int(made['seq']):,} entries, {int(verified['bytes']) / 1e6:,.0f} MB"
