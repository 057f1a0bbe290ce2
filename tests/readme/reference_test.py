#!/usr/bin/env python3
"""Goal: the reference says what the executable does. Method: each page of docs/reference is held
against the command that prints it.

    reference_test.py       HANSA_BINARY and HANSA_SOURCE; what differs says how to make it anew
"""

import difflib
import os
import subprocess
import sys

HANSA = os.environ["HANSA_BINARY"]
FOLDER = os.path.join(os.environ["HANSA_SOURCE"], "docs", "reference")
PAGES = {"cli.md": ("help", "--markdown"), "configuration.md": ("configuration", "--markdown"),
         "errors.md": ("error", "--markdown"), "metrics.md": ("metrics-catalogue", "--markdown")}


def main():
    wrong = sorted(set(os.listdir(FOLDER)) - set(PAGES))
    for name in wrong:
        print(f"docs/reference/{name}: expected a page that a command prints")
    for name, words in PAGES.items():
        done = subprocess.run([HANSA, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            wrong.append(name)
            print(f"hansa {' '.join(words)}: {done.stderr}")
            continue
        printed = done.stdout
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            kept = file.read()
        if kept == printed:
            continue
        wrong.append(name)
        print(f"docs/reference/{name} is old: hansa {' '.join(words)} > docs/reference/{name}")
        sys.stdout.writelines(difflib.unified_diff(kept.splitlines(True), printed.splitlines(True),
                                                   "kept", "printed", n=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
