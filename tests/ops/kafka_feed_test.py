"""Goal: a plain consumer of a feed sees what its city shares with an alliance, every event of it
and no byte more, in a dense sequence under ids that never change: over the death of the node that
writes it, over a writer that is late, and to the tombstone that ends it.

Method: two nodes of a city and one of the alliance on a broker of the test's own; each node of the
city is killed while it may be the one that writes; kcat is the consumer, and the CloudEvents
project's library reads what it got.
"""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "evidence")]
import verifiers  # noqa: E402
from alliance_process import Alliance, eventually, expect, host  # noqa: E402
from city_process import ACCEPTED, SECONDS_MAX, Node, make_nodes, place, uuid_v7  # noqa: E402
from kafka_brokers_test import topics_fit  # noqa: E402
from kafka_node_test import kafka_log, wait_for  # noqa: E402

CITY = "suzhou"
SHARE = f"share/delta/{CITY}"
TOPIC = f"hansa.feed.delta.{CITY}"
TERMS = {"purpose": "Where cases are reported.", "heartbeat_s": 60, "grants": [
    {"event": "CaseReported", "fields": ["case", "place.district"], "highest_class": "PUBLIC"},
    {"event": "CaseVerified", "fields": ["case", "note"], "highest_class": "INTERNAL"}]}
UNGRANTED = ("MARKER", "description", "external_id", "service", "community", "contact")


def report(node, number):
    body = {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(number),
            "description": "MARKER of the text", "address": "MARKER Road",
            "external_id": f"MARKER-{number}", "contact": {"name": "MARKER Ann"}}
    # A node that came back a moment ago may not know yet who leads.
    key = uuid_v7()

    def answered():
        status, answer = node.connect().send("hotline", "POST", f"/v1/cities/{CITY}/cases", body,
                                             key)
        return answer["subject_id"] if status in ACCEPTED else None
    return eventually("a report to be taken", answered)


def printed_feed():
    """What kcat prints of the feed: a record a line, as JSON."""
    done = subprocess.run(["kcat", "-b", os.environ["HANSA_KAFKA"], "-C", "-e", "-q", "-J", "-o",
                           "beginning", "-t", TOPIC],
                          check=True, capture_output=True, text=True, timeout=SECONDS_MAX)
    return done.stdout


def consume():
    """(headers, key, value as text) of every record of the feed, in order."""
    records = []
    for line in printed_feed().splitlines():
        record = json.loads(line)
        names = record["headers"]
        records.append((dict(zip(names[0::2], names[1::2])), record["key"], record["payload"]))
    return records


def read_feed():
    """The records without repetitions; no gap and no second meaning of a sequence or an id."""
    known, ids = [], set()
    for headers, key, value in consume():
        sequence = int(headers["ce_sequence"])
        expect(sequence <= len(known) + 1, f"a gap before {sequence}")
        if sequence <= len(known):
            expect(known[sequence - 1] == (headers, key, value), (known[sequence - 1], headers))
            continue
        expect(headers["ce_id"] not in ids, headers)
        ids.add(headers["ce_id"])
        known.append((headers, key, value))
    return known


def of_type(records, name):
    return [record for record in records if record[0]["ce_type"] == "hansa.v1." + name]


def cases_given():
    return [json.loads(value)["case"] for _, _, value in of_type(read_feed(), "CaseReported")]


