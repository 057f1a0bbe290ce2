"""Other people's verifiers, as cmake/verifiers/fetch brings them."""

import json
import os
import re
import subprocess
import tempfile
import urllib.error
import urllib.request

FOLDER = os.path.join(os.environ["HANSA_SOURCE"], "build", "verifiers")
SECONDS_MAX = 120


def program(name):
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path):
        raise SystemExit(f"expected {path}: run cmake/verifiers/fetch")
    return path


def run(name, *words):
    return subprocess.run([program("bin/" + name), *words], capture_output=True, text=True,
                          timeout=SECONDS_MAX)


def logcheck(vkey, *words):
    """(right, what it says) of `logcheck -vkey VKEY WORDS`; see its head for the words."""
    done = run("logcheck", "-vkey", vkey, *words)
    if done.returncode not in (0, 1):
        raise AssertionError(done)
    return done.returncode == 0, done.stdout + done.stderr


def fsck(vkey, base_url, bearer_token=""):
    """(right, what it says) of tessera's check of a whole log, by http:// or file:///."""
    with tempfile.NamedTemporaryFile("w", suffix=".vkey") as key:
        key.write(vkey)
        key.flush()
        # A worker ends at the first wrong tile it meets; without one left it would wait for ever.
        done = run("fsck", "--ui=false", "--N=64", f"--storage_url={base_url}/",
                   f"--public_key={key.name}", f"--bearer_token={bearer_token}")
    # It exits 0 whatever it found.
    return "Successfully fsck'd log" in done.stderr, done.stderr


def read_feed(records):
    """The events of a feed, as CloudEvents' JSON, of what `kcat -C -J` prints of it."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "read_feed.py")
    done = subprocess.run([program("venv/bin/python"), "-B", script], input=records, check=True,
                          capture_output=True, text=True, timeout=SECONDS_MAX)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Witness:
    """A running witness that knows the logs given, a dict of origins and keys."""

    def __init__(self, name, logs):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write("Logs:\n")
            for origin, vkey in logs.items():
                config.write(f"  - Origin: {origin}\n    PublicKey: {vkey}\n")
            config.flush()
            self.process = subprocess.Popen(
                [program("bin/witness"), name, config.name], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True)
            first = self.process.stdout.readline()
        if not re.fullmatch(r"\S+ \S+\n", first):
            raise AssertionError(f"the witness does not start: {first}")
        address, self.vkey = first.split()
        self.url = f"http://{address}"

    def add_checkpoint(self, body):
        """(status, content type, body) of what it answers to a request to cosign."""
        request = urllib.request.Request(self.url + "/add-checkpoint", body.encode(),
                                         method="POST")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
