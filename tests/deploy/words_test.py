"""Goal: what operators are told to type exists. Method: every verb with its options that stands in
these pages is asked for its help; every file that they name is there.

    words_test.py       HANSA_BINARY, HANSA_SOURCE
"""

import os
import re
import subprocess
import sys

SOURCE, BINARY = os.environ["HANSA_SOURCE"], os.environ["HANSA_BINARY"]
PAGES = ("SECURITY.md", "charts/hansa/README.md", "charts/hansa/UPGRADING.md",
         "deploy/hansa.service", "deploy/Dockerfile", "charts/hansa/templates/NOTES.txt")
# In a line of its own, or between backticks; elsewhere `hansa` is a name.
COMMAND = re.compile(r"`(hansa [^`]+)`|^(?:#| )  +(?:.* -- )?(hansa [a-z].*)$|"
                     r"^ExecStart=\S*/(hansa .*)$", re.M)
FILE = re.compile(r"`((?:cmake|deploy|docs|charts|tests)/[\w./-]+)`|\]\(([\w./-]+)\)")


def said(words):
    return subprocess.run([BINARY, *words, "--help"], capture_output=True, text=True, check=False)


def below(known):
    """The verbs below the one whose help this is."""
    found = re.search(r"^Subcommands:\n((?:  .*\n)+)", known.stdout + "\n", re.M)
    return re.findall(r"^  ([\w-]+)", found.group(1), re.M) if found else []


def commands_in(text):
    """(verb, its help, options) of every command."""
    for found in COMMAND.findall(text):
        words = next(filter(None, found)).split()[1:]
        verb = words[:1]
        known = said(verb)
        if below(known) and words[1:2] and not words[1].startswith("-"):
            verb = words[:2]
            known = said(verb) if words[1] in below(known) else None
        yield " ".join(verb), known, [word for word in words if word.startswith("--")]


def main():
    tried, wrong = 0, []
    for page in PAGES:
        with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
            text = file.read()
        for verb, known, options in commands_in(text):
            tried += 1
            if known is None or known.returncode != 0:
                wrong.append(f"{page}: hansa {verb}")
                continue
            wrong += [f"{page}: hansa {verb} {option}" for option in options
                      if option not in known.stdout]
        for named, linked in FILE.findall(text):
            place = named or os.path.join(os.path.dirname(page), linked)
            if not os.path.exists(os.path.join(SOURCE, place)):
                wrong.append(f"{page}: {place} is not there")
    print("\n".join(wrong) or f"{tried} commands")
    return 1 if wrong or tried < 15 else 0


if __name__ == "__main__":
    sys.exit(main())
