#!/usr/bin/env python3
"""Goal: every example in a --help works as printed. Method: each verb is found through the help of
the verb above it; the lines under `Example:` (they begin with two blanks and `hansa`) run in order
in bash, in a fresh folder that holds the files of examples/, beside a fresh server for the city
`example`. A line that serves must answer /readyz and stop with exit code 0 when asked to.

    help_test.py HANSA      the executable; fails with the verb, the line and its output
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS_MAX = 60
# These open the data folder themselves, which a server holds for itself alone.
OFFLINE = ("init", "serve", "demo", "ledger", "projection", "topics", "nodes",
           "restore")
# These of them ask a server all the same.
ONLINE = {("projection", verb) for verb in ("rebuild", "status", "cancel")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Scratch:
    """A folder with the example files, `hansa` on the PATH and, after serve(), a server."""

    def __init__(self, hansa, folder):
        self.hansa = hansa
        self.folder = folder
        self.server = None
        self.port = free_port()
        shutil.copytree(os.path.join(ROOT, "examples"), folder, dirs_exist_ok=True)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("HANSA_")}
        self.environment.update(
            PATH=os.path.dirname(hansa) + ":" + os.environ["PATH"], HOME=folder, TMPDIR=folder,
            HANSA_HTTP_LISTEN=f"127.0.0.1:{self.port}", HANSA_METRICS_LISTEN="127.0.0.1:0",
            HANSA_SERVER=f"http://127.0.0.1:{self.port}")

    def start(self, line):
        log = open(os.path.join(self.folder, "server.log"), "wb")
        self.server = subprocess.Popen(["bash", "-c", "exec " + line], cwd=self.folder,
                                       env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT)
        log.close()

    def wait_until_ready(self):
        """'' once /readyz answers 200, else what went wrong."""
        end = time.monotonic() + SECONDS_MAX
        while time.monotonic() < end and self.server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return ""
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        return f"no answer from /readyz (exit code {self.server.poll()}):\n" + self.server_log()

    def server_log(self):
        with open(os.path.join(self.folder, "server.log"), encoding="utf-8") as stream:
            return stream.read()

    def stop(self):
        """'' when the server ended with 0 after SIGTERM."""
        if self.server is None:
            return ""
        self.server.send_signal(signal.SIGTERM)
        try:
            code = self.server.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.server.kill()
            code = f"none within {SECONDS_MAX} s of SIGTERM"
        self.server = None
        return "" if code == 0 else f"the server's exit code: {code}\n" + self.server_log()

    def run(self, line):
        """(exit code, output) of one line as a person would type it."""
        done = subprocess.run(["bash", "-c", line], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=SECONDS_MAX, check=False)
        return done.returncode, done.stdout

    def prepare(self, serve):
        """Founds the city and starts its server; for the others it is set up and stopped again."""
        code, output = self.run("hansa init city example --json")
        if code != 0:
            return "hansa init city example: " + output
        made = json.loads(output.splitlines()[-1])
        self.environment["HANSA_KEY"] = made["key"]
        self.start(f"hansa serve --config {made['config']}")
        problem = self.wait_until_ready()
        if problem or serve:
            return problem
        code, output = self.run("hansa setup setup")
        self.write_kafka_config(made["config"])
        return output if code else self.stop()

    def write_kafka_config(self, config):
        """The same node on the broker that this test was given."""
        with open(os.path.join(self.folder, config), encoding="utf-8") as stream:
            text = stream.read()
        kafka = f"kind: kafka\n  kafka:\n    bootstrap: {os.environ['HANSA_KAFKA']}"
        with open(os.path.join(self.folder, "hansa-kafka.yaml"), "w", encoding="utf-8") as stream:
            stream.write(text.replace("kind: embedded", kafka, 1))


def verbs(scratch, verb=()):
    """Every verb with its help: those without further verbs below and those with an example."""
    code, text = scratch.run(" ".join(("hansa",) + verb + ("--help",)))
    if code != 0:
        raise SystemExit(f"hansa {' '.join(verb)} --help: exit code {code}\n{text}")
    below = re.search(r"^Subcommands:\n((?:  .*\n)+)", text + "\n", re.M)
    names = re.findall(r"^  ([\w-]+)", below.group(1), re.M) if below else []
    if not verb:
        names = re.findall(r"(?:^  (?:hansa )?|`hansa )([a-z][\w-]+)", text, re.M)
    if not names or "Example:" in text:
        yield verb, text
    for name in dict.fromkeys(names):
        yield from verbs(scratch, verb + (name,))


def examples_of(text):
    """Lines under Example:; a line that ends in a backslash goes on in the next."""
    under = text.split("Example:\n")[-1] if "Example:\n" in text else ""
    return [line.strip() for line in under.replace("\\\n", " ").splitlines() if line.strip()]


def try_line(scratch, line):
    if re.match(r"hansa (serve|demo)\b(?!.*--once)", line):
        if line.startswith("hansa demo"):
            line += f" --listen 127.0.0.1:{scratch.port}"
        scratch.start(line)
        return scratch.wait_until_ready() or scratch.stop()
    code, output = scratch.run(line)
    return "" if code == 0 else f"exit code {code}\n{output}"


def try_verb(hansa, verb, text):
    """'' or what is wrong with the examples of this verb."""
    lines = examples_of(text)
    wrong = [line for line in lines if not line.startswith("hansa ")]
    if not lines or wrong:
        return f"expected `Example:` and lines beginning with `  hansa `, found {wrong or 'none'}"
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(hansa, folder)
        try:
            problem = ""
            if verb[0] != "init":
                online = verb[0] not in OFFLINE or tuple(verb) in ONLINE
                problem = scratch.prepare(serve=online)
            for line in lines:
                problem = problem or try_line(scratch, line)
                if problem:
                    return f"$ {line}\n{problem}"
            return scratch.stop()
        finally:
            scratch.stop()


def main():
    hansa = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        found = list(verbs(Scratch(hansa, folder)))
    failed = 0
    for verb, text in found:
        problem = try_verb(hansa, verb, text)
        failed += bool(problem)
        print(f"{'FAILED' if problem else 'ok':6} hansa {' '.join(verb)}")
        if problem:
            print(problem)
    print(f"{len(found)} verbs, {failed} failed")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
