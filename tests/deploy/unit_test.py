"""Goal: the systemd unit starts, hardens and ends a node as it says, and takes nothing from it that
it needs. Method: systemd's own checker and its table of exposure; the unit's words with the real
binary; every system call of a real node's life, as strace sees it, is one that the unit permits.

    unit_test.py        HANSA_BINARY, HANSA_SOURCE
"""

import os
import re
import signal
import subprocess
import sys
import time

SOURCE = os.environ["HANSA_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "crash"))
from city_process import ACCEPTED, Node, expect, place, test_main, uuid_v7  # noqa: E402

UNIT = os.path.join(SOURCE, "deploy", "hansa.service")
INSTALLED = "/usr/local/bin/hansa"
EXPOSURE_MAX = 1.5  # of 10; a service without any hardening has 9.6
CITY = "wuxi"


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True,
                          timeout=60, check=False)


def read_unit():
    with open(UNIT, encoding="utf-8") as file:
        return file.read()


def value(text, name):
    return re.findall(rf"^{name}=(.*)$", text, re.M)


def check_systemd(folder, hansa, text):
    file = os.path.join(folder, "hansa.service")

    def write(unit):
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(unit.replace(INSTALLED, hansa))
    write(text)
    done = analyze("verify", file)
    expect(done.returncode == 0 and not done.stdout + done.stderr, done)
    exposure = float(re.search(r"exposure level[^:]*: ([\d.]+)",
                               analyze("security", "--offline=true", file).stdout)[1])
    expect(exposure <= EXPOSURE_MAX, exposure)
    write(text.replace("ProtectSystem", "ProtectSystm"))
    expect("ProtectSystm" in analyze("verify", file).stderr, "a misspelt setting passes")
    return exposure


def check_words(folder, hansa, text):
    """What `hansa init` makes where the head says is what ExecStart reads."""
    (start,), (home,) = value(text, "ExecStart"), value(text, "WorkingDirectory")
    expect(f"--dir {home}" in text and start.split()[0] == INSTALLED, start)
    made = os.path.join(folder, "home")
    subprocess.run([hansa, "init", "city", "example", "--dir", made], check=True,
                   capture_output=True)
    words = [word.replace(home, made) for word in start.split()[1:]]
    done = subprocess.run([hansa, *words, "--check"], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, done)
    with open(os.path.join(made, "hansa.yaml"), "a", encoding="utf-8") as file:
        file.write("nodee: {}\n")
    done = subprocess.run([hansa, *words], capture_output=True, text=True, check=False)
    expect(value(text, "RestartPreventExitStatus") == [str(done.returncode)], done)
    expect(int(value(text, "TimeoutStopSec")[0]) <= 30, text)


def calls_of(name):
    """The system calls of a set of systemd's, with those of the sets in it."""
    calls = set()
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            calls |= calls_of(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def check_calls(folder, hansa, text):
    allowed = set()
    for names in value(text, "SystemCallFilter"):
        for name in names.lstrip("~").split():
            allowed = allowed - calls_of(name) if names[0] == "~" else allowed | calls_of(name)
    # systemd permits these in every list.
    allowed |= calls_of("@default") | {"execve"}
    counts = os.path.join(folder, "calls")
    node = Node(hansa, folder, [CITY])
    traced = os.path.join(folder, "traced")
    with open(traced, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec strace -f -c -o {counts} {hansa} \"$@\"\n")
    os.chmod(traced, 0o755)
    node.hansa = traced
    try:
        node.start()
        node.wait_until_ready()
        node.set_up(CITY)
        status, answer = node.connect().send(
            "hotline", "POST", f"/v1/cities/{CITY}/cases",
            {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(1),
             "contact": {"name": "Ann Example"}}, uuid_v7())
        expect(status in ACCEPTED, answer)
        with open(f"/proc/{node.process.pid}/task/{node.process.pid}/children",
                  encoding="utf-8") as file:
            os.kill(int(file.read().split()[0]), signal.SIGTERM)
        started = time.monotonic()
        expect(node.process.wait(60) == 0, node.server_log())
        expect(time.monotonic() - started < 30, "too late")
    finally:
        node.end()
    with open(counts, encoding="utf-8") as file:
        used = set(re.findall(r"^ *[\d.]+ .* (\w+)$", file.read(), re.M)) - {"total"}
    expect(len(used) > 30, used)
    expect(used <= allowed, f"not permitted by the unit: {used - allowed}")
    return len(used)


def run(hansa, folder):
    text = read_unit()
    exposure = check_systemd(folder, hansa, text)
    check_words(folder, hansa, text)
    count = check_calls(folder, hansa, text)
    print(f"exposure {exposure}; {count} kinds of system calls, all permitted")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
