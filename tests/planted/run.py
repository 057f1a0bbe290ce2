"""Goal: every instrument that guards a law can fail: each planted bug is caught by its own.

Method: the sources, each with its bugs built in (bugs.py) and all of them switched off, are built
once in build/planted. There the simulator and the named tests find nothing; then each bug is
switched on alone (HANSA_PLANTED) and must be found, by the simulator within 1 000 seeds. Prints the
table of tests/README.md; with names of bugs their lines alone.

    run.py [BUG...]
"""

import os
import re
import shutil
import subprocess
import sys

from bugs import BUGS

SOURCE = os.environ["HANSA_SOURCE"]
TARGET = os.path.join(SOURCE, "build", "planted")
TREE = os.path.join(TARGET, "source")
BUILD = os.path.join(TARGET, "build")
SEEDS_MAX = "1000"
SECONDS_MAX = 1200

SWITCH = """#pragma once
#include <cstdlib>
#include <cstring>
inline bool planted(const char* name) {
  static const char* const chosen = std::getenv("HANSA_PLANTED");
  return chosen != nullptr && std::strcmp(chosen, name) == 0;
}
"""


def must(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def write(path, text):
    """A file that is the same already keeps its time, so that it is not compiled again."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as stream:
            if stream.read() == text:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def plant():
    paths = must("git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard").splitlines()
    for folder, _, files in os.walk(TREE):  # what an earlier run left of files that are gone
        for name in files:
            copy = os.path.join(folder, name)
            if not os.path.isfile(os.path.join(SOURCE, os.path.relpath(copy, TREE))):
                os.remove(copy)
    for path in paths:
        origin, copy = os.path.join(SOURCE, path), os.path.join(TREE, path)
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        if path not in {bug.file for bug in BUGS} and os.path.isfile(origin):
            shutil.copy2(origin, copy)
    write(os.path.join(TREE, "core", "base", "planted.h"), SWITCH)
    for path in sorted({bug.file for bug in BUGS}):
        with open(os.path.join(SOURCE, path), encoding="utf-8") as stream:
            text = stream.read()
        for bug in BUGS:
            if bug.file != path:
                continue
            if text.count(bug.text) != 1:
                raise SystemExit(f"{bug.name}: its text stands {text.count(bug.text)} times in "
                                 f"{path}; bugs.py must follow the source")
            text = text.replace(bug.text, bug.planted)
        write(os.path.join(TREE, path), '#include "core/base/planted.h"\n' + text)


def build():
    must("cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DHANSA_OPS=OFF")
    tests = {bug.caught_by.split()[0] for bug in BUGS} - {"sim"}
    must("ninja", "-C", BUILD, "hansa_sim", *sorted(tests))


def find(program):
    for folder, _, files in os.walk(os.path.join(BUILD, "tests")):
        if program in files:
            return os.path.join(folder, program)
    raise SystemExit(f"there is no {program} in {BUILD}")


def run(words, bug):
    env = dict(os.environ, HANSA_SOURCE=TREE)
    env.pop("HANSA_PLANTED", None)
    if bug:
        env["HANSA_PLANTED"] = bug
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, env=env)
    except subprocess.TimeoutExpired:
        return None


def words_of(caught_by, seeds=SEEDS_MAX):
    if caught_by == "sim":
        return [find("hansa_sim"), "--seeds", seeds, "--until-found"]
    test, names = caught_by.split()
    return [find(test), f"--gtest_filter={names}"]


def how(bug, done):
    """What caught it; empty: nothing did."""
    if done is None:  # of the simulator it says only that the machine is slow
        return "" if bug.caught_by == "sim" else f"`{bug.caught_by.split()[0]}` does not end"
    if done.returncode == 0:
        return ""
    if bug.caught_by != "sim":
        failed = re.findall(r"^\[  FAILED  \] (\S+)", done.stdout, re.M)
        return f"`{failed[0]}`" if failed else f"`{bug.caught_by.split()[0]}` ends at once"
    seed = re.findall(r"^seed (\d+): (\w+)", done.stdout, re.M)
    if seed:
        return f"simulator: `{seed[0][1]}`, seed {seed[0][0]}"
    return "simulator: " + (done.stderr.strip().splitlines() or ["it ends at once"])[-1][:60]


def main():
    plant()
    build()
    chosen = [bug for bug in BUGS if bug.name in sys.argv[1:] or not sys.argv[1:]]
    for caught_by in sorted({bug.caught_by for bug in chosen}):
        done = run(words_of(caught_by, "100"), None)
        if done is None or done.returncode != 0:
            why = "it does not end" if done is None else done.stdout[-2000:]
            raise SystemExit(f"{caught_by} fails with no bug switched on:\n{why}")
    missed = []
    print("| Bug | Caught by |\n|---|---|")
    for bug in chosen:
        caught = how(bug, run(words_of(bug.caught_by), bug.name))
        print(f"| {bug.name.replace('_', ' ')} | {caught or 'NOTHING'} |", flush=True)
        if not caught:
            missed.append(bug.name)
    if missed:
        raise SystemExit(f"not caught: {', '.join(missed)}")


sys.exit(main())
