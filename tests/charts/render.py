#!/usr/bin/env python3
"""Writes the golden files anew after a change of the chart: read the difference before you commit.

    render.py       HANSA_BINARY, HANSA_SOURCE; with the Python of cmake/helm/fetch
"""

import os
import re

from chart_files import GOLDEN, VALUES, access_lists, digest, rendered

RULES = "  # What charts/hansa/rules/*.yaml says, `runbookBaseUrl` before the runbook's path.\n"


def without_rules(text):
    """The groups of a PrometheusRule are the rules as they are shipped, which change more often."""
    return re.sub(r"(kind: PrometheusRule\n(?:(?!---).*\n)*?spec:\n)(?:(?!---).*\n)+",
                  rf"\1{RULES}  groups: []\n", text)


def main():
    os.makedirs(GOLDEN, exist_ok=True)
    for name in VALUES:
        text = without_rules(rendered(name))
        with open(os.path.join(GOLDEN, name + ".yaml"), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(GOLDEN, "acls.txt"), "w", encoding="utf-8") as file:
        file.write(access_lists())
    with open(os.path.join(GOLDEN, "digest"), "w", encoding="utf-8") as file:
        file.write(digest() + "\n")


if __name__ == "__main__":
    main()
