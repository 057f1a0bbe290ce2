#!/usr/bin/env python3
"""Goal: the change of the Delta's air from 2014 to 2015 is its known result to the digit, whoever
reckons it: the alliance from what its members share, live, corrected, after a restart, from rows
made anew; and a subscriber alone, from the share ledgers.

Method: a real server with an alliance and all cities of which there are data, and one of which
there are none; two years of days recorded over HTTP, by months, by years and by as many days as a
command takes; the figure asked over HTTP; the same formula in Python fractions over what a
subscriber reads.

    air_figure_test.py FOLDER     FOLDER holds pm25-delta-2014-2015.csv
"""

import csv
import json
import os
import sys
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from alliance_process import (Alliance, add_caller, eventually, expect, host,  # noqa: E402
                              send)
from city_process import Node, test_main  # noqa: E402

POPULATIONS = os.path.join(os.environ["HANSA_SOURCE"], "ops", "demo", "delta-populations.csv")
WITHOUT_DATA = "bozhou"
LEFT_OUT = {"city": WITHOUT_DATA, "reason": "no_data", "year": 2014, "days": 0}
TERMS = {"purpose": "How the air changes.", "grants": [
    {"event": "AirQualityRecorded", "fields": ["date", "pm25"], "highest_class": "PUBLIC"},
    {"event": "PopulationRecorded", "fields": ["people", "year"], "highest_class": "PUBLIC"}]}
FIGURE = "/figures/air-change?year=2015"
SIMPLE = Fraction(-7094680327332795647, 59679854467399672683)
WEIGHTED = Fraction(-37564458351978918204180539, 364521765716853728682364691)
PERCENT = {"simple": "-11.8879", "weighted": "-10.3051"}
CITIES_WITH_DATA = 27


def read_data(folder):
    """people by city, days by city: [(date, pm25)]"""
    with open(POPULATIONS, encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.reader(stream) if not row[0].startswith("#")]
    ids = {code: city for code, city, _ in rows[1:]}
    people = {city: int(number) for _, city, number in rows[1:]}
    days = {}
    with open(os.path.join(folder, "pm25-delta-2014-2015.csv"), encoding="utf-8",
              newline="") as stream:
        for row in csv.DictReader(stream):
            days.setdefault(ids[row["city"]], []).append((row["date"], row["pm25"]))
    expect(len(days) == CITIES_WITH_DATA and WITHOUT_DATA not in days, sorted(days))
    return people, days


def portions(days, number):
    """The days in order, cut in one of three ways."""
    if number % 3 == 0:
        months = {}
        for day in days:
            months.setdefault(day[0][:7], []).append(day)
        return list(months.values())
    most = 365 if number % 3 == 1 else 400
    return [days[at:at + most] for at in range(0, len(days), most)]


def record(connection, city, days):
    send(connection, "city_admin", f"/v1/cities/{city}/air-quality:record",
         {"days": [{"date": date, "pm25": pm25} for date, pm25 in days]})


def exact(value):
    return Fraction(int(value["num"]), int(value["den"]))


def figure(alliance):
    """Both figures as they are answered, without the seq that they are as of."""
    answer = alliance.read(FIGURE)
    expect((answer["year"], answer["version"], answer["ledger"]) == (2015, 1, "alliance/delta"),
           answer)
    expect(int(answer["seq"]) > 0, answer)
    return {name: answer[name] for name in ("simple", "weighted")}


def check_known(answer, cities, when):
    for name, known in (("simple", SIMPLE), ("weighted", WEIGHTED)):
        shown = answer[name]
        change = shown["change"]
        expect((change["num"], change["den"]) == (str(known.numerator), str(known.denominator)),
               f"{when}: {name} is {change}")
        expect(shown["percent"] == PERCENT[name], f"{when}: {shown['percent']}")
        before, after = exact(shown["before"]), exact(shown["after"])
        expect((after - before) / before == known, f"{when}: {name}: {before}, {after}")
        expect(shown["counted"] == cities, f"{when}: {shown['counted']}")
        expect(shown["left_out"] == [LEFT_OUT], f"{when}: {shown['left_out']}")


