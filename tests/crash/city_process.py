"""Real `hansa` processes for tests: a folder with keys and configuration, a server that can be
started, killed and stopped, blocking calls over HTTP, and a reading of the ledger of our own.

    node = Node(hansa, folder, ["wuxi"]); node.start(); node.wait_until_ready()
    connection = node.connect(); status, answer = connection.command("hotline", "POST", path, body)

What is read from the ledger here is parsed without the code under test: envelope, chain and the
command ids follow core/ledger/envelope.h and core/schema/hansa/v1/entry.proto.
"""

import base64
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SECONDS_MAX = 60
ACCEPTED = (200, 201)
# Every role has a caller of its own; the key is the text `test-key-<role>`.
CALLERS = {
    "city_admin": {}, "hotline": {}, "verifier": {}, "dispatcher": {}, "auditor": {},
    "operator": {}, "unit_worker": {"unit": "sanitation"}, "checker": {"unit": "inspection"},
}
STREETS = 4
COMMUNITIES = 5  # of each street


class Failed(AssertionError):
    """What was expected and what came."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def key_of(role):
    return "test-key-" + role


def uuid_v7():
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | secrets.randbits(80)
    number = number & ~(0xf << 76) | (7 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def place(number):
    street = number % STREETS
    community = number // STREETS % COMMUNITIES
    return {"district": "north", "street": f"street-{street}",
            "community": f"community-{street}-{community}"}


class Node:
    """One data folder with its configuration, and the process that serves it."""

    def __init__(self, hansa, folder, cities, data_dir=None, log=None, name="test", limits=None):
        self.hansa = hansa
        self.folder = folder
        self.cities = cities
        self.name = name
        self.data_dir = data_dir or os.path.join(folder, "data")
        self.log = log or {"kind": "embedded", "fsync": True}
        self.limits = limits or {}
        self.port = free_port()
        self.process = None
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("HANSA_")}
        ledgers = []
        for city in cities:
            made = os.path.join(folder, "init-" + city)
            answer = json.loads(self.run("init", "city", city, "--dir", made, "--json").stdout)
            ledgers.append({"ledger": f"city/{city}", "founding_id": answer["founding_id"]})
            keys = os.path.join(self.data_dir, "keys")
            os.makedirs(keys, exist_ok=True)
            shutil.move(os.path.join(made, "data", "keys", f"city-{city}.key"),
                        os.path.join(keys, f"city-{city}.key"))
        self.config = os.path.join(folder, "hansa.yaml")
        self.ledgers = ledgers
        self.write_config(self.config, self.log)

    def write_config(self, file, log):
        keys = [{"id": role, "sha256": hashlib.sha256(key_of(role).encode()).hexdigest(),
                 "roles": [role], "cities": ["*"], **more} for role, more in CALLERS.items()]
        config = {
            "node": {"id": self.name, "data_dir": self.data_dir},
            "log": log,
            "http": {"listen": f"127.0.0.1:{self.port}"},
            "metrics": {"listen": "127.0.0.1:0"}, "limits": self.limits,
            "ledgers": self.ledgers, "access": {"api_keys": keys},
        }
        # JSON is YAML too.
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(config, stream, indent=1)

    def try_run(self, *words):
        """One verb of the command line, however it ends."""
        return subprocess.run([self.hansa, *words], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS_MAX * 4, check=False)

    def run(self, *words, code=0):
        """One verb of the command line; fails unless it ends with `code`."""
        done = self.try_run(*words)
        expect(done.returncode == code,
               f"hansa {' '.join(words)}: expected exit code {code}, got {done.returncode}\n"
               f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def start(self):
        with open(os.path.join(self.folder, "server.log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.hansa, "serve", "--config", self.config], cwd=self.folder,
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def server_log(self):
        with open(os.path.join(self.folder, "server.log"), encoding="utf-8") as stream:
            return stream.read()

    def readyz(self):
        """(status, answer) or None while nobody answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def wait_until_ready(self):
        end = time.monotonic() + SECONDS_MAX
        answer = None
        while time.monotonic() < end and self.process.poll() is None:
            answer = self.readyz()
            if answer and answer[0] == 200:
                return
            time.sleep(0.005)
        raise Failed(f"the server is not ready (exit code {self.process.poll()}, /readyz "
                     f"{answer}):\n{self.server_log()[-4000:]}")

    def wait_until_answering(self):
        """Ready or not: until /readyz says something, which is returned."""
        end = time.monotonic() + SECONDS_MAX
        while time.monotonic() < end and self.process.poll() is None:
            answer = self.readyz()
            if answer:
                return answer
            time.sleep(0.005)
        raise Failed(f"the server does not answer (exit code {self.process.poll()}):\n"
                     f"{self.server_log()[-4000:]}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        """Ends it as an operator does; it must end well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            self.process.wait()
            raise Failed(f"the server did not end within {SECONDS_MAX} s of SIGTERM") from late
        finally:
            self.process = None
        expect(code == 0, f"the server ended with {code}:\n{self.server_log()[-4000:]}")

    def end(self):
        """For whoever leaves early."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def connect(self):
        return Connection(self.port)

    def set_up(self, city, streets=STREETS, communities=COMMUNITIES):
        """Grid, units, services, calendar and sources of a new city."""
        grid = [{"id": f"street-{s}",
                 "communities": [{"id": f"community-{s}-{c}"} for c in range(communities)]}
                for s in range(streets)]
        hours = [{"weekday": day, "open_s": 32400, "close_s": 61200} for day in range(1, 6)]
        steps = [(":found", {"title": {"en": city}}),
                 ("/districts/north:define", {"streets": grid}),
                 ("/calendar:adopt", {"calendar": {"time_zone": "UTC", "hours": hours}}),
                 ("/sources/hotline:connect", {})]
        steps += [(f"/units/{unit}:define", {}) for unit in ("sanitation", "roads", "inspection")]
        steps += [(f"/services/{service}:define", {})
                  for service in ("rubbish", "pothole")]
        connection = self.connect()
        for tail, body in steps:
            status, answer = connection.send("city_admin", "POST", f"/v1/cities/{city}{tail}",
                                             body)
            expect(status == 200, f"setting up {city}: {tail}: {status} {answer}")
        connection.close()

    def entries(self, city):
        """Every record of the ledger from the running server, and the founding id."""
        connection = self.connect()
        offset, records = 0, []
        while True:
            status, answer = connection.send(
                "auditor", "GET", f"/v1/cities/{city}/entries?from_offset={offset}&page_size=1000")
            expect(status == 200, f"entries of {city}: {status} {answer}")
            for record in answer.get("records", []):
                records.append(base64.b64decode(record["value"]))
            offset = int(answer["next_offset"])
            if offset >= int(answer["end_offset"]):
                connection.close()
                return records, base64.b64decode(answer["founding_id"])

    def digest(self, city, at_least):
        """Of the rows at that entry or later; asked again while they are on their way."""
        connection = self.connect()
        end = time.monotonic() + SECONDS_MAX
        while True:
            status, answer = connection.send("auditor", "GET",
                                             f"/v1/cities/{city}/digest?at_least={at_least}")
            if status != 503 or answer["code"] != "not_yet" or time.monotonic() > end:
                break
        connection.close()
        expect(status == 200, f"digest of {city}: {status} {answer}")
        return answer

    def check_stopped(self, city, entries, served):
        """The chain of a stopped node holds, and its rows are those of a rebuild."""
        where = ("--data", self.data_dir, "--ledger", f"city/{city}")
        verified = json.loads(self.run("ledger", "verify", *where, "--json").stdout)
        expect(verified["ok"] and int(verified["entries"]) == entries,
               f"ledger verify: {verified}, expected {entries} entries")
        for more in ((), ("--scan",)):
            stored = json.loads(self.run("projection", "digest", *where, *more, "--json").stdout)
            expect(int(stored["seq"]) == entries, f"rows at {stored['seq']} of {entries} entries")
            expect(stored["digest"] == served["digest"], f"served {served}, stored {stored}")
        rebuilt = self.run("projection", "rebuild", *where)
        expect(served["digest"] in rebuilt.stdout,
               f"served {served}, rebuilt {rebuilt.stdout} {rebuilt.stderr}")


def make_nodes(hansa, folder, names, cities, log):
    """Several nodes of the same cities: a data folder each, the keys of the first."""
    nodes = []
    for name in names:
        own = os.path.join(folder, name)
        os.mkdir(own)
        nodes.append(Node(hansa, own, [] if nodes else cities, log=log, name=name))
        if len(nodes) == 1:
            continue
        shutil.copytree(os.path.join(nodes[0].data_dir, "keys"),
                        os.path.join(nodes[-1].data_dir, "keys"))
        nodes[-1].ledgers = nodes[0].ledgers
        nodes[-1].write_config(nodes[-1].config, log)
    return nodes


class Connection:
    """One keep-alive connection. An answer that does not come is an OSError or HTTPException."""

    def __init__(self, port):
        self.port = port
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, role, method, path, body=None, key=None):
        headers = {"Authorization": "Bearer " + key_of(role)}
        if key:
            headers["Idempotency-Key"] = key
        data = None
        if body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self.http.request(method, path, body=data, headers=headers)
        answer = self.http.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}

    def close(self):
        self.http.close()


def fields(data):
    """The fields of a protobuf message: (number, value), value int or bytes."""
    at = 0

    def varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 2:
            length = varint()
            yield tag >> 3, data[at:at + length]
            at += length
        else:
            length = 8 if tag & 7 == 1 else 4
            yield tag >> 3, data[at:at + length]
            at += length


COMMAND_KIND = 1


class Entry:
    """One valid entry: seq, hash, kind and id of its cause, whether it refuses."""

    def __init__(self, seq, value):
        self.seq = seq
        self.sha256 = hashlib.sha256(value).hexdigest()
        self.kind, self.command_id, self.refusal = 0, "", False
        self.events = 0
        for number, content in fields(value[116:]):
            if number == 2:
                for inner, bytes_or_number in fields(content):
                    if inner == 1:
                        self.kind = bytes_or_number
                    if inner == 2:
                        self.command_id = bytes_or_number.hex()
            self.events += number == 3
            self.refusal |= number == 4


def read_chain(records, founding_id):
    """The valid entries of a ledger by the chain rule; what does not fit is void."""
    entries, tip = [], hashlib.sha256(founding_id).digest()
    for value in records:
        seq = len(entries) + 1
        length = int.from_bytes(value[112:116], "big") if len(value) >= 116 else -1
        if (value[:6] == b"HNSA\x01\x00" and value[8:24] == founding_id
                and int.from_bytes(value[24:32], "big") == seq and value[32:64] == tip
                and len(value) == 116 + length):
            entries.append(Entry(seq, value))
            tip = hashlib.sha256(value).digest()
    return entries


def check_receipts(entries, receipts):
    """No command stands twice, and each acknowledged one where its receipt says; the ids of those
    that have no receipt. `receipts` by Idempotency-Key."""
    by_id = {}
    for entry in entries:
        if entry.kind == COMMAND_KIND:
            expect(entry.command_id not in by_id, f"command {entry.command_id} stands twice: seq "
                   f"{entry.seq} and {by_id.get(entry.command_id, entry).seq}")
            by_id[entry.command_id] = entry
    for key, receipt in receipts.items():
        entry = by_id.pop(key.replace("-", ""), None)
        expect(entry and (entry.seq, entry.sha256) == (int(receipt["seq"]),
                                                       receipt["entry_sha256"]),
               f"acknowledged {receipt}, the ledger has {entry and (entry.seq, entry.sha256)}")
        expect(entry.events > 0 and not entry.refusal,
               f"seq {entry.seq} was accepted, but refuses")
    return set(by_id)


def seeded_main(run, few, many, *more):
    """`[--all] [--seed N] [HANSA]`: run(hansa, folder, few or with --all many, seed, ...)."""
    words = sys.argv[1:]
    seed = secrets.randbelow(10**6)
    if "--seed" in words:
        at = words.index("--seed")
        seed = int(words[at + 1])
        del words[at:at + 2]
    return test_main(run, words, many if "--all" in words else few, seed, *more)


def test_main(run, words, *more):
    """Runs `run(hansa, ...)` in a folder that is kept only when it fails."""
    hansa = os.environ.get("HANSA_BINARY") or next((w for w in words if not w.startswith("-")), "")
    if not os.access(hansa, os.X_OK):
        print(f"expected the executable hansa in HANSA_BINARY or as an argument, got '{hansa}'")
        return 2
    hansa = os.environ["HANSA_BINARY"] = os.path.abspath(hansa)  # the checker lies beside it
    folder = tempfile.mkdtemp(prefix="hansa-crash-")
    try:
        run(hansa, folder, *more)
    except Failed as failure:
        print(f"failed: {failure}\nfolder kept: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0
