#!/usr/bin/env python3
"""Goal: a drill breaks a real node, a real Prometheus says that the shipped alarm's expression is
true, the runbook's commands are typed, and after the repair it is false again; without a fault, or
without Prometheus, a drill never ends well.

Method: `hansa drill NAME` as an operator runs it; what it prints is held against the rules and the
runbook of the source, and nothing of it may be left. broker-down stops the broker of this test.

    drill_test.py NAME      HANSA_BINARY, HANSA_SOURCE, and HANSA_KAFKA with HANSA_KAFKA_FOLDER for
                            broker-down; cmake/prometheus/fetch brought Prometheus
"""

import json
import os
import re
import subprocess
import sys
import tempfile

HANSA = os.environ["HANSA_BINARY"]
SOURCE = os.environ["HANSA_SOURCE"]
PROMETHEUS = os.path.join(SOURCE, "build", "prometheus", "usr", "bin", "prometheus")
BROKER = os.path.join(SOURCE, "cmake", "kafka", "broker")
# Drill: its alarm, what `hansa diagnose` must rank first meanwhile ("" where it may see nothing).
DRILLS = {
    "broker-down": ("HansaLogUnreachable", "HansaLogUnreachable"),
    "disk-full": ("HansaDiskFull", "HansaDiskFull"),
    "slow-city": ("HansaAppendSlow", ""),
    "restore": ("HansaNodeDown", "HansaNodeDown"),
    "stopped-fold": ("HansaFoldStopped", "HansaDiskFull"),
}
# What is said, in this order.
STEPS = ["quiet", "fault", "ALARM", "callers", "means", "impact", "runbook", "to do", "repair",
         "quiet"]
STEP = re.compile(r"^ *([\d.]+) s  (\w+(?: \w+)?) +(.*)$", re.M)


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def run(folder, *words):
    return subprocess.run([HANSA, "drill", *words], capture_output=True, text=True, check=False,
                          timeout=580, env={**os.environ, "TMPDIR": folder})


def rule(alarm):
    """(expression, link) of an alarm, as the source has them."""
    with open(os.path.join(SOURCE, "charts", "hansa", "rules", "alerts.yaml"),
              encoding="utf-8") as file:
        block = file.read().split(f"- alert: {alarm}\n")[1].split("- alert: ")[0]
    expression = re.search(r"expr: (?:>-\n)?(.*?)\n        (?:for|labels)", block, re.S).group(1)
    return " ".join(expression.split()), re.search(r"runbook: (\S+)", block).group(1)


def runbook_commands(alarm, when):
    with open(os.path.join(SOURCE, "docs", "runbook.md"), encoding="utf-8") as file:
        section = file.read().split(f"\n## {alarm}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh *(\w*)\n(.*?)^```$", section, re.M | re.S)
    return [line for kind, text in blocks if kind in when for line in text.splitlines()]


def check_drill(name, folder, words):
    alarm, ranked_first = DRILLS[name]
    done = run(folder, name, "--prometheus", PROMETHEUS, "--json", *words)
    expect(done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    print(done.stdout)
    said = json.loads(done.stdout.splitlines()[-1])
    expression, link = rule(alarm)
    expect((said["alarm"], said["expression"], said["runbook"]) == (alarm, expression, link), said)
    expect(said["alarm_seconds"] > 0 and said["recovery_seconds"] > 0, said)

    steps = STEP.findall(done.stdout)
    at = -1
    for step in STEPS:
        later = [i for i, found in enumerate(steps) if i > at and found[1] == step]
        expect(later, f"no step {step} behind {steps[:at + 1]}")
        at = later[0]
    expect(f"runbook  {link}" in done.stdout, "the runbook's section is not named")
    city = re.search(r"city/(drill-\w+) at", done.stdout).group(1)
    typed = [line.strip()[2:] for line in done.stdout.splitlines()
             if line.startswith("           $ ")]
    for line in runbook_commands(alarm, ("", "kafka") if words else ("",)):
        expect(line.replace("city/example", "city/" + city) in typed, f"not typed: {line}")
    first = re.search(r"^ +1\. (\w+): ", done.stdout, re.M)
    expect(not ranked_first or first and first.group(1) == ranked_first,
           f"expected {ranked_first} to be ranked first, got {first and first.group(0)}")
    expect(os.listdir(folder) == [], f"left behind: {os.listdir(folder)}")


def check_without(name, folder, words):
    """No Prometheus is no drill, and says where to get one."""
    done = run(folder, name, "--prometheus", "/nowhere/prometheus", *words)
    expect(done.returncode == 3 and "install Debian's package prometheus" in done.stderr,
           f"without Prometheus: {done.returncode} {done.stderr}")
    done = run(folder, name, "--prometheus", "/bin/false", *words)
    expect(done.returncode == 4 and "Prometheus ended" in done.stderr,
           f"with another program: {done.returncode} {done.stderr}")
    expect(os.listdir(folder) == [], f"left behind: {os.listdir(folder)}")


def check_large_disk(folder):
    """A disk that others need is not filled."""
    done = run(folder, "disk-full", "--prometheus", PROMETHEUS, "--disk", "/")
    expect(done.returncode == 4 and "--disk /: expected a folder on a disk of at most" in
           done.stderr, f"a large disk: {done.returncode} {done.stdout} {done.stderr}")
    expect(os.listdir(folder) == [], f"left behind: {os.listdir(folder)}")


def check_failures(folder, broker):
    """A fault that does not come, and a repair that is none: the drill has failed, and says so."""
    words = ["--prometheus", PROMETHEUS, "--kafka", os.environ["HANSA_KAFKA"], "--patience", "15"]
    done = run(folder, "broker-down", *words, "--stop", "true", "--start", "true")
    expect(done.returncode == 4 and "that HansaLogUnreachable is true" in done.stderr,
           f"without a fault: {done.returncode} {done.stdout} {done.stderr}")
    words[-1] = "60"
    done = run(folder, "broker-down", *words, "--stop", f"{BROKER} stop {broker}",
               "--start", "true")
    expect(done.returncode == 4 and "that HansaLogUnreachable is false" in done.stderr,
           f"without a repair: {done.returncode} {done.stdout} {done.stderr}")
    expect(os.listdir(folder) == [], f"left behind: {os.listdir(folder)}")


def main():
    name = sys.argv[1]
    words = []
    if name == "broker-down":
        done = run(".", name)
        expect(done.returncode == 2 and "--kafka" in done.stderr, done.stderr)
        broker = os.environ["HANSA_KAFKA_FOLDER"]
        words = ["--kafka", os.environ["HANSA_KAFKA"], "--stop", f"{BROKER} stop {broker}",
                 "--start", f"{BROKER} start {broker}"]
    with tempfile.TemporaryDirectory() as folder:
        check_drill(name, folder, words)
        check_without(name, folder, words)
        if name == "disk-full":
            check_large_disk(folder)
        if words:
            check_failures(folder, broker)
    print(f"drill {name}: the alarm came and went")


if __name__ == "__main__":
    main()
