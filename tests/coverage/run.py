#!/usr/bin/env python3
"""Goal: every branch of what decides and folds is taken by a test of core, or somebody has written
down why not.

Method: core and its tests are built once more by clang with counters (preset `coverage`), the tests
run, and llvm-cov is asked for the branches of core/city, core/alliance and core/ledger. A branch
counts as taken if it went both ways in any test, in whatever instance of a template. What did not
is held against unreached.tsv: file, condition, which side, reason. `no test yet` is a debt that
the summary counts. A row there that is reached by now is an error, too, so that the list shrinks.

    tests/coverage/run.py [--build build/coverage] [--list]     --list prints rows without reasons
"""

import argparse
import collections
import concurrent.futures
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDERS = ["core/city", "core/alliance", "core/ledger"]
LLVM = "-19"


def run_tests(build, folder):
    """Runs each test of core with counters of its own; returns the programs and the counters."""
    programs = sorted(path for path in glob.glob(os.path.join(build, "tests", "core", "*_test"))
                      if os.access(path, os.X_OK))
    if not programs:
        sys.exit(f"expected tests of core in {build}; build them: "
                 "cmake --preset coverage && ninja -C build/coverage core_tests")

    def run(program):
        counters = os.path.join(folder, os.path.basename(program) + ".profraw")
        # One seed for the property tests: what they take by chance is the same each time.
        env = dict(os.environ, LLVM_PROFILE_FILE=counters, HANSA_SOURCE=ROOT, RC_PARAMS="seed=1")
        done = subprocess.run([program], env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{os.path.basename(program)} failed:\n{done.stdout[-2000:]}{done.stderr}")
        return counters

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return programs, list(pool.map(run, programs))


def export(programs, counters, folder):
    merged = os.path.join(folder, "merged.profdata")
    subprocess.run([f"llvm-profdata{LLVM}", "merge", "-sparse", "-o", merged, *counters],
                   check=True)
    objects = [word for program in programs[1:] for word in ("-object", program)]
    sources = [os.path.join(ROOT, name) for name in FOLDERS]
    answer = subprocess.run([f"llvm-cov{LLVM}", "export", programs[0], *objects,
                             "-instr-profile", merged, "-format=text", *sources],
                            check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)["data"][0]


def count_branches(data):
    """By (file, line, column, end): how often the condition held, and how often not."""
    counts = collections.defaultdict(lambda: [0, 0])
    for function in data["functions"]:
        files = [os.path.relpath(path, ROOT) for path in function["filenames"]]
        for first, column, last, end, held, failed, file, *_ in function["branches"]:
            name = files[file]
            if not any(name.startswith(folder + "/") for folder in FOLDERS):
                continue
            count = counts[(name, first, column, last, end)]
            count[0] += held
            count[1] += failed
    return counts


def unreached(counts):
    """By (file, source line, side): the line numbers."""
    lines = {}
    found = collections.defaultdict(list)
    for (name, first, column, last, end), (held, failed) in sorted(counts.items()):
        if held and failed:
            continue
        if name not in lines:
            with open(os.path.join(ROOT, name), encoding="utf-8") as stream:
                lines[name] = stream.read().splitlines()
        text = lines[name][first - 1]
        condition = text[column - 1:end - 1] if first == last else text[column - 1:]
        side = "neither" if not held and not failed else "false" if held else "true"
        found[(name, " ".join(condition.split()), side)].append(first)
    return found


def read_reasons():
    with open(os.path.join(HERE, "unreached.tsv"), encoding="utf-8", newline="") as stream:
        return {(row["file"], row["condition"], row["never"]): row["reason"]
                for row in csv.DictReader(stream, delimiter="\t")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "coverage"))
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        programs, counters = run_tests(given.build, folder)
        counts = count_branches(export(programs, counters, folder))
    found = unreached(counts)
    reasons = read_reasons()
    sides = 2 * len(counts)
    missing = sum(2 if key[2] == "neither" else 1 for key, at in found.items() for _ in at)
    print(f"{len(programs)} tests of core reach {sides - missing} of {sides} sides of "
          f"{len(counts)} branches in {', '.join(FOLDERS)}")
    owed = sum(reason == "no test yet" for reason in reasons.values())
    print(f"of {len(reasons)} that none reaches, {owed} have neither a test nor a reason yet")
    new = sorted(set(found) - set(reasons))
    gone = sorted(set(reasons) - set(found))
    for name, condition, side in new:
        at = ",".join(map(str, found[(name, condition, side)]))
        print("\t".join((name, condition, side, "")) if given.list else
              f"{name}:{at}: `{condition}` is never {side}: test it, or add a row with the reason "
              "to tests/coverage/unreached.tsv")
    for name, condition, side in gone:
        print(f"{name}: `{condition}` is {side} in a test by now: its row in "
              "tests/coverage/unreached.tsv is not needed")
    return 1 if new or gone else 0


if __name__ == "__main__":
    sys.exit(main())
