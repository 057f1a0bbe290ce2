#!/usr/bin/env python3
"""Goal: an outsider who holds files and the alliance's key alone verifies what a city shares, and
is told in one sentence, with exit code 4, what is wrong when something is; a private range is shown
to be the one that the share commits to; a month's pack verifies elsewhere. Method: a league made by
the demo, its logs copied, then spoilt file by file.

    verify_test.py      HANSA_BINARY is the executable
"""

import base64
import csv
import glob
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse

SHARE = "share/delta/wuxi"
SECONDS_MAX = 100


def expect(holds, what):
    if not holds:
        sys.exit(f"verify_test: {what}")


class Outsider:
    """What is copied out of the data of a league, and what verifies it."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.evidence = os.path.join(folder, "evidence")
        self.key = os.path.join(folder, "delta.vkey")

    def hansa(self, *words, code=0):
        done = subprocess.run([os.environ["HANSA_BINARY"], *words], capture_output=True, text=True,
                              timeout=SECONDS_MAX, check=False)
        expect(done.returncode == code,
               f"{' '.join(words)}: expected exit code {code}, got {done.returncode}: "
               f"{done.stdout}{done.stderr}")
        return done

    def make(self):
        self.hansa("demo", "--once", "--cities", "3", "--days", "2", "--data", self.data)
        self.hansa("tlog", "copy", "--data", self.data, "--ledger", "alliance/delta", "--ledger",
                   SHARE, "--out", self.evidence)
        shutil.copy(self.log("alliance/delta", "vkey"), self.key)

    def log(self, ledger, name):
        return os.path.join(self.evidence, "tlog", ledger, name)

    def trust(self):
        return ["--alliance-key", self.key]

    def verify_share(self, *words, code=0, folder=None):
        return self.hansa("verify", "share", folder or self.evidence, "--ledger", SHARE,
                          *self.trust(), *words, code=code)

    def refuted(self, sentence, *words):
        """The copy does not verify, and the sentence is what is said of it."""
        done = self.verify_share(*words, code=4)
        expect(sentence in done.stderr and done.stderr.count("\n") == 1,
               f"expected one line with `{sentence}`, got {done.stderr}")


def bundle(outsider, ledger):
    return sorted(glob.glob(outsider.log(ledger, "tile/entries/**"), recursive=True))[-1]


class Spoilt:
    """A file that is another within a with-block."""

    def __init__(self, path, change):
        self.path = path
        self.change = change

    def __enter__(self):
        with open(self.path, "rb") as stream:
            self.bytes = stream.read()
        with open(self.path, "wb") as stream:
            stream.write(self.change(self.bytes))

    def __exit__(self, *_):
        with open(self.path, "wb") as stream:
            stream.write(self.bytes)


def flip(at):
    def change(data):
        place = at % len(data)
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
    return change


def check_share(outsider):
    shown = json.loads(outsider.verify_share("--json").stdout)
    expect(shown["ok"] and shown["share"]["confirmed"], f"confirmed: {shown['share']}")
    expect(shown["share"]["witnesses"] == 2 and shown["alliance"]["witnesses"] == 3,
           f"witnesses: {shown}")
    expect(int(shown["share"]["size"]) > 3 and shown["events"], f"something is shared: {shown}")
    told = outsider.verify_share().stdout
    expect(f"{SHARE}: {shown['share']['size']} entries, confirmed by " in told, told)
    expect(shown["share"]["root_sha256"] in told and shown["share"]["tip_sha256"] in told, told)
    for name, count in shown["events"].items():
        expect(f"  {count} {name}\n" in told, f"{name}: {told}")


def check_spoilt_share(outsider):
    with Spoilt(bundle(outsider, SHARE), flip(40)):
        outsider.refuted("entry ")
    with Spoilt(outsider.log(SHARE, "checkpoint"), flip(3)):
        outsider.refuted(f"the checkpoint of {SHARE} at size ")
    with Spoilt(bundle(outsider, "alliance/delta"), flip(-3)):
        outsider.refuted("alliance/delta")
    with Spoilt(outsider.log(SHARE, "checkpoint"),
                lambda data: b"\n".join(line for line in data.split(b"\n")
                                        if b"hansa/witness" not in line)):
        told = outsider.verify_share().stdout
        expect(f"{SHARE}: " in told and "unconfirmed: cosigned by 0 of 2 witnesses" in told, told)
    with Spoilt(outsider.key, lambda data: open(outsider.log(SHARE, "vkey"), "rb").read()):
        outsider.verify_share(code=1)
    done = outsider.hansa("verify", "share", outsider.folder, "--ledger", SHARE, *outsider.trust(),
                          code=1)
    expect("holds no copy of alliance/delta" in done.stderr, done.stderr)
    outsider.verify_share()


def check_proof(outsider):
    entry = os.path.join(outsider.folder, "entry")
    for ledger, members in (("alliance/delta", False), (SHARE, True)):
        outsider.hansa("tlog", "prove", "3", "--from", outsider.evidence, "--ledger", ledger,
                       "--out", entry)
        words = ["verify", "proof", entry + ".tlog-proof", "--value", entry, *outsider.trust()]
        with_members = [*words, "--members", outsider.evidence]
        told = outsider.hansa(*with_members).stdout
        expect(f"entry 3 of {ledger} is proved" in told and " confirmed by " in told, told)
        alone = outsider.hansa(*words, code=2 if members else 0)
        expect("--members" in alone.stdout + alone.stderr, alone)
        with Spoilt(entry, flip(-1)):
            done = outsider.hansa(*with_members, code=4)
            expect("the value is not entry 2" in done.stderr, done.stderr)
        with Spoilt(entry + ".tlog-proof", lambda data: data.replace(b"index 2", b"index 1")):
            outsider.hansa(*with_members, code=4)


def audit(outsider, first, last, *words, source=None, code=0):
    return outsider.hansa("audit", "city/wuxi", f"{first}..{last}", "--alliance", "delta",
                          "--evidence", outsider.evidence, *outsider.trust(),
                          *(["--data", outsider.data] if source is None else source), *words,
                          code=code)


def check_audit(outsider):
    done = audit(outsider, 5, 40)
    lines = done.stdout.splitlines()
    expect([int(line.split()[0]) for line in lines] == list(range(5, 41)), done.stdout)
    expect(all("  committed by entry " in line for line in lines), done.stdout)
    expect(f"entries 5 to 40 are those that {SHARE}: " in done.stderr, done.stderr)
    entry = json.loads(audit(outsider, 7, 7, "--json").stdout)
    told = outsider.hansa("ledger", "show", "7", "--data", outsider.data, "--ledger",
                          "city/wuxi").stdout
    expect(json.loads(told)["sha256"] == entry["sha256"], f"{told} {entry}")
    newest = audit(outsider, 1, 100_000_000)
    committed = sum("  committed by entry " in line for line in newest.stdout.splitlines())
    shown = json.loads(outsider.verify_share("--json").stdout)
    expect(committed == int(shown["city_entries"]), f"{committed} {shown['city_entries']}")
    expect("uncommitted: what follows entry " in newest.stderr, newest.stderr)


def rewritten(values, seq):
    """The ledger with one byte of entry `seq` changed, and all behind it chained anew."""
    hashes = {}
    out = []
    for value in values:
        at, base = (int.from_bytes(value[i:i + 8], "big") for i in (24, 64))
        if at > seq:
            value = value[:32] + hashes[at - 1] + value[64:72] + hashes[base][:8] + value[80:]
        if at == seq:
            value = value[:100] + bytes([value[100] ^ 1]) + value[101:]  # of its salt
        hashes[at] = hashlib.sha256(value).digest()
        out.append(value)
    return out


class Entries(http.server.BaseHTTPRequestHandler):
    """Gives out the stored entries of a city, as its node does."""

    values = []

    def do_GET(self):  # pylint: disable=invalid-name
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        first = int(query.get("from_offset", ["0"])[0])
        records = [{"offset": str(first + i), "value": base64.b64encode(value).decode()}
                   for i, value in enumerate(self.values[first:first + 100])]
        body = json.dumps({"founding_id": base64.b64encode(self.values[0][8:24]).decode(),
                           "records": records,
                           "next_offset": str(first + len(records))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def check_private_history(outsider):
    """A city that rewrites what it committed to is found, one that did not is not."""
    told = outsider.hansa("ledger", "tail", "--raw", "-n", "100000", "--data", outsider.data,
                          "--ledger", "city/wuxi").stdout
    values = [bytes.fromhex(line.split()[1]) for line in told.splitlines()]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Entries) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = ["--server", f"http://127.0.0.1:{server.server_port}"]
        Entries.values = values
        audit(outsider, 100, 140, *where, source=[])
        Entries.values = rewritten(values, 120)
        done = audit(outsider, 100, 140, *where, source=[], code=4)
        expect(f" of {SHARE} is committed to " in done.stderr, done.stderr)
        Entries.values = values[:119] + values[120:]
        done = audit(outsider, 100, 140, *where, source=[], code=4)
        expect("two histories" in done.stderr, done.stderr)
        Entries.values = rewritten(values, len(values) - 5)
        audit(outsider, 100, 140, *where, source=[])
        server.shutdown()


class Files(http.server.SimpleHTTPRequestHandler):
    """A copy, served as it stands."""

    folder = ""

    def __init__(self, *words):
        super().__init__(*words, directory=self.folder)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def check_served_copy(outsider):
    """A copy of what is served is the same, and verifies."""
    Files.folder = outsider.evidence
    other = os.path.join(outsider.folder, "fetched")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        outsider.hansa("tlog", "copy", "--from", f"http://127.0.0.1:{server.server_port}/tlog",
                       "--ledger", "alliance/delta", "--ledger", SHARE, "--out", other)
        outsider.hansa("tlog", "copy", "--from", f"http://127.0.0.1:{server.server_port}/tlog",
                       "--ledger", "share/delta/nowhere", "--out", other, code=1)
        server.shutdown()
    outsider.verify_share(folder=other)
    done = subprocess.run(["diff", "-r", outsider.evidence, other], capture_output=True, text=True,
                          check=False)
    expect(done.returncode == 0, done.stdout)


def check_pack(outsider):
    pack = os.path.join(outsider.folder, "pack")
    outsider.hansa("pack", "--month", "2025-01", "--alliance", "delta", "--city", "wuxi",
                   "--evidence", outsider.evidence, *outsider.trust(), "--out", pack,
                   "--utc-offset", "480")
    with open(os.path.join(pack, "manifest.txt"), encoding="utf-8") as stream:
        for line in stream:
            digest, name = line.rstrip("\n").split("  ")
            with open(os.path.join(pack, name), "rb") as file:
                expect(hashlib.sha256(file.read()).hexdigest() == digest, name)
    shown = json.loads(outsider.verify_share("--json",
                                             folder=os.path.join(pack, "evidence")).stdout)
    with open(os.path.join(pack, "events.csv"), encoding="utf-8", newline="") as stream:
        events = list(csv.DictReader(stream))
    expect(len(events) == sum(shown["events"].values()), f"{len(events)} {shown['events']}")
    with open(os.path.join(pack, "pack.html"), encoding="utf-8") as stream:
        page = stream.read()
    expect(shown["share"]["root_sha256"] in page and "http" not in page.split("</style>")[1], page)
    words = ["verify", "pack", pack, *outsider.trust()]
    told = json.loads(outsider.hansa(*words, "--json").stdout)
    expect((told["city"], told["month"], told["events"]) == ("wuxi", "2025-01", len(events)), told)
    for name in ("events.csv", "definitions.csv", "figures.csv"):
        with Spoilt(os.path.join(pack, name), flip(-3)):
            done = outsider.hansa(*words, code=4)
            expect(f"{name}: line " in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    outsider.hansa("pack", "--month", "2025-13", "--alliance", "delta", "--city", "wuxi",
                   "--evidence", outsider.evidence, *outsider.trust(), "--out", pack, code=2)


def check_league(outsider):
    """Copies held against one another: two cities that tell of one joint action differently, and
    two copies of one log that are two histories."""
    league = os.path.join(outsider.folder, "league")
    cities = [name.split("-", 1)[1] for name in sorted(os.listdir(os.path.join(
        outsider.data, "keys"))) if name.startswith("city-")]
    cities = [name.removesuffix(".key") for name in cities]
    expect(len(cities) == 3, cities)
    shares = [word for city in cities for word in ("--ledger", f"share/delta/{city}")]
    outsider.hansa("tlog", "copy", "--data", outsider.data, "--ledger", "alliance/delta", *shares,
                   "--out", league)
    words = ["verify", "league", league, *outsider.trust()]
    told = json.loads(outsider.hansa(*words, "--json").stdout)
    expect(told["ok"] and len(told["shares"]) == 3 and not told["doubts"], told)
    outsider.hansa(*words, "--other", outsider.evidence)
    outsider.hansa(*words, "--other", outsider.folder, code=1)
    # Two cities tell of one joint action differently, on their first day; it is settled by then.
    data = os.path.join(outsider.folder, "two")
    outsider.hansa("demo", "--once", "--cities", "2", "--days", "1", "--data", data)
    cities = sorted(name.split("-", 1)[1].removesuffix(".key") for name in
                    os.listdir(os.path.join(data, "keys")) if name.startswith("city-"))
    two = os.path.join(outsider.folder, "evidence-two")
    shares = [word for city in cities for word in ("--ledger", f"share/delta/{city}")]
    outsider.hansa("tlog", "copy", "--data", data, "--ledger", "alliance/delta", *shares,
                   "--out", two)
    told = json.loads(outsider.hansa("verify", "league", two, "--json", "--alliance-key",
                                     os.path.join(two, "tlog/alliance/delta/vkey")).stdout)
    expect(told["ok"] and len(told["doubts"]) == 1 and told["doubts"][0]["settled"], told)
    expect(f"k1 river-bank of {cities[0]} and {cities[1]}: " in told["doubts"][0]["detail"], told)


def check_figure(outsider):
    """One that was never published."""
    file = os.path.join(outsider.folder, "figure.json")
    with open(file, "w", encoding="utf-8") as stream:
        json.dump({"city": "wuxi", "publication": "m1", "figure": {"metric": "on_time_rate@1"}},
                  stream)
    done = outsider.hansa("verify", "metric", file, "--evidence", outsider.evidence,
                          *outsider.trust(), code=4)
    expect(done.stdout.startswith("does not follow: wuxi's publication m1 stands nowhere"),
           done.stdout)


def main():
    with tempfile.TemporaryDirectory() as folder:
        outsider = Outsider(folder)
        outsider.make()
        check_share(outsider)
        check_spoilt_share(outsider)
        check_proof(outsider)
        check_audit(outsider)
        check_private_history(outsider)
        check_served_copy(outsider)
        check_pack(outsider)
        check_league(outsider)
        check_figure(outsider)


main()
