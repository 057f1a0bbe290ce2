#!/usr/bin/env python3
"""Goal: a demo of the whole Delta, given its air, shows the known results to the digit, on its last
page and as JSON, live and folded anew; a bad file costs one sentence.

    demo_air_test.py FOLDER     FOLDER holds pm25-delta-2014-2015.csv
"""

import json
import os
import re
import subprocess
import sys
import tempfile

KNOWN = {"simple": ("-7094680327332795647", "59679854467399672683", "-11.8879"),
         "weighted": ("-37564458351978918204180539", "364521765716853728682364691", "-10.3051")}
CITIES_WITH_DATA = 27


def demo(*arguments):
    return subprocess.run([os.environ["HANSA_BINARY"], "demo", "--once", "--days", "1", *arguments],
                          capture_output=True, text=True, timeout=110, check=False)


def check_json(air):
    for fold in ("live", "anew"):
        assert air[fold]["year"] == 2015, air[fold]
        for name, (numerator, denominator, percent) in KNOWN.items():
            figure = air[fold][name]
            assert figure["change"]["num"] == numerator, (fold, name, figure["change"])
            assert figure["change"]["den"] == denominator, (fold, name, figure["change"])
            assert figure["percent"] == percent, (fold, name, figure["percent"])
            assert len(figure["counted"]) == CITIES_WITH_DATA, figure["counted"]
            assert {city["reason"] for city in figure["left_out"]} == {"no_data"}, figure


def check_page(page):
    for name, known in (("simple", KNOWN["simple"]), ("weighted by people", KNOWN["weighted"]),
                        ("simple, folded anew", KNOWN["simple"]),
                        ("weighted, folded anew", KNOWN["weighted"])):
        numerator, denominator, percent = known
        line = re.search(rf"^{name}  .*$", page, re.MULTILINE)
        assert line, page
        assert re.fullmatch(rf"{name} +{percent} % +{numerator}/{denominator} +27 of 41",
                            line.group()), line.group()
    assert "folded anew from its" in page and "same figures" in page, page


def main():
    data = os.path.join(sys.argv[1], "pm25-delta-2014-2015.csv")
    run = demo("--cities", "41", "--air", data, "--json")
    assert run.returncode == 0, run.stderr
    page, last = run.stdout.rstrip("\n").rsplit("\n", 1)
    check_json(json.loads(last)["alliance"]["air"])
    check_page(page)
    assert "of 82" in run.stderr, run.stderr
    with tempfile.TemporaryDirectory() as folder:
        bad = os.path.join(folder, "air.csv")
        with open(bad, "w", encoding="utf-8") as stream:
            stream.write("city,date,pm25\n310000,2015-01-01,much\n")
        run = demo("--cities", "1", "--air", bad)
    assert run.returncode == 1 and not run.stdout, (run.returncode, run.stdout)
    assert run.stderr.count("\n") == 1 and f"{bad}:2: pm25 must be" in run.stderr, run.stderr
    print("41 cities' air: known results on the page and as JSON, live and folded anew")


if __name__ == "__main__":
    main()
