"""Goal: --plan tells what a rebuild, a restore or a raised schema level will cost, from what really
stands there, and changes nothing. Method: a real city; each plan is held against the ledger, the
files and the metrics, then against what the same step does when it is taken; times are not judged.
"""

import json
import os
import re
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from city_process import ACCEPTED, Node, expect, place, test_main, uuid_v7  # noqa: E402

CITY = "wuxi"
LEDGER = f"city/{CITY}"
CASES = 40


def files_of(folder):
    """Every file with its size and the time of its last change."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(path, name)
            found[file] = (os.path.getsize(file), os.stat(file).st_mtime_ns)
    return found


def size_of(folder):
    return sum(size for size, _ in files_of(folder).values())


def projection(node):
    return json.loads(node.run("projection", "status", "--ledger", LEDGER, "--json").stdout)


def series(metrics, name):
    with urllib.request.urlopen(metrics + "/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def plan(node, *words):
    """As JSON; in words it says the same and that nothing is done."""
    said = json.loads(node.run(*words, "--plan", "--json").stdout)
    shown = node.run(*words, "--plan").stdout
    expect("nothing is done now" in shown and said["readers"] in shown, shown)
    for number in (said["records"], said["bytes"]):
        expect(not number or number == "0" or number in shown, (said, shown))
    return said


def check_rebuild_of_server(node):
    metrics = "http://" + re.search(r"metrics http://([\d.:]+)/", node.server_log()).group(1)
    records, _ = node.entries(CITY)
    before = projection(node)
    said = plan(node, "projection", "rebuild", "--ledger", LEDGER, "--metrics", metrics)
    expect(int(said["records"]) == len(records), (said, len(records)))
    size = series(metrics, rf'hansa_projections_rocksdb_file_bytes{{ledger="{LEDGER}"}}')
    expect(int(said["bytes"]) == int(size) and int(said["free_bytes"]) > 0, (said, size))
    expect(projection(node) == before, f"a plan changed the rows: {before}")
    without = plan(node, "projection", "rebuild", "--ledger", LEDGER, "--metrics",
                   "http://127.0.0.1:1")
    expect(without["bytes"] is None and without["records"] == said["records"], without)
    node.run("projection", "rebuild", "--ledger", LEDGER)
    done = projection(node)
    expect(done["phase"] == "done" and done["folded_records"] == said["records"], (done, said))


def check_raise(node):
    records, _ = node.entries(CITY)
    before = projection(node)
    said = plan(node, "raise", "--ledger", LEDGER)
    step = f"level {before['schema_level']} to {before['schema_level_known']} "
    expect(step in said["step"] and "hansa nodes" in said["readers"], said)
    beyond = plan(node, "raise", "--ledger", LEDGER, "--level", "60000")
    expect("refused" in beyond["readers"], beyond)
    expect(projection(node) == before and len(node.entries(CITY)[0]) == len(records),
           "a plan changed the ledger")
    node.run("raise", "--ledger", LEDGER)
    after, _ = node.entries(CITY)
    expect(projection(node)["schema_level"] == before["schema_level_known"], projection(node))
    grown = sum(map(len, after)) - sum(map(len, records))
    expect(len(after) == len(records) + 1 and grown <= int(said["bytes"]), (grown, said))


def check_stopped(node, records):
    rows = os.path.join(node.data_dir, "projections")
    before = files_of(rows)
    said = plan(node, "projection", "rebuild", "--ledger", LEDGER, "--data", node.data_dir)
    expect(int(said["records"]) == records, (said, records))
    expect(files_of(rows) == before, "a plan changed the rows")
    current = re.search(r"rows in (\S+) and", said["step"]).group(1)
    expect(int(said["bytes"]) == size_of(current) > 0, (said, current))
    node.run("projection", "rebuild", "--ledger", LEDGER, "--data", node.data_dir)
    expect(not os.path.exists(current), "the step was not taken in the folder that was planned")


def check_restore(node, backup):
    to = os.path.join(node.folder, "restored")
    said = plan(node, "restore", backup, "--data", to)
    expect(int(said["bytes"]) == size_of(backup), (said, size_of(backup)))
    expect(int(said["free_bytes"]) > 0 and not os.path.exists(to), "a plan made a folder")
    node.run("restore", backup, "--data", to)
    mark = 2 * 1024  # what the restored rows are held against
    expect(0 <= size_of(to) - int(said["bytes"]) <= mark, (size_of(to), said))


def run(hansa, folder):
    node = Node(hansa, folder, [CITY])
    node.environment |= {"HANSA_SERVER": f"http://127.0.0.1:{node.port}",
                         "HANSA_KEY": "test-key-operator"}
    node.start()
    try:
        node.wait_until_ready()
        node.set_up(CITY)
        connection = node.connect()
        for number in range(CASES):
            status, answer = connection.send(
                "hotline", "POST", f"/v1/cities/{CITY}/cases",
                {"kind": "problem", "service": "rubbish", "source": "hotline",
                 "place": place(number)}, uuid_v7())
            expect(status in ACCEPTED, answer)
        connection.close()
        node.digest(CITY, int(answer["seq"]))  # the rows are there
        check_rebuild_of_server(node)
        check_raise(node)
        made = json.loads(node.run("backup", "--ledger", LEDGER, "--json").stdout)
        records = len(node.entries(CITY)[0])
        node.stop()
        check_stopped(node, records)
        check_restore(node, made["folder"])
    finally:
        node.end()
    print("plans say what there is and change nothing")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
