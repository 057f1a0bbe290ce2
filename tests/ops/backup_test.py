"""Goal: a backup that was made while a city works comes back on another machine with the same rows
and the same chain; one that is not whole, or says something else than its rows, is not served, and
`hansa backup verify` says so before anybody needs it.

Method: a real node on the embedded log; backups online and of the stopped folder; restored into
folders of other nodes with the keys of the first. Verified are whole ones beside servers of the
same ledger, of another history of it and of another founding, and copies of which one file is
missing or has one flipped bit.
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


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder)
                  for path, _, names in os.walk(folder) for name in names)


def verify(node, backup, code, *words):
    return node.run("backup", "verify", backup, "--key", "test-key-auditor", *words, code=code)


def check_verified(node, backup, seq):
    """What is whole, beside the ledger that goes on from it."""
    said = json.loads(verify(node, backup, 0, "--json").stdout)
    with open(os.path.join(backup, "backup.json"), encoding="utf-8") as stream:
        record = json.load(stream)
    expect(said["backup"]["digest"] == record["digest"] and int(said["backup"]["seq"]) == seq, said)
    size = sum(os.path.getsize(os.path.join(backup, name)) for name in files_of(backup))
    expect(int(said["bytes"]) == size and int(said["log_seq"]) >= seq, (said, size))
    expect(said["compared"] and "goes on from it" in said["server"], said)
    nobody = verify(node, backup, 0, "--server", "http://127.0.0.1:1")
    expect("not compared" in nobody.stdout, nobody.stdout)
    expect(not os.path.exists(os.path.join(backup, "RESTORED")), "the backup was written to")


def check_other_history(hansa, node, backup):
    """Of a city of the same name, and of the same city restored and gone on by itself."""
    folder = os.path.join(node.folder, "stranger")
    os.mkdir(folder)
    stranger = Node(hansa, folder, [CITY])
    twin = other_node(hansa, node, "twin")
    node.run("restore", backup, "--data", twin.data_dir)
    for other in (stranger, twin):
        other.start()
        other.wait_until_ready()
        other.environment |= {"HANSA_SERVER": f"http://127.0.0.1:{other.port}",
                              "HANSA_KEY": "test-key-city_admin"}
    refused = verify(stranger, backup, 4)
    expect("of another founding" in refused.stderr, refused.stderr)
    report_some(twin, 1)
    of_twin = json.loads(twin.run("backup", "--ledger", LEDGER, "--json").stdout)["folder"]
    verify(twin, of_twin, 0)
    refused = verify(node, of_twin, 4)
    expect("another history" in refused.stderr, refused.stderr)
    for other in (stranger, twin):
        other.stop()


def check_damaged(node, backup):
    """A copy that is taken for whole has the rows and the log of the original."""
    whole = json.loads(verify(node, backup, 0, "--json").stdout)
    found = set()
    for name in files_of(backup):
        for how in ("missing", "flipped"):
            copy = backup + "-copy"
            shutil.copytree(backup, copy)
            file = os.path.join(copy, name)
            if how == "missing":
                os.remove(file)
            else:
                with open(file, "r+b") as stream:
                    data = stream.read()
                    stream.seek(len(data) // 2)
                    stream.write(bytes([data[len(data) // 2] ^ 1]) if data else b"x")
            done = node.try_run("backup", "verify", copy, "--json", "--key", "test-key-auditor")
            if done.returncode == 0:
                said = json.loads(done.stdout)
                for part in ("digest", "seq", "tip_sha256", "founding_id", "ledger"):
                    expect(said["backup"][part] == whole["backup"][part], f"{how} {name}: {said}")
                expect(said["log_seq"] == whole["log_seq"], f"{how} {name}: {said}")
            else:
                expect(done.returncode == 4 and done.stderr.startswith("hansa: "),
                       f"{how} {name}: {done.returncode} {done.stderr}")
                expect(copy in done.stderr and "hansa-verify" not in done.stderr,
                       f"{how} {name}: not named: {done.stderr}")
                found.add((how, name))
            shutil.rmtree(copy)
    for name in files_of(backup):
        if name.endswith(".sst") or os.path.basename(name) == "CURRENT":
            expect({("missing", name), ("flipped", name)} <= found, f"{name} is not missed")
    print(f"{len(found)} of {2 * len(files_of(backup))} damages found, the others harm nothing")


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
        check_verified(node, backup, int(backup.rsplit("-", 1)[1]))
        check_other_history(hansa, node, backup)
        check_damaged(node, backup)
        check_refused(hansa, node, backup)
        check_stopped(hansa, node)
    finally:
        node.end()
    print("backups come back as they were")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
