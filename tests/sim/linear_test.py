"""Goal: somebody else's checker, too, finds nothing in what clients of a ledger were told.

Method: porcupine (cmake/verifiers/linear) reads the histories of simulated cities; then the same
with two receipts exchanged, and with a refusal from before what was known, which it must refuse.
"""

import json
import os
import subprocess
import sys
import tempfile

LINEAR = os.path.join(os.environ["HANSA_SOURCE"], "build", "verifiers", "bin", "linear")
SEEDS = "60"


def linear(path):
    done = subprocess.run([LINEAR, path], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done
    return done.returncode == 0, done.stdout


def spoilt(folder, operations):
    path = os.path.join(folder, "spoilt")
    with open(path, "w", encoding="ascii") as stream:
        stream.writelines(json.dumps(operation) + "\n" for operation in operations)
    right, told = linear(path)
    assert not right and "only grows" in told, told


def exchange_receipts(operations):
    appends = [one for one in operations if one["kind"] == "append"]
    for first in appends:
        for second in appends:
            if first["return"] < second["call"]:
                first["seq"], second["seq"] = second["seq"], first["seq"]
                return operations
    raise AssertionError("no two appends of the run follow one another")


def look_back(operations):
    last = max(operations, key=lambda one: one["seq"])
    late = {"kind": "look", "client": 9, "call": last["return"] + 1,
            "return": last["return"] + 2, "seq": last["seq"] - 1}
    return operations + [late]


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], "--world", "city", "--seeds", SEEDS, "--histories", folder],
                       check=True, stdout=subprocess.DEVNULL, timeout=240)
        seeds = os.listdir(folder)
        assert len(seeds) == int(SEEDS), seeds
        checked = 0
        for seed in seeds:
            right, told = linear(os.path.join(folder, seed))
            assert right, f"seed {seed}: {told}"
            checked += int(told.split()[1])
        assert checked > 10 * len(seeds), f"only {checked} operations"
        with open(os.path.join(folder, "1"), encoding="ascii") as stream:
            lines = stream.readlines()
        spoilt(folder, exchange_receipts([json.loads(line) for line in lines]))
        spoilt(folder, look_back([json.loads(line) for line in lines]))
        print(f"{checked} operations of {SEEDS} runs")


main()
