#!/usr/bin/env python3
"""Goal: SIGKILL of the server during an import ends no import, loses no row and doubles none
(law 1).

Method: a real `hansa serve` and a real `hansa import` of a made file; the server is killed while
the import founds the city, then at random moments, and started again while the import goes on by
itself. When it ends, every good row stands in the ledger exactly once, by a reader of our own; the
same import again changes neither seq nor tip; chain and rows hold. When one import sees too few
kills, the next city gets the same file. At last a server stays away: the import says that it waits
for it, and an interrupt ends it.

    import_kill_test.py [--all] [--seed N] [HANSA]     10 kills, with --all 50
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

from city_process import Node, expect, fields, key_of, read_chain, seeded_main

CITIES = [f"city-{number}" for number in range(20)]
ROWS = 12_000
UNITS = 150  # each is defined by a command of its own before the first row
ROWS_A_REQUEST = 1_000
KILL_WITHIN_S = 0.1  # of what got through: a server commits its rows twice in it
BAD_EVERY = 500  # such a row ends before it begins
IMPORTED_EVENT = 126
MAPPING = """
city: city-0
time_zone: UTC
source: made
grid: {district: area, street: road, community: block}
columns: {source_id: id, reported_at: opened, closed_at: closed, service: type, unit: unit,
          status: status}
date_formats: ["YYYY-MM-DD HH:mm:ss"]
status: {done: closed}
"""


def write_files(folder):
    with open(os.path.join(folder, "mapping.yaml"), "w", encoding="utf-8") as file:
        file.write(MAPPING)
    with open(os.path.join(folder, "rows.csv"), "w", encoding="utf-8") as file:
        file.write("id,opened,closed,type,unit,status,area,road,block\n")
        for row in range(ROWS):
            closed = "2023-12-31" if row % BAD_EVERY == 0 else f"2024-02-{row % 28 + 1:02}"
            file.write(f"r{row},2024-01-{row % 31 + 1:02} 08:00:00,{closed} 09:00:00,"
                       f"type {row % 7},unit {row % UNITS},done,north,road {row % 4},"
                       f"block {row % 20}\n")


def importing(node, city):
    environment = {**node.environment, "HANSA_SERVER": f"http://127.0.0.1:{node.port}",
                   "HANSA_KEY": key_of("city_admin")}
    words = [node.hansa, "import", "--json", "--mapping", "mapping.yaml", "--city", city, "--found",
             "rows.csv"]
    return subprocess.Popen(words, cwd=node.folder, env=environment, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def finished(process):
    out, err = process.communicate(timeout=240)
    expect(process.returncode == 0, f"the import ended with {process.returncode}: {out} {err}")
    return json.loads(out)


def source_ids(entries_values, valid):
    """The source ids of the CaseImported events, in order."""
    ids = []
    for value in entries_values[:valid]:
        for number, event in fields(value[116:]):
            if number != 3:
                continue
            for kind, content in fields(event):
                if kind == IMPORTED_EVENT:
                    ids += [text.decode() for field, text in fields(content) if field == 3]
    return ids


def check_city(node, city):
    records, founding_id = node.entries(city)
    entries = read_chain(records, founding_id)
    expect(len(entries) == len(records), f"{city}: {len(records) - len(entries)} voids")
    ids = source_ids(records, len(entries))
    wanted = {f"r{row}" for row in range(ROWS) if row % BAD_EVERY != 0}
    expect(len(ids) == len(set(ids)), f"{city}: {len(ids) - len(set(ids))} rows stand twice")
    expect(set(ids) == wanted, f"{city}: {len(wanted - set(ids))} rows are lost")
    again = finished(importing(node, city))
    expect(again["imported"] == 0 and again["unchanged"] == len(wanted), f"{city}: {again}")
    expect(again["refused"] == ROWS - len(wanted), f"{city}: {again}")
    after = node.entries(city)[0]
    expect(after == records, f"{city}: the second import changed the ledger")
    return len(entries), node.digest(city, len(entries))


def seq_of(node, city):
    """Where the city's ledger stands; 0 before it is founded."""
    connection = node.connect()
    status, answer = connection.send("auditor", "GET", f"/v1/cities/{city}/digest")
    connection.close()
    return int(answer["seq"]) if status == 200 else 0


def import_under_kills(node, city, chance, kills_left):
    """How many kills fell into the import, and how many of them before its first row."""
    process = importing(node, city)
    kills, early = 0, 0
    wanted = 1  # an import whose first connection is refused says so at once and ends
    while process.poll() is None and kills < kills_left:
        # An import gives up where the same request fails for long: each gets through once.
        seq = seq_of(node, city)
        if seq < wanted:
            time.sleep(0.01)
            continue
        if seq >= UNITS:
            time.sleep(chance.random() * KILL_WITHIN_S)
        if process.poll() is not None:
            break
        wanted = max(seq_of(node, city), UNITS) + ROWS_A_REQUEST
        node.kill()
        kills += 1
        early += seq < UNITS
        node.start()
        node.wait_until_ready()
    summary = finished(process)
    expect(summary["imported"] + summary["unchanged"] == ROWS - ROWS // BAD_EVERY, f"{summary}")
    return kills, early


def interrupt_while_it_waits(node, city):
    """False: the import was over before its server was gone."""
    process = importing(node, city)
    while process.poll() is None and seq_of(node, city) == 0:
        time.sleep(0.01)
    node.kill()
    said = next((line for line in process.stderr if "waiting, up to a minute" in line), None)
    if said is not None:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    expect(process.returncode == (0 if said is None else 3),
           f"the import ended with {process.returncode}: {out} {said} {err}")
    expect(said is None or "no server answers" in err, f"it ended without saying why: {err}")
    node.start()
    node.wait_until_ready()
    return said is not None


def run(hansa, folder, kills_wanted, seed):
    chance = random.Random(seed)
    write_files(folder)
    node = Node(hansa, folder, CITIES)
    node.start()
    try:
        node.wait_until_ready()
        kills, early, used = 0, 0, []
        for city in CITIES:
            if kills >= kills_wanted and early > 0:
                break
            used.append(city)
            more, more_early = import_under_kills(node, city, chance,
                                                  max(kills_wanted - kills, 1))
            kills, early = kills + more, early + more_early
        expect(kills >= kills_wanted and early > 0,
               f"only {kills} kills fell into {len(used)} imports, {early} into a founding")
        checked = {city: check_city(node, city) for city in used}
        unused = [city for city in CITIES if city not in used]
        expect(any(interrupt_while_it_waits(node, city) for city in unused),
               "no import waited for its server")
        node.stop()
        for city, (entries, digest) in checked.items():
            node.check_stopped(city, entries, digest)
        print(f"seed {seed}: {kills} kills during {len(used)} imports of {ROWS} rows, "
              f"{early} of them before its first row; each good row once, nothing changed by "
              "importing again")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(seeded_main(run, 10, 50))
