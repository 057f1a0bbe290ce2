"""Goal: a backup that was made while a city works comes back on another machine with the same rows
and the same chain; one that is not whole, or says something else than its rows, is not served.

Method: a real node on the embedded log; backups online and of the stopped folder; restored into
folders of other nodes with the keys of the first.
"""

import glob
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from city_process import ACCEPTED, Node, expect, place, test_main, uuid_v7  # noqa: E402

CITY = "wuxi"
LEDGER = f"city/{CITY}"


def report_some(node, count):
    connection = node.connect()
    last = 0
    for number in range(count):
        body = {"kind": "problem", "service": "rubbish", "source": "hotline",
                "place": place(number), "contact": {"phone": "555 0123"}}
        status, answer = connection.send("hotline", "POST", f"/v1/cities/{CITY}/cases", body,
                                         uuid_v7())
        expect(status in ACCEPTED, answer)
        last = int(answer["seq"])
    return last


def other_node(hansa, first, name):
    """A node with the first one's keys and keyring, and nothing else of it."""
    folder = os.path.join(first.folder, name)
    os.mkdir(folder)
    node = Node(hansa, folder, [])
    for part in ("keys", "keyring"):
        shutil.copytree(os.path.join(first.data_dir, part), os.path.join(node.data_dir, part))
    node.ledgers = first.ledgers
    node.write_config(node.config, node.log)
    return node


def check_online(hansa, node):
    """Made while the city works; what happened later is not in it, all before is."""
    last = report_some(node, 20)
    before = node.digest(CITY, last)
    made = json.loads(node.run("backup", "--ledger", LEDGER, "--json").stdout)
    expect(int(made["seq"]) == last and made["digest"] == before["digest"], (made, before))
    node.run("backup", "--ledger", LEDGER, code=1)
    report_some(node, 5)
    second = other_node(hansa, node, "second")
    node.run("restore", made["folder"], "--data", second.data_dir)
    again = node.run("restore", made["folder"], "--data", second.data_dir, code=1)
    expect("stands there already" in again.stderr, again.stderr)
    second.start()
    second.wait_until_ready()
    expect(second.digest(CITY, last) == before, (second.digest(CITY, last), before))
    _, shown = second.connect().send("hotline", "GET", f"/v1/cities/{CITY}/cases/c{last}")
    expect(shown["case"]["contact"]["phone"] == "555 0123", shown)
    report_some(second, 1)
    second.stop()
    second.start()
    second.wait_until_ready()
    second.stop()
    return made["folder"]


def check_refused(hansa, node, backup):
    """Other rows than it says, a part missing, no backup at all."""
    wrong = backup + "-wrong"
    shutil.copytree(backup, wrong)
    record = os.path.join(wrong, "backup.json")
    with open(record, encoding="utf-8") as stream:
        said = json.load(stream)
    with open(record, "w", encoding="utf-8") as stream:
        json.dump({**said, "digest": "00" + said["digest"][2:]}, stream)
    third = other_node(hansa, node, "third")
    node.run("restore", wrong, "--data", third.data_dir)
    for _ in range(2):
        third.start()
        _, answer = third.wait_until_answering()
        expect("the backup says" in answer["waits"][0], answer)
        third.stop()
    fourth = other_node(hansa, node, "fourth")
    os.remove(record)
    refused = node.run("restore", wrong, "--data", fourth.data_dir, code=1)
    expect("backup.json" in refused.stderr, refused.stderr)
    node.run("restore", node.folder, "--data", fourth.data_dir, code=1)
    # A damaged file of rows.
    damaged = backup + "-damaged"
    shutil.copytree(backup, damaged)
    for table in glob.glob(os.path.join(damaged, "rows", "*.sst")):
        with open(table, "r+b") as stream:
            stream.seek(os.path.getsize(table) // 3)
            stream.write(b"\xff" * 16)
    node.run("restore", damaged, "--data", fourth.data_dir)
    fourth.start()
    status, answer = fourth.wait_until_answering()
    expect(status == 503, answer)
    fourth.stop()


def check_stopped(hansa, node):
    last = report_some(node, 3)
    served = node.digest(CITY, last)
    node.stop()
    to = os.path.join(node.folder, "elsewhere")
    made = json.loads(node.run("backup", "--ledger", LEDGER, "--data", node.data_dir, "--to", to,
                               "--json").stdout)
    fifth = other_node(hansa, node, "fifth")
    node.run("restore", made["folder"], "--data", fifth.data_dir)
    fifth.start()
    fifth.wait_until_ready()
    expect(fifth.digest(CITY, last) == served, served)
    fifth.stop()
    fifth.check_stopped(CITY, last, served)


def run(hansa, folder):
    node = Node(hansa, folder, [CITY])
    node.start()
    node.wait_until_ready()
    node.environment["HANSA_SERVER"] = f"http://127.0.0.1:{node.port}"
    node.environment["HANSA_KEY"] = "test-key-city_admin"
    node.set_up(CITY)
    try:
        backup = check_online(hansa, node)
        check_refused(hansa, node, backup)
        check_stopped(hansa, node)
    finally:
        node.end()
    print("backups come back as they were")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