def recompute(subscriber, cities):
    """DOMAIN 1.7 from what a subscriber reads, by arithmetic that is not the server's."""
    sums = {(name, year): [Fraction(0), 0] for name in PERCENT for year in ("2014", "2015")}
    for city in cities:
        days, people = {}, 0
        for name, content in subscriber.shared_events(city):
            if name == "air_quality_recorded":
                days[content["date"]] = Fraction(content["pm25"])
            if name == "population_recorded":
                people = int(content["people"])
        expect(len(days) == 730, f"{city} shares {len(days)} days")
        for date, pm25 in days.items():
            for name, weight in (("simple", 1), ("weighted", people)):
                total = sums[name, date[:4]]
                total[0] += weight * pm25
                total[1] += weight
    means = {key: total / weights for key, (total, weights) in sums.items()}
    return {name: (means[name, "2015"] - means[name, "2014"]) / means[name, "2014"]
            for name in PERCENT}


def check_correction(connection, delta, city, day):
    """A day corrected changes the figure, and corrected back gives the very same again."""
    before = figure(delta)
    record(connection, city, [(day[0], "0")])
    eventually("the correction to count", lambda: figure(delta) != before)
    record(connection, city, [day])
    eventually("the correction to be taken back", lambda: figure(delta) == before)


def check_stopped(node):
    where = ("--data", node.data_dir, "--ledger", "alliance/delta")
    stored = json.loads(node.run("projection", "digest", *where, "--json").stdout)
    rebuilt = node.run("projection", "rebuild", *where).stdout
    expect(stored["digest"] in rebuilt, (stored, rebuilt))
    verified = json.loads(node.run("ledger", "verify", *where, "--json").stdout)
    expect(verified["ok"], verified)


def prepare(hansa, folder, cities):
    node = Node(hansa, folder, cities)
    host(node, "delta")
    add_caller(node, "subscriber", ["subscriber"], "delta")
    node.start()
    return node


def run(hansa, folder, data):
    people, days = read_data(data)
    with_data = sorted(days)
    cities = sorted([*with_data, WITHOUT_DATA])
    node = prepare(hansa, folder, cities)
    try:
        node.wait_until_ready()
        connection = node.connect()
        for city in cities:
            send(connection, "city_admin", f"/v1/cities/{city}:found", {"title": {"en": city}})
        delta = Alliance(node, connection, "delta")
        delta.bring(cities)
        delta.put_in_force(TERMS, cities)
        empty = figure(delta)
        expect(not empty["simple"]["counted"] and len(empty["weighted"]["left_out"]) == 28, empty)
        for number, city in enumerate(with_data):
            send(connection, "city_admin", f"/v1/cities/{city}/population:record",
                 {"people": str(people[city]), "year": 2010})
            for some in portions(days[city], number):
                record(connection, city, some)
        eventually("every city to be counted",
                   lambda: figure(delta)["weighted"]["counted"] == with_data)
        live = figure(delta)
        check_known(live, with_data, "live")
        check_correction(connection, delta, with_data[0], days[with_data[0]][100])
        subscriber = Alliance(node, connection, "delta")
        subscriber.role = "subscriber"
        expect(figure(subscriber) == live, "a subscriber is answered another figure")
        expect(recompute(subscriber, with_data) == {"simple": SIMPLE, "weighted": WEIGHTED},
               "what is shared gives another figure")
        anybody = Alliance(node, connection, "delta")
        anybody.role = "hotline"
        expect(figure(anybody) == live, "what is public is answered to anybody")
        status, answer = connection.send("subscriber", "GET",
                                         delta.path + "/figures/air-change?year=1990")
        expect((status, answer["pointer"]) == (400, "/year"), answer)
        node.stop()
        node.start()
        node.wait_until_ready()
        delta.connection = node.connect()
        expect(figure(delta) == live, "a restart changed the figure")
        node.stop()
        check_stopped(node)
        node.start()
        node.wait_until_ready()
        delta.connection = node.connect()
        check_known(figure(delta), with_data, "after a rebuild")
        node.stop()
    finally:
        node.end()
    print("27 cities' air: known results live, corrected, restarted, rebuilt, and from the shares")


if __name__ == "__main__":
    sys.exit(test_main(run, [], sys.argv[1]))
