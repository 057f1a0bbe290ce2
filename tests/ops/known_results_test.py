#!/usr/bin/env python3
"""Goal: the figures of the real files are their known results to the digit, however the rows came
to be. Method: a real server takes in both files; the figures are asked live, after a second import,
after a rebuild beside the live rows, after a restart, and after rows of an earlier moment were put
back and caught up; `hansa why` reckons one anew from the entries.

    known_results_test.py FOLDER     FOLDER holds la311-2017.csv and stlouis-2018-01.csv
"""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from city_process import Node, expect, key_of, test_main  # noqa: E402  pylint: disable=C0413

SOURCE = os.environ["HANSA_SOURCE"]
ANGELES, LOUIS = "los-angeles", "st-louis"


def run_import(node, city, data, file):
    name = {ANGELES: "la311-2017", LOUIS: "stlouis-2018-01"}[city]
    out = node.run("import", "--found", "--json", "--rejects", os.path.join(node.folder, "r.csv"),
                   "--mapping", os.path.join(SOURCE, "examples", "mappings", name + ".yaml"),
                   os.path.join(data, file)).stdout
    return json.loads(out)


def figure(node, city, metric):
    out = json.loads(node.run("metrics", metric, "--city", city, "--json").stdout)
    return out["figures"][0], int(out["seq"])


def check_known(node, when):
    handling, _ = figure(node, ANGELES, "handling_time")
    value = handling["value"]
    expect(int(value["num"]) * 9_727 == 4_815_772_508 * int(value["den"]), f"{when}: {handling}")
    expect(int(handling["sample"]) == 9_727, f"{when}: {handling}")
    # Within one bucket: the bounds stand 2^(1/8) apart.
    for name, known in (("median_bucketed_s", 361_155), ("p90_bucketed_s", 594_996)):
        bound = int(handling[name])
        expect(known <= bound < known * 1.0906, f"{when}: {name} is {bound}, known is {known}")


def digest(node, city):
    return json.loads(node.run("projection", "digest", "--ledger", f"city/{city}", "--json").stdout)


def settled(node, city):
    """Rows at the end of the ledger."""
    entries = len(node.entries(city)[0])
    node.digest(city, entries)
    return digest(node, city)


def run(hansa, folder, data):
    node = Node(hansa, folder, [ANGELES, LOUIS])
    node.environment.update(HANSA_SERVER=f"http://127.0.0.1:{node.port}",
                            HANSA_KEY=key_of("city_admin"))
    node.start()
    try:
        node.wait_until_ready()
        summary = run_import(node, ANGELES, data, "la311-2017.csv")
        expect(summary == {"rows": 9_999, "imported": 9_987, "unchanged": 0, "refused": 12,
                           "by_state": {"closed": 9_727, "open": 5, "referred_out": 9,
                                        "withdrawn": 246}}, summary)
        summary = run_import(node, LOUIS, data, "stlouis-2018-01.csv")
        expect((summary["rows"], summary["imported"], summary["unchanged"], summary["refused"])
               == (1_554, 1_532, 12, 10), summary)
        before = {city: settled(node, city) for city in (ANGELES, LOUIS)}
        check_known(node, "live")
        for city, file in ((ANGELES, "la311-2017.csv"), (LOUIS, "stlouis-2018-01.csv")):
            again = run_import(node, city, data, file)
            expect(again["imported"] == 0, again)
            expect(settled(node, city) == before[city], f"{city}: a second import changed it")
        node.run("projection", "rebuild", "--ledger", f"city/{ANGELES}")
        expect(settled(node, ANGELES) == before[ANGELES], "a rebuild changed the rows")
        check_known(node, "after a rebuild")
        node.environment["HANSA_KEY"] = key_of("auditor")
        why = json.loads(node.run("why", "handling_time", "--ledger", f"city/{ANGELES}",
                                  "--json").stdout)
        expect(why["cases"]["counted"] == 9_727, why)
        node.stop()
        rows = os.path.join(node.data_dir, "projections", f"city-{ANGELES}")
        shutil.copytree(rows, rows + ".kept")
        node.start()
        node.wait_until_ready()
        check_known(node, "after a restart")
        node.environment["HANSA_KEY"] = key_of("city_admin")
        node.run("call", "DefineUnit", json.dumps({"city": ANGELES, "unit": "harbour"}))
        later = settled(node, ANGELES)
        node.stop()
        shutil.rmtree(rows)
        os.rename(rows + ".kept", rows)
        node.start()
        node.wait_until_ready()
        check_known(node, "after rows of an earlier moment were put back")
        expect(settled(node, ANGELES) == later, "rows put back did not catch up")
        node.stop()
        print("9 999 + 1 554 rows: known results live, again, rebuilt, restarted, put back")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, [], sys.argv[1]))