def given_entries(node):
    """What a node says in /metrics that it has given out."""
    port = re.findall(r"metrics http://127.0.0.1:(\d+)/", node.server_log())[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return float(re.search(r'^hansa_ops_feed_entries{ledger="' + SHARE + r'"} (\S+)', text,
                           re.M)[1])


def check_content(delta, records):
    """Exactly what stands in the share ledger, event by event."""
    shared = []
    for entry in delta.shared(CITY):
        index = 0
        for event in entry.get("events", []):
            for one in event.get("entries_shared", {}).get("events", []):
                (name, content), = one["event"].items()
                shared.append((f"{SHARE}/{entry['seq']}/{index}", name.replace("_", ""),
                               one["time_us"], content.get("case", "")))
                index += 1
            if "share_ended" in event:
                shared.append((f"{SHARE}/{entry['seq']}/{index}", "shareended", entry["time_us"],
                               ""))
                index += 1
    given = [(headers["ce_id"], headers["ce_type"].removeprefix("hansa.v1.").lower(),
              headers["ce_time"], headers.get("ce_subject", "")) for headers, _, _ in records]
    expect(given == shared, [pair for pair in zip(given, shared) if pair[0] != pair[1]][:3])
    for headers, key, value in records:
        expect(headers["ce_specversion"] == "1.0" and headers["ce_source"] == "urn:hansa:" + SHARE
               and headers["content-type"] == "application/json", headers)
        expect(key == headers.get("ce_subject", ""), (headers, key))
        if headers["ce_type"] == "hansa.v1.CaseReported":
            expect(json.loads(value) == {"case": key, "place": {"district": "north"}}, value)
    everything = json.dumps(records)
    for word in UNGRANTED:
        expect(word not in everything, f"{word} left the city")


def with_instant(attributes):
    """The attributes with the time as an instant: RFC 3339 has several words for one."""
    return {**attributes, "time": datetime.datetime.fromisoformat(attributes["time"])}


def check_by_library():
    """The CloudEvents project's library reads in every record what stands in it."""
    records, events = consume(), verifiers.read_feed(printed_feed())
    expect(len(events) == len(records), (len(events), len(records)))
    for (headers, key, value), event in zip(records, events):
        expected = {name.removeprefix("ce_"): text for name, text in headers.items()}
        expected["datacontenttype"] = expected.pop("content-type")
        expected |= {"partitionkey": key, "data": json.loads(value)}
        expect(with_instant(event) == with_instant(expected), (event, headers))


def send_again(record):
    """As a writer does whose record came late: the newest is then an old one."""
    headers, key, value = record
    words = ["kcat", "-b", os.environ["HANSA_KAFKA"], "-P", "-t", TOPIC, "-k", key]
    for name, text in headers.items():
        words += ["-H", f"{name}={text}"]
    subprocess.run(words, input=value.encode(), check=True, timeout=SECONDS_MAX)


def check_feed(cities, office, delta):
    cases = [report(cities[0], number) for number in range(10)]
    status, answer = cities[0].connect().send(
        "verifier", "POST", f"/v1/cities/{CITY}/cases/{cases[0]}:verify", {"note": "seen"},
        uuid_v7())
    expect(status in ACCEPTED, answer)
    wait_for("ten cases in the feed", lambda: len(cases_given()) == 10)
    verified = wait_for("the verified case", lambda: of_type(read_feed(), "CaseVerified"))
    expect(json.loads(verified[0][2]) == {"case": cases[0], "note": "seen"}, verified)
    classes = {headers["ce_type"]: headers["ce_dataclassification"]
               for headers, _, _ in read_feed()}
    expect(classes["hansa.v1.CaseVerified"] == "internal" and
           classes["hansa.v1.CaseReported"] == "public", classes)
    wait_for("one node that writes the feed",
             lambda: sorted(given_entries(node) > 0 for node in cities) == [False, True])
    # Whichever writes is killed, with events on their way.
    for turn, (dying, living) in enumerate((cities, cities[::-1])):
        cases += [report(dying, number) for number in range(10)]
        dying.kill()
        cases += [report(living, number) for number in range(10)]
        wait_for("what was shared around a kill", lambda: len(cases_given()) == len(cases))
        expect(cases_given() == cases, "cases in another order")
        dying.start()
        dying.wait_until_ready()
        if turn == 0:
            delta.city_node, delta.city_connection = living, living.connect()
    for node in cities:
        node.stop()
    before = read_feed()
    send_again(before[4])
    for node in cities:
        node.start()
    for node in cities:
        node.wait_until_ready()
    cases.append(report(cities[0], 1))
    wait_for("what comes after a late record", lambda: len(cases_given()) == len(cases))
    expect(read_feed()[:len(before)] == before, "what was given out has changed")
    expect(len(consume()) > len(read_feed()), "the late record made nobody repeat anything")
    delta.city_connection = delta.city_node.connect()
    delta.city(CITY, "/agreements/1:revoke", {"reason": "MARKER enough"})
    wait_for("the tombstone", lambda: of_type(read_feed(), "ShareEnded"))
    report(cities[0], 2)
    # Heard of by the alliance: what is not shared has passed the relay, too.
    seq = int(cities[0].connect().send("auditor", "GET", f"/v1/cities/{CITY}")[1]["seq"])
    eventually("the relay to pass the last report", lambda: delta.shared_up_to(CITY) >= seq)
    last = wait_for("the feed to be whole", lambda: whole_feed(delta))
    expect(len(of_type(last, "CaseReported")) == len(cases), "shared after the end")
    expect(json.loads(of_type(last, "ShareEnded")[0][2])["agreement_version"] == 1, last[-1])
    check_content(delta, last)
    check_by_library()
    office.stop()


def whole_feed(delta):
    """The feed, once it is as long as what the alliance reads."""
    records = read_feed()
    shared = len(delta.shared_events(CITY)) + 1  # and the tombstone
    return records if len(records) == shared else None


def main():
    with tempfile.TemporaryDirectory() as folder:
        hansa = os.environ["HANSA_BINARY"]
        cities = make_nodes(hansa, folder, ("east", "west"), [CITY], kafka_log())
        for node in cities:
            node.ledgers[0]["feeds"] = ["delta"]
            node.write_config(node.config, node.log)
        home = os.path.join(folder, "office")
        os.mkdir(home)
        office = Node(hansa, home, [], log=kafka_log(), name="office")
        host(office, "delta")
        try:
            expect(TOPIC in cities[0].run("topics", "check", code=2).stdout, "no topic of the feed")
            for node in (cities[0], office):
                node.run("topics", "create")
                wait_for("topics that the broker knows", lambda node=node: topics_fit(node))
            for node in (*cities, office):
                node.start()
            for node in (*cities, office):
                node.wait_until_ready()
            cities[0].set_up(CITY)
            delta = Alliance(office, office.connect(), "delta",
                             (cities[0], cities[0].connect()))
            delta.bring([CITY])
            delta.put_in_force(TERMS, [CITY])
            check_feed(cities, office, delta)
            for node in cities:
                node.stop()
        except BaseException:
            for node in (*cities, office):
                print(node.name, node.server_log()[-3000:])
            raise
        finally:
            for node in (*cities, office):
                node.end()
    print("a feed gives a plain consumer what is shared, in order, and nothing else")


if __name__ == "__main__":
    main()
