"""Goal: what nodes serve of their ledgers stands up to other people's verifiers, whole and entry by
entry; members on different nodes confirm each other's ledgers over HTTP; a witness refuses as the
specification says; entries are only for those who may read them.

Method: two real nodes on one broker, the alliance and Wuxi on the one, Suzhou on the other, each
the witness of the other; logcheck, tessera's fsck and a real omniwitness over HTTP. Where a
verifier cannot send a key, a proxy of the test's own adds it.
"""

import base64
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("", "../ops"):
    sys.path.insert(0, os.path.join(HERE, folder))
from verifiers import Witness, fsck, logcheck  # noqa: E402
from alliance_process import Alliance, add_caller, eventually, expect, host, read  # noqa: E402
from city_process import Node, key_of  # noqa: E402
from kafka_alliance_test import TERMS, cases, reports  # noqa: E402
from kafka_brokers_test import topics_fit  # noqa: E402
from kafka_node_test import kafka_log, wait_for  # noqa: E402

READER = "auditor-delta"


def get(port, path, role=None, verb="GET", body=None):
    """(status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": "Bearer " + key_of(role)} if role else {}
    connection.request(verb, path, body=body, headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.headers, data


class Proxy(http.server.BaseHTTPRequestHandler):
    """What a caller who has a key of READER would see."""

    def do_GET(self):
        status, headers, data = get(self.server.behind, self.path, READER)
        self.send_response(status)
        self.send_header("Content-Type", headers["Content-Type"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def proxy_of(port):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.behind = port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Log:
    """A ledger as outsiders see it."""

    def __init__(self, node, name):
        self.node, self.prefix = node, f"/tlog/{name}/"
        self.vkey = self.text("vkey").strip()
        self.origin = self.vkey.split("+", 1)[0]

    def get(self, path, role=None):
        return get(self.node.port, self.prefix + path, role)

    def text(self, path):
        status, _, data = self.get(path)
        expect(status == 200, (self.prefix + path, status, data))
        return data.decode()

    def size(self, path="checkpoint"):
        return int(self.text(path).split("\n")[1])

    def entries(self, size):
        """The stored values, by the bundles of a tree of that size."""
        values = []
        for index in range(0, size, 256):
            width = min(256, size - index)
            tail = f"tile/entries/{index // 256:03}" + (f".p/{width}" if width < 256 else "")
            status, headers, data = self.get(tail, READER)
            expect(status == 200 and headers["Content-Type"] == "application/octet-stream" and
                   "immutable" in headers["Cache-Control"], (status, headers, data[:200]))
            while data:
                end = 2 + int.from_bytes(data[:2], "big")
                values.append(data[2:end])
                data = data[end:]
        expect(len(values) == size, (len(values), size))
        return values


def vkey_of(name, kind, public_key):
    content = bytes([kind]) + bytes.fromhex(public_key)
    key_id = hashlib.sha256(name.encode() + b"\n" + content).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(content).decode()}"


def full_identity(node, name):
    with open(os.path.join(node.folder, "init-" + name, "identity.json"),
              encoding="utf-8") as stream:
        return json.load(stream)


def witness_vkey(node, city):
    card = full_identity(node, city)
    return vkey_of(f"hansa/witness/{city}/{card['founding_id']}", 4, card["witness_key"])


def bring(alliances, urls):
    """Founded; each city admitted with its witness and joined, on its own node."""
    some = next(iter(alliances.values()))
    some.do(":found", {"title": {"en": "Delta"}})
    for city, delta in alliances.items():
        card = full_identity(delta.city_node, city)
        card.pop("ledger")
        some.do(f"/members/{city}:admit", {**card, "witness_url": urls[city]})
    us = full_identity(some.node, "delta")
    for city, delta in alliances.items():
        delta.city(city, ":join", {field: us[field] for field in
                                   ("founding_id", "public_key", "recovery_key")})
    version = some.propose(TERMS)
    for city, delta in alliances.items():
        delta.ratify(city, version)
    for city, delta in alliances.items():
        eventually(f"the agreement to be in force for {city}",
                   lambda city=city, delta=delta: delta.affiliation(city).get("version_in_force"))


def cosigned_by(log, keys):
    """Whether the newest confirmed checkpoint bears all of these."""
    words = [word for key in keys for word in ("-cosigned", key)]
    status, _, _ = log.get("confirmed/checkpoint")
    if status != 200:
        return False
    with proxy_of(log.node.port) as url:
        right, said = logcheck(log.vkey, *words, url + log.prefix + "confirmed")
    expect(right, said)
    return True


def check_whole(log):
    with proxy_of(log.node.port) as url:
        right, said = logcheck(log.vkey, url + log.prefix)
        expect(right and said.startswith(f"ok {log.origin} "), said)
        right, said = fsck(log.vkey, url + log.prefix.rstrip("/"))
        expect(right, said)
    right, said = fsck(log.vkey, f"http://127.0.0.1:{log.node.port}" + log.prefix.rstrip("/"),
                       key_of(READER))
    expect(right, said)


def check_proofs(log, folder):
    """Of every entry, by the proof that the node serves and by the verifier's own from tiles."""
    size = log.size()
    values = log.entries(size)
    paths = [os.path.join(folder, name) for name in ("proof", "value")]
    for seq in sorted({1, 2, size // 2, size - 1, size}):
        for value, is_right in ((values[seq - 1], True), (values[seq - 1] + b"x", False)):
            with open(paths[0], "w", encoding="utf-8") as stream:
                stream.write(log.text(f"proof/{seq}"))
            with open(paths[1], "wb") as stream:
                stream.write(value)
            right, said = logcheck(log.vkey, "-proof", paths[0], "-value", paths[1])
            expect(right == is_right, (seq, said))
    base = f"http://127.0.0.1:{log.node.port}{log.prefix}confirmed"
    eventually("the same proof of the first entry from both",
               lambda: logcheck(log.vkey, "-prove", "0", base) == (True, log.text("proof/1")))
    for path, status in (("proof/0", 404), ("proof/1000000", 404), ("proof/x", 404),
                         ("tile/0/005", 404), ("tile/0/000.p/0", 404), ("tile/9/x", 404),
                         ("tile/0/000.p/256", 404), ("secret", 404)):
        expect(log.get(path)[0] == status, (path, log.get(path)))


def check_access(log):
    status, headers, _ = log.get("tile/0/000.p/2")
    expect(status == 200 and headers["Content-Type"] == "application/octet-stream" and
           headers.get_all("Cache-Control") == ["public, max-age=31536000, immutable"], headers)
    status, headers, _ = log.get("checkpoint")
    expect(status == 200 and headers["Content-Type"].startswith("text/plain") and
           headers.get_all("Cache-Control") == ["public, max-age=1"], headers)
    for role, expected in ((None, 401), ("hotline", 403), ("city_admin", 403), (READER, 200)):
        status, _, data = log.get("tile/entries/000.p/2", role)
        expect(status == expected, (role, status, data))
    for verb, path, expected in (("POST", log.prefix + "checkpoint", 405),
                                 ("GET", "/tlog/add-checkpoint", 405),
                                 ("OPTIONS", "/tlog/add-checkpoint", 204),
                                 ("HEAD", log.prefix + "checkpoint", 200),
                                 ("GET", "/tlog/alliance/nobody/checkpoint", 404),
                                 ("GET", "/tlog/city/suzhou/checkpoint", 404)):
        status, headers, data = get(log.node.port, path, verb=verb)
        expect(status == expected, (verb, path, status, data))
        expect(expected != 405 or headers["Allow"], headers)


def ask_witness(node, body, path="/tlog/add-checkpoint"):
    status, headers, data = get(node.port, path, verb="POST", body=body.encode())
    return status, headers["Content-Type"], data.decode()


def request_of(log, old):
    right, said = logcheck(log.vkey, "-request", str(old),
                           f"http://127.0.0.1:{log.node.port}{log.prefix}")
    expect(right, said)
    return said


def check_refusals(witness, log, stranger):
    """The witness of another node, asked for what it must not cosign, then for what it may."""
    origin_hash = hashlib.sha256(log.origin.encode()).hexdigest()
    status, _, shown = get(witness.port, f"/tlog/{origin_hash}/checkpoint")
    expect(status == 200, shown)
    known = int(shown.decode().split("\n")[1])
    expect(log.size() > known, "nothing to cosign")
    good = request_of(log, known)
    head, note = good.split("\n\n", 1)

    def refused(body, status, *more):
        answer = ask_witness(witness, body)
        expect(answer[0] == status and answer[1:1 + len(more)] == more, (status, answer))

    refused(request_of(log, 0), 409, "text/x.tlog.size", f"{known}\n")
    refused(good.replace(f"old {known}", f"old {10**6}"), 400)
    refused(good.replace("old", "new"), 400)
    refused("x" * 20000, 413)
    lines = head.split("\n")
    lines[1] = base64.b64encode(bytes(32)).decode()
    refused("\n".join(lines) + "\n\n" + note, 422)
    refused("\n".join(lines[:1]) + "\n\n" + note, 422)
    mark, _, signature = note.rpartition(" ")
    data = bytearray(base64.b64decode(signature))
    data[-1] ^= 1
    refused(head + "\n\n" + mark + " " + base64.b64encode(data).decode() + "\n", 403)
    refused("old 0\n\n" + stranger, 404)
    other_end = "1" if log.origin.endswith("0") else "0"
    refused("old 0\n\n" + note.replace(log.origin, log.origin[:-1] + other_end), 404)
    status, _, data = get(witness.port, "/tlog/" + "0" * 64 + "/checkpoint")
    expect(status == 404, data)
    status, kind, line = ask_witness(witness, good)
    expect(status == 200 and kind.startswith("text/plain") and
           line.startswith("— hansa/witness/"), (status, kind, line))
    expect(ask_witness(witness, request_of(log, log.size()))[0] in (200, 409), "again")


def check_foreign_witness(log, grow):
    """A real omniwitness cosigns one of our logs, and again when it has grown."""
    with Witness("witness.example/one", {log.origin: log.vkey}) as witness:
        old = 0
        for _ in range(2):
            body = request_of(log, old)
            size = int(body.split("\n\n", 1)[1].split("\n")[1])
            status, _, line = witness.add_checkpoint(body)
            expect(status == 200 and line.startswith("— witness.example/one "), (status, line))
            old = size
            grow()
            eventually("the log to grow", lambda size=size: log.size() > size)


def check_words(office, other, delta):
    """`confirmed` as a number, a header and a word; and what it costs when a witness is away."""
    server = ("--server", f"http://127.0.0.1:{office.port}", "--key", key_of(READER))

    def is_confirmed():
        answer = delta.read("")
        return answer["confirmed_seq"] == answer["seq"]

    eventually("the alliance to be confirmed", is_confirmed)
    _, headers, _ = get(office.port, "/v1/alliances/delta/members", READER)
    expect(headers["Hansa-Confirmed-Seq"] == headers["Hansa-Seq"], headers)
    said = office.run("agreement", "status", "delta", *server).stderr
    expect(re.search(r"alliance/delta, confirmed\n", said), said)
    page = get(office.port, "/")[2].decode()
    expect(" entries, confirmed</span>" in page, page)
    cards = [os.path.join(office.folder, "init-" + name, "identity.json")
             for name in ("delta", "wuxi")]
    said = office.run("feed", "--alliance", cards[0], "--city", cards[1], *server).stderr
    expect(re.search(r"; what it shares is (confirmed|unconfirmed from entry [1-9]\d* on)\n",
                     said), said)
    expect(all(int(row["confirmed_seq"]) > 0 for row in delta.read("/shares")["shares"]),
           delta.read("/shares"))
    other.stop()
    delta.propose({**TERMS, "heartbeat_s": 30})
    answer = delta.read("/agreements")
    expect(int(answer["confirmed_seq"]) < int(answer["seq"]), answer)
    said = office.run("agreement", "status", "delta", *server).stderr
    expect(re.search(r"alliance/delta, unconfirmed from entry \d+ on\n", said), said)
    other.start()
    other.wait_until_ready()
    eventually("the alliance to be confirmed again", is_confirmed)
    rows = {row["city"]: row for row in delta.read("/shares")["shares"]}
    expect(set(rows) == {"suzhou", "wuxi"}, rows)


def prepare(folder, ends):
    binary = os.environ["HANSA_BINARY"]
    nodes = []
    for name, city in (("office", "wuxi"), ("other", "suzhou")):
        home = os.path.join(folder, name)
        os.mkdir(home)
        nodes.append(Node(binary, home, [city], log=kafka_log(), name=name))
        ends.callback(nodes[-1].end)
        ends.push(lambda kind, *_, node=nodes[-1]:
                  print(node.name, node.server_log()[-3000:]) if kind else None)
    office, other = nodes
    host(office, "delta")
    for node in nodes:
        add_caller(node, READER, ["auditor"], "delta")
        node.run("topics", "create")
        wait_for("topics that the broker knows", lambda node=node: topics_fit(node))
        node.start()
    for node, city in ((office, "wuxi"), (other, "suzhou")):
        node.wait_until_ready()
        node.set_up(city)
    return office, other


def run(folder, ends):
    office, other = prepare(folder, ends)
    connection = office.connect()
    alliances = {"wuxi": Alliance(office, connection, "delta"),
                 "suzhou": Alliance(office, connection, "delta", (other, other.connect()))}
    bring(alliances, {"wuxi": f"http://127.0.0.1:{office.port}/tlog/city/wuxi",
                      "suzhou": f"http://127.0.0.1:{other.port}/tlog"})
    delta = alliances["wuxi"]
    for node, city in ((office, "wuxi"), (other, "suzhou")):
        # What comes before the city has heard all that the agreement needs stays at home.
        eventually(f"a case of {city}", lambda node=node, city=city:
                   reports(node, city, range(1)) or cases(delta, city))
    keys = {"wuxi": witness_vkey(office, "wuxi"), "suzhou": witness_vkey(other, "suzhou")}
    logs = {"alliance/delta": (office, ["wuxi", "suzhou"]),
            "share/delta/wuxi": (office, ["suzhou"]),
            "share/delta/suzhou": (other, ["wuxi"])}
    for name, (node, cities) in logs.items():
        log = Log(node, name)
        eventually(f"{name} to be cosigned",
                   lambda log=log, cities=cities: cosigned_by(log, [keys[city] for city in cities]))
        right, said = logcheck(log.vkey, "-cosigned", vkey_of("hansa/witness/x/0", 4, "00" * 32),
                               f"http://127.0.0.1:{node.port}{log.prefix}confirmed")
        expect(not right and "no signature by" in said, said)
        check_whole(log)
        check_proofs(log, folder)
        check_access(log)
    wuxi = Log(office, "share/delta/wuxi")
    check_foreign_witness(wuxi, lambda: reports(office, "wuxi", range(3)))
    check_refusals(other, wuxi, "unknown.example/log\n1\n" + base64.b64encode(bytes(32)).decode() +
                   "\n\n— unknown.example/log " + base64.b64encode(bytes(68)).decode() + "\n")
    check_words(office, other, delta)
    for node in (office, other):
        node.stop()


def main():
    scratch = tempfile.mkdtemp(prefix="hansa-tlog-http-")
    with contextlib.ExitStack() as ends:
        run(scratch, ends)
    shutil.rmtree(scratch)
    print("logs, proofs and cosignatures stand up to other people's verifiers")


if __name__ == "__main__":
    main()
