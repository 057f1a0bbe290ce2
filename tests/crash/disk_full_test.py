#!/usr/bin/env python3
"""Goal: on a full disk commands answer unavailable, reads go on, nothing is half done, and work
resumes by itself once there is space (law 1).

Method: the data folder lies on a small disk in memory, mounted in a mount namespace of our own
(this needs root, or user namespaces; without both the test fails and says so). Callers report cases
until a file of ballast has taken all space and every further command is refused; reads are made
meanwhile; then the ballast goes, refused commands are asked again with the same keys, and the whole
ledger is compared with what was acknowledged.

    disk_full_test.py [HANSA]
"""

import os
import subprocess
import sys
import time

from checking import check_acknowledged
from city_process import (ACCEPTED, SECONDS_MAX, Node, check_receipts, expect, place, read_chain,
                          test_main, uuid_v7)

CITY = "wuxi"
DISK_MIB = 96
IN_NAMESPACE = "HANSA_TEST_IN_NAMESPACE"
REFUSED_IN_A_ROW = 40


def command(number):
    body = {"kind": "problem", "source": "hotline", "service": "rubbish", "place": place(number),
            "description": os.urandom(1900).hex()}
    if number % 3 == 0:
        body["contact"] = {"phone": f"+86512{number:08}"}
    return {"key": uuid_v7(), "body": body, "refusals": 0}


def send(connection, one):
    """True when accepted; a refusal must say unavailable, or that the outcome is open."""
    status, answer = connection.send("hotline", "POST", f"/v1/cities/{CITY}/cases", one["body"],
                                     one["key"])
    if status in ACCEPTED:
        one["receipt"] = answer
        return True
    expect(answer.get("code") in ("unavailable", "unknown_outcome"),
           f"on a full disk a command answered {status} {answer}")
    one["refusals"] += 1
    return False


def fill(file):
    """Takes all space there is."""
    with open(file, "wb", buffering=0) as stream:
        size = 1 << 20
        while size > 0:
            try:
                size = size if stream.write(b"\0" * size) == size else size // 2
            except OSError:
                size //= 2


def read_case(node, seq):
    connection = node.connect()
    status, answer = connection.send("dispatcher", "GET", f"/v1/cities/{CITY}/cases/c{seq}")
    connection.close()
    expect(status == 200, f"reading a case on a full disk: {status} {answer}")


def run(hansa, folder):
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", disk], check=True)
    node = Node(hansa, folder, [CITY], data_dir=os.path.join(disk, "data"))
    node.start()
    try:
        node.wait_until_ready()
        node.set_up(CITY)
        connection = node.connect()
        history = [command(number) for number in range(50)]
        for one in history:
            expect(send(connection, one), "refused while there was space")
        first = history[0]["receipt"]["seq"]

        ballast = os.path.join(disk, "ballast")
        fill(ballast)
        in_a_row = 0
        end = time.monotonic() + SECONDS_MAX
        while in_a_row < REFUSED_IN_A_ROW:
            expect(time.monotonic() < end, "a full disk goes on accepting commands")
            history.append(command(len(history)))
            in_a_row = 0 if send(connection, history[-1]) else in_a_row + 1
            if len(history) % 10 == 0:
                read_case(node, first)
            fill(os.path.join(disk, "ballast-2"))
        read_case(node, first)

        os.remove(ballast)
        os.remove(os.path.join(disk, "ballast-2"))
        refused = [one for one in history if "receipt" not in one]
        end = time.monotonic() + SECONDS_MAX
        for one in refused:
            while not send(connection, one):
                expect(time.monotonic() < end, "work does not resume after space came back")
        for _ in range(20):
            history.append(command(len(history)))
            expect(send(connection, history[-1]), "refused after space came back")
        connection.close()
        ledger = node.entries(CITY)
        entries = read_chain(*ledger)
        receipts = {one["key"]: one["receipt"] for one in history}
        check_receipts(entries, receipts)
        digest = node.digest(CITY, len(entries))
        check_acknowledged(folder, ledger, digest, receipts, len(entries) - len(history))
        node.stop()
        node.check_stopped(CITY, len(entries), digest)
        print(f"{len(history)} commands, {sum(one['refusals'] for one in history)} refusals on a "
              "full disk, all accepted once in the end; chain and digest hold")
    finally:
        node.end()
        subprocess.run(["umount", "-l", disk], check=False)


def own_namespace():
    """How a mount namespace of our own is made here, or None. In a chroot `/` is no mount point, so
    what is told of mounts cannot be changed there; run() takes its mount back in any case."""
    ways = [["unshare", "--mount"], ["unshare", "--mount", "--propagation", "unchanged"]]
    if os.geteuid() != 0:
        ways = [["unshare", "--mount", "--user", "--map-root-user"]]
    probe = ["sh", "-c", "mount -t tmpfs none /mnt && umount /mnt"]
    for way in ways:
        if subprocess.run(way + probe, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return way
    return None


def main():
    if os.environ.get(IN_NAMESPACE):
        return test_main(run, sys.argv[1:])
    unshare = own_namespace()
    if unshare is None:
        print("failed: a disk in memory cannot be mounted here; run this test as root, or where "
              "user namespaces are permitted")
        return 1
    return subprocess.run(unshare + [sys.executable, *sys.argv], check=False,
                          env={**os.environ, IN_NAMESPACE: "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
