#!/usr/bin/env python3
"""Goal: whoever follows a link of the documentation arrives, finds every page of the handbook from
its door, and the door from the README; a test that the explanation names exists, and no page of the
handbook has commands that no test runs. Method: all Markdown files are read; a link to a file must
name one, a link to a heading one that the page has, by GitHub's rule for its address. Nothing is
asked of the network.

    pages_test.py       HANSA_SOURCE names the repository
"""

import os
import re
import sys
from urllib.parse import unquote

ROOT = os.environ["HANSA_SOURCE"]
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST_NAME = re.compile(r"`((?:L\d+_)?[A-Z][A-Za-z0-9]{9,})`")
DOOR = "docs/README.md"
RUNBOOK = "docs/runbook.md"  # has a test of its own, in tests/charts
LEFT_OUT = {".git", "build"}


def pages():
    """Text of every Markdown file by its path."""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in names:
            if name.endswith(".md"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    found[os.path.relpath(path, ROOT)] = file.read()
    return found


def anchors(text):
    """Addresses of the headings: in small letters, without signs, `-` for a blank."""
    seen, addresses = {}, set()
    for heading in re.findall(r"^#+ +(.*?) *$", text, re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        address = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        count = seen[address] = seen.get(address, -1) + 1
        addresses.add(f"{address}-{count}" if count else address)
    return addresses


def links(path, text):
    """(as it stands, the file that it names, the heading) of each link within the repository."""
    for link in LINK.findall(re.sub(r"`[^`\n]*`", lambda code: "_" * len(code.group(0)), text)):
        if not re.match(r"[a-z]+:", link):
            file, _, heading = unquote(link).partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            yield link, target, heading


def lost_links(found):
    for path, text in found.items():
        for link, target, heading in links(path, text):
            if not os.path.exists(os.path.join(ROOT, target)):
                yield f"{path}: {link}: there is no such file"
            elif heading and heading not in anchors(found.get(target, "")):
                yield f"{path}: {link}: {target} has no such heading"


def unreached_pages(found):
    if DOOR not in {target for _, target, _ in links("README.md", found["README.md"])}:
        yield f"README.md: expected a link to {DOOR}"
    reached, waiting = {DOOR}, [DOOR]
    while waiting:
        path = waiting.pop()
        for _, target, _ in links(path, found[path]):
            if target in found and target not in reached:
                reached.add(target)
                waiting.append(target)
    for path in sorted(set(found) - reached):
        if path.startswith("docs/"):
            yield f"{path}: cannot be reached from {DOOR}"


def unknown_tests(found):
    """A name of a test case must stand in a file under tests that its page links to."""
    for path, text in found.items():
        if not path.startswith("docs/explanation/"):
            continue
        named = ""
        for _, target, _ in links(path, text):
            if target.startswith("tests/") and os.path.isfile(os.path.join(ROOT, target)):
                with open(os.path.join(ROOT, target), encoding="utf-8") as file:
                    named += file.read()
        for name in TEST_NAME.findall(text):
            if not re.search(rf"\bTEST\w*\(\w+, {name}\)", named):
                yield f"{path}: no test `{name}` in the files of tests that it links to"


def unrun_pages(found):
    with open(os.path.join(ROOT, "tests", "CMakeLists.txt"), encoding="utf-8") as file:
        registered = file.read().split()
    for path, text in found.items():
        name = path.removeprefix("docs/")
        if path.startswith("docs/") and re.search("^```sh", text, re.M) and path != RUNBOOK:
            if not {name, name + ")"} & set(registered):
                yield f"{path}: has commands, and no test of tests/CMakeLists.txt runs them"


def main():
    whole = pages()
    found = {path: FENCE.sub("", text) for path, text in whole.items()}
    wrong = [*lost_links(found), *unreached_pages(found), *unknown_tests(found),
             *unrun_pages(whole)]
    print("\n".join(wrong or [f"{len(found)} pages, all links lead somewhere"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
