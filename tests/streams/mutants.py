#!/usr/bin/env python3
"""Goal: each rule that keeps a ledger to one history is held by a test: without it one fails.

Method: the tree is copied, built and tested as it is, then once with each rule broken in one place
(DESIGN §4); the tests named beside it must fail. Takes some minutes.

    mutants.py [NAME...]    all mutants, or those named
"""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTS = ["chain_test", "appender_rules_test", "appender_contest_test", "keeper_test"]
SECONDS_MAX = 300
# name, what is no longer done, file, what stands there, what stands there instead
MUTANTS = [
    ("no-prev", "a reader ignores the hash of the entry before", "core/ledger/chain.cc",
     "envelope.prev == position_.tip;", "true;"),
    ("no-base", "a reader ignores what the writer had seen", "core/ledger/chain.cc",
     "if (ours && !base_in_prefix(entry->envelope)) {", "if (false) {"),
    ("same-salt", "every attempt has the same salt", "streams/appender.cc",
     "envelope.salt = env_.random_id<Salt>();", "envelope.salt = Salt{};"),
    ("no-density", "an offset answers without those before it", "streams/appender.cc",
     "HANSA_CHECK(read_to(offset, steps));\n  if (flight.dead) return {};\n"
     "  if (offset == chain_.position().next_offset) {",
     "if (flight.dead) return {};\n  chain_.skip_to(offset);\n  {"),
    ("no-look-up", "a command id is not looked up", "projections/keeper_round.cc",
     "if (row == nullptr) return std::nullopt;", "return std::nullopt;"),
]


def copy_tree(to):
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True,
                           capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        target = os.path.join(to, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), target)


def build(tree):
    subprocess.run(["ninja", "-C", os.path.join(tree, "build", "release"), *TESTS], check=True,
                   stdout=subprocess.DEVNULL)


def failing(tree):
    """Which of the tests fail, or do not end."""
    failed = []
    for name in TESTS:
        found = [os.path.join(folder, name)
                 for folder, _, files in os.walk(os.path.join(tree, "build", "release", "tests"))
                 if name in files]
        try:
            done = subprocess.run([found[0], "--gtest_brief=1"], timeout=SECONDS_MAX,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  check=False)
            if done.returncode != 0:
                failed.append(name)
        except subprocess.TimeoutExpired:
            failed.append(name + " (does not end)")
    return failed


def survivors(tree, wanted):
    names = []
    for name, what, file, old, new in MUTANTS:
        if wanted and name not in wanted:
            continue
        path = os.path.join(tree, file)
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        if text.count(old) != 1:
            raise SystemExit(f"{name}: {file} has not one place like this:\n{old}")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text.replace(old, new))
        build(tree)
        caught = failing(tree)
        print(f"{name}: {what}: {', '.join(caught) or 'NOBODY NOTICES'}", flush=True)
        if not caught:
            names.append(name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
    return names


def main():
    with tempfile.TemporaryDirectory() as tree:
        copy_tree(tree)
        subprocess.run(["cmake", "--preset", "release", "-DHANSA_TESTS=ON"], cwd=tree, check=True,
                       stdout=subprocess.DEVNULL)
        build(tree)
        broken = failing(tree)
        if broken:
            raise SystemExit(f"without a mutant these fail: {broken}")
        left = survivors(tree, sys.argv[1:])
    if left:
        raise SystemExit(f"not caught: {', '.join(left)}")
    print("every mutant is caught")


if __name__ == "__main__":
    main()
