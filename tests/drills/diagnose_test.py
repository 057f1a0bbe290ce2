#!/usr/bin/env python3
"""Goal: `hansa diagnose` ranks what was really broken first, by what it sees, whether the node
answers or not. Method: real nodes with one real fault each: none, not started, a misspelt key, a
key file of another founding, rows and a keyring that cannot be written (tests/crash/fault_shim.cc),
a damaged keyring, a log that was replaced by an older copy of itself. A full disk and a broker that
is away are ranked in tests/drills/drill_test.py.

    diagnose_test.py        HANSA_BINARY and HANSA_SOURCE
"""

import errno
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["HANSA_SOURCE"], "tests", "crash"))
from city_process import (SECONDS_MAX, Node, expect, free_port,  # noqa: E402
                          place, test_main)
from faults import Faults  # noqa: E402

CITY = "wuxi"


def diagnose(node, *words):
    done = node.try_run("diagnose", node.config, "--json", *words)
    said = json.loads(done.stdout)
    expect(done.returncode == (0 if said["ready"] else 3), (done.returncode, said))
    return said


def expect_first(node, cause, seen, *words, ready=False):
    """Ranked first, with these words in what was seen, and a way to what to do."""
    said = diagnose(node, *words)
    expect(said["ready"] == ready and said["causes"], said)
    first = said["causes"][0]
    expect(first["cause"] == cause, f"expected {cause} first, got {said}")
    expect(any(seen in line for line in first["evidence"]), f"{seen} is not in {first}")
    expect(first["to_do"] and (first["runbook"].endswith("#" + cause.lower()) or
                               first["runbook"] == "hansa error bad_config"), first)
    shown = node.try_run("diagnose", node.config, *words).stdout
    expect(f"\n1. {cause}: " in shown and first["to_do"] in shown, shown)


def report(node, contact=None):
    body = {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(1)}
    if contact:
        body["contact"] = {"phone": contact}
    return node.connect().send("hotline", "POST", f"/v1/cities/{CITY}/cases", body)


def new_node(hansa, folder, name):
    own = os.path.join(folder, name)
    os.mkdir(own)
    node = Node(hansa, own, [CITY])
    node.environment["HANSA_METRICS_LISTEN"] = f"127.0.0.1:{free_port()}"
    return node


def serve(node):
    node.start()
    node.wait_until_ready()


def check_down_and_ready(node):
    expect_first(node, "HansaNodeDown", "no server answers")
    serve(node)
    node.set_up(CITY)
    said = diagnose(node)
    expect(said == {"ready": True, "causes": []}, said)
    by_address = json.loads(node.run("diagnose", f"http://127.0.0.1:{node.port}", "--json").stdout)
    expect(by_address == {"ready": True, "causes": []}, by_address)
    node.stop()


def check_configuration(node):
    with open(node.config, encoding="utf-8") as stream:
        text = stream.read()
    with open(node.config, "w", encoding="utf-8") as stream:
        stream.write(text.replace('"listen"', '"lisen"', 1))
    expect_first(node, "Configuration", "lisen")
    config = json.loads(text)
    config["ledgers"][0]["founding_id"] = "ab" * 16
    with open(node.config, "w", encoding="utf-8") as stream:
        json.dump(config, stream)
    node.start()
    node.wait_until_answering()
    expect_first(node, "Configuration", "founding")
    node.stop()
    with open(node.config, "w", encoding="utf-8") as stream:
        stream.write(text)


def check_log_of_a_node_that_ended(node):
    """The node's last sentence is evidence, too: here of an address that is taken."""
    serve(node)
    second = os.path.join(node.folder, "second.yaml")
    with open(node.config, encoding="utf-8") as stream:
        config = json.load(stream)
    config["node"]["data_dir"] = os.path.join(node.folder, "second-data")
    shutil.copytree(os.path.join(node.data_dir, "keys"),
                    os.path.join(config["node"]["data_dir"], "keys"))
    with open(second, "w", encoding="utf-8") as stream:
        json.dump(config, stream)
    ended = node.try_run("serve", "--config", second)
    node.stop()
    expect(ended.returncode == 3, ended.stderr)
    log = os.path.join(node.folder, "second.log")
    with open(log, "w", encoding="utf-8") as stream:
        stream.write(ended.stderr)
    expect_first(node, "HansaNodeDown", "listen", "--log", log)


def check_disk(node, files, cause, seen, *, contact=None, ready=False):
    """Every write to these files fails until it is healed."""
    faults = Faults(node)
    node.environment |= faults.environment("always", files=files, error=errno.EIO)
    serve(node)
    node.set_up(CITY)
    faults.choose(1)
    for _ in range(SECONDS_MAX):
        report(node, contact)
        if diagnose(node)["causes"]:
            break
    expect_first(node, cause, seen, ready=ready)
    faults.heal()
    node.stop()


def check_damaged_keyring(node):
    serve(node)
    node.set_up(CITY)
    report(node, "+86512000001")
    node.stop()
    with open(os.path.join(node.data_dir, "keyring", CITY + ".keys"), "r+b") as stream:
        stream.write(b"\xff" * 8)
    node.start()
    node.wait_until_answering()
    expect_first(node, "HansaKeyringFailing", "/keyring/")
    node.stop()


def check_second_history(node):
    serve(node)
    node.set_up(CITY)
    node.stop()
    log = os.path.join(node.data_dir, "log")
    shutil.copytree(log, log + "-older")
    serve(node)
    report(node)
    node.stop()
    shutil.rmtree(log)
    os.rename(log + "-older", log)
    node.start()
    node.wait_until_answering()
    expect_first(node, "HansaSecondHistory", "hansa_projections_second_history_bool")
    node.stop()


def run(hansa, folder):
    nodes = {name: new_node(hansa, folder, name)
             for name in ("plain", "rows", "keyring", "damaged", "history")}
    try:
        check_down_and_ready(nodes["plain"])
        check_configuration(nodes["plain"])
        check_log_of_a_node_that_ended(nodes["plain"])
        check_disk(nodes["rows"], "projections/*", "HansaFoldStopped", 'reason="rows"')
        check_disk(nodes["keyring"], "keyring/*", "HansaKeyringFailing", "keyring_failing",
                   contact="+86512000001", ready=True)
        check_damaged_keyring(nodes["damaged"])
        check_second_history(nodes["history"])
    finally:
        for node in nodes.values():
            node.end()
    print("what was broken is ranked first")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
