#!/usr/bin/env python3
"""Goal: a broker that led a moment ago, and has not heard yet that it leads no more, stops no
ledger and holds nobody up: it denies what its successor has, and both nodes go on, also one that
starts, or folds anew, at that very moment.

Method: two nodes, each of which reaches the broker through a proxy of its own. The proxy takes the
answers apart and alters some: it names an end of a ledger that lies a few records back, or says of
an offset that it is out of range, which is what such a broker says. No real one does so for longer
than some milliseconds, at a moment that no test can choose.

    kafka_denial_test.py [--seed N]
"""

import http.client
import os
import random
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
sys.path.insert(0, HERE)
from city_process import ACCEPTED, expect, place  # noqa: E402
from kafka_node_test import wait_for  # noqa: E402
from kafka_proxy_test import (CITY, Caller, Proxy, check_ledger, run_behind_proxies,  # noqa: E402
                              wait_for_more)

TOPIC = f"hansa.city.{CITY}".encode()
FETCH, LIST_OFFSETS = 1, 2  # https://kafka.apache.org/protocol: API keys
OUT_OF_RANGE = 1
FETCH_DENIED = 0.02   # a client that waits at the end fetches 200 times a second
END_DENIED = 0.3
VERSIONS = {FETCH: 11, LIST_OFFSETS: 2}  # that librdkafka 2.0 asks in
TOPICS_AT = {FETCH: 14, LIST_OFFSETS: 8}  # where an answer says how many follow


class DenyingProxy(Proxy):
    """Passes whole answers, some of them altered."""

    def __init__(self, port, target, seed):
        self.denies = False
        self.denied = {FETCH: 0, LIST_OFFSETS: 0}
        self.asked = {}  # by the connection's near end: kind and version of what is not answered
        self.asked_lock = threading.Lock()
        super().__init__(port, target, seed)

    def carry(self, source, target):
        is_answer = source.getpeername()[1] == self.target
        near = target if is_answer else source
        with self.asked_lock:
            asked = self.asked.setdefault(near, {})
        stream = source.makefile("rb")
        try:
            while True:
                size = stream.read(4)
                data = bytearray(stream.read(struct.unpack(">i", size)[0])) if size else None
                if not data:
                    break
                if is_answer:
                    kind = asked.pop(struct.unpack_from(">i", data)[0])
                    if self.denies:
                        self.deny(kind, data)
                else:
                    kind, version, number = struct.unpack_from(">hhi", data)
                    asked[number] = (kind, version)
                target.sendall(size + data)
        except OSError:
            pass
        self.close(source, target)

    def deny(self, kind_and_version, data):
        """Alters an answer about the ledger's topic, by chance."""
        kind, version = kind_and_version
        if kind not in self.denied:
            return
        expect(version == VERSIONS[kind], f"version {version} of {kind}")
        at = TOPICS_AT[kind]
        topics, length = struct.unpack_from(">ih", data, at)
        name = bytes(data[at + 6:at + 6 + length]) if topics > 0 else b""
        if name != TOPIC or self.chance.random() >= (FETCH_DENIED if kind == FETCH
                                                     else END_DENIED):
            return
        partition = at + 6 + length + 4
        if kind == FETCH:
            struct.pack_into(">h", data, partition + 4, OUT_OF_RANGE)
        else:
            end = struct.unpack_from(">q", data, partition + 14)[0]
            struct.pack_into(">q", data, partition + 14, max(0, end - self.chance.randrange(1, 9)))
        self.denied[kind] += 1


class PatientCaller(Caller):
    """Asks again, too, when its node has just been killed."""

    def settle(self, number, key):
        body = {"kind": "problem", "service": "rubbish", "source": "hotline",
                "place": place(number)}

        def settled():
            try:
                status, answer = self.node.connect().send(
                    "hotline", "POST", f"/v1/cities/{CITY}/cases", body, key)
            except (OSError, http.client.HTTPException):
                return False
            expect(status in (*ACCEPTED, 503, 504), (status, answer))
            return status in ACCEPTED
        wait_for("an outcome", settled)
        return key.replace("-", "")


def rebuild(node):
    where = f"/v1/cities/{CITY}/projection"
    status, answer = node.connect().send("city_admin", "POST", f"{where}:rebuild", {})
    expect(status == 200, (status, answer))

    def ended():
        answer = node.connect().send("city_admin", "GET", where)[1]
        expect(answer["phase"] != "failed", answer)
        return answer["phase"] not in ("waiting", "folding", "swapping")
    wait_for("the end of a rebuild", ended)


def check(nodes, proxies):
    callers = [PatientCaller(node) for node in nodes]
    try:
        wait_for_more(callers, 30)
        for proxy in proxies:
            proxy.denies = True
        wait_for_more(callers, 100)
        for node in nodes:
            node.kill()
            node.start()
            node.wait_until_ready()
            wait_for_more(callers, 30)
        rebuild(nodes[0])
        wait_for_more(callers, 30)
    finally:
        for proxy in proxies:
            proxy.denies = False
        for caller in callers:
            caller.stopping = True
        for caller in callers:
            caller.join()
    expect(not any(caller.problem for caller in callers), [c.problem for c in callers])
    check_ledger(nodes, callers)
    ends = sum(proxy.denied[LIST_OFFSETS] for proxy in proxies)
    fetches = sum(proxy.denied[FETCH] for proxy in proxies)
    expect(ends > 10 and fetches > 10, f"only {ends} ends and {fetches} offsets were denied")
    print(f"{ends} times an end of before was named, {fetches} times an offset denied")


def main():
    words = sys.argv[1:]
    seed = (int(words[words.index("--seed") + 1]) if "--seed" in words
            else random.randrange(10**6))
    print(f"seed {seed}")
    run_behind_proxies(check, DenyingProxy, seed)


if __name__ == "__main__":
    main()
