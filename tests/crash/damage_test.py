#!/usr/bin/env python3
"""Goal: a flipped byte in the log is named, stops its own ledger and no other (laws 2 and 6); a
second process on the same data folder is refused and disturbs nothing.

Method: a real server with two cities; one byte of one city's entry is flipped in the log's file
while the server is stopped. `ledger verify` must end with 4 and name the seq, the server must
refuse that city and serve the other. Then the byte is put back and all is well again.

    damage_test.py [HANSA]
"""

import json
import os
import re
import sys

from city_process import ACCEPTED, Node, expect, place, test_main, uuid_v7

DAMAGED, WHOLE = "wuxi", "suzhou-js"
REPORTS = 120
BLOCK_ENTRIES = 64  # at most, of the log's blocks on disk


def report(node, city, count):
    """Reports; the seqs at which they stand."""
    connection = node.connect()
    made = []
    for number in range(count):
        body = {"kind": "problem", "source": "hotline", "service": "rubbish",
                "place": place(number), "description": "Bags beside the bin"}
        status, answer = connection.send("hotline", "POST", f"/v1/cities/{city}/cases", body,
                                         uuid_v7())
        expect(status in ACCEPTED, f"reporting in {city}: {status} {answer}")
        made.append(int(answer["seq"]))
    connection.close()
    return made


def find_in_files(folder, wanted):
    """(file, position) of some bytes in the files of a folder, or nothing."""
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as stream:
                at = stream.read().find(wanted)
            if at >= 0:
                return os.path.join(path, name), at
    return None


def find_salt(folder, records, seqs):
    """The first of some entries whose salt stands in a file as it is, which chance nearly always
    does: a salt may end in another block, or share some of its bytes with what stands before it."""
    for seq in seqs:
        salt = records[seq - 1][96:112]
        found = find_in_files(folder, salt)
        if found:
            return seq, salt, *found
    raise AssertionError(f"no file in {folder} has the salt of any of {len(seqs)} entries")


def flip(file, at):
    with open(file, "r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ 1]))


def get_case(node, city, seq):
    connection = node.connect()
    answer = connection.send("dispatcher", "GET",
                             f"/v1/cities/{city}/cases/c{seq}?at_least={seq}")
    connection.close()
    return answer


def second_process_is_refused(node):
    environment = dict(node.environment)
    node.environment["HANSA_HTTP_LISTEN"] = "127.0.0.1:0"
    refused = node.run("serve", "--config", node.config, code=3)
    node.environment = environment
    expect("data_in_use" in refused.stderr and node.data_dir in refused.stderr,
           f"expected a sentence with data_in_use and the folder, got: {refused.stderr}")
    offline = node.run("ledger", "verify", "--data", node.data_dir, "--ledger",
                       f"city/{WHOLE}", code=3)
    expect("data_in_use" in offline.stderr, f"ledger verify beside a server: {offline.stderr}")
    report(node, WHOLE, 1)


def verify_names_the_seq(node, seq):
    """The first entry that cannot be read: it shares a block of the file with the flipped byte."""
    verify = ("ledger", "verify", "--data", node.data_dir, "--ledger")
    as_json = json.loads(node.run(*verify, f"city/{DAMAGED}", "--json", code=4).stdout)
    named = int(as_json["seq"])
    expect(as_json["ok"] is False and seq - BLOCK_ENTRIES < named <= seq,
           f"a byte of seq {seq} was flipped, ledger verify names {named}")
    broken = node.run(*verify, f"city/{DAMAGED}", code=4)
    expect(re.search(rf"\b{named}\b", broken.stderr), f"no seq {named} in: {broken.stderr}")
    node.run(*verify, f"city/{WHOLE}")


def damaged_city_is_refused(node, whole, what):
    node.start()
    _, readiness = node.wait_until_answering()
    status, answer = get_case(node, DAMAGED, whole)
    expect(status == 503 and answer.get("code") == "ledger_stopped",
           f"{what}: a read of the damaged city answered {status} {answer}")
    connection = node.connect()
    status, answer = connection.send("hotline", "POST", f"/v1/cities/{DAMAGED}/cases",
                                     {"kind": "problem", "source": "hotline",
                                      "service": "rubbish", "place": place(1)})
    connection.close()
    expect(status == 503 and answer.get("code") == "ledger_stopped",
           f"{what}: a report to the damaged city answered {status} {answer}")
    expect(DAMAGED in json.dumps(readiness), f"{what}: /readyz does not name it: {readiness}")
    made = report(node, WHOLE, 1)
    expect(get_case(node, WHOLE, made[0])[0] == 200, f"{what}: the other city is not served")
    node.stop()


def run(hansa, folder):
    node = Node(hansa, folder, [DAMAGED, WHOLE])
    node.start()
    try:
        node.wait_until_ready()
        # The damaged city comes last in the log's files: the block of its end is its own.
        for city in (WHOLE, DAMAGED):
            node.set_up(city)
        reports = report(node, DAMAGED, REPORTS)
        report(node, WHOLE, REPORTS)
        second_process_is_refused(node)
        records, _ = node.entries(DAMAGED)
        node.stop()
        log = os.path.join(node.data_dir, "log")
        for seqs in (reports[REPORTS // 2:], reports[:REPORTS // 2:-1]):
            seq, salt, file, at = find_salt(log, records, seqs)
            flip(file, at)
            verify_names_the_seq(node, seq)
            damaged_city_is_refused(node, reports[0], f"byte flipped in seq {seq}")
            file, at = find_in_files(log, salt[1:])
            flip(file, at - 1)
        node.start()
        node.wait_until_ready()
        report(node, DAMAGED, 1)
        node.stop()
        node.run("ledger", "verify", "--data", node.data_dir, "--ledger", f"city/{DAMAGED}")
        print(f"flipped bytes were named; {DAMAGED} was refused, {WHOLE} served; a second process "
              "was refused")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
