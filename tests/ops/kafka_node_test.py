"""Goal: a city on Kafka lives as one on the embedded log does; an outage of the broker refuses
commands and takes nothing; two nodes of a city have one history; what happens is given out once and
without personal data; topics that are not as they must be are named, not used; a ledger that is
copied keeps its hashes, there and back; the demo makes the same ledgers on either log.

Method: real processes and a broker of the test's own (cmake/kafka/broker run), which it stops and
starts; a city that began embedded is copied to Kafka with its rows and goes on there.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from city_process import (ACCEPTED, SECONDS_MAX, Failed, Node, expect, place,  # noqa: E402
                          read_chain, uuid_v7)

CITY, OTHER, LATER = "suzhou", "taihu", "kunshan"
BROKER = os.path.join(os.environ["HANSA_SOURCE"], "cmake", "kafka", "broker")


def broker(word):
    subprocess.run([BROKER, word, os.environ["HANSA_KAFKA_FOLDER"]], check=True,
                   stdout=subprocess.DEVNULL)


def kafka_log():
    return {"kind": "kafka", "fsync": True,
            "kafka": {"bootstrap": os.environ["HANSA_KAFKA"],
                      "properties": {"client.id": "test"}}}


def report(connection, city, number, key=None):
    body = {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(number)}
    return connection.send("hotline", "POST", f"/v1/cities/{city}/cases", body, key or uuid_v7())


def report_some(node, city, count):
    connection = node.connect()
    seqs = []
    for number in range(count):
        status, answer = report(connection, city, number)
        expect(status in ACCEPTED, (status, answer))
        seqs.append(int(answer["seq"]))
    connection.close()
    return max(seqs)


def wait_for(what, holds):
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.02)
    raise Failed(f"{what} did not come within {SECONDS_MAX} s")


def check_topics(node):
    """Nothing is served on a topic that is not there; it is said, with what mends it. What was
    missing when the node started is found by itself."""
    missing = node.run("topics", "check", code=2)
    expect("hansa topics create" in missing.stdout, missing.stdout)
    node.start()
    node.wait_until_answering()

    def is_said():
        status, answer = node.readyz()
        return status == 503 and "hansa topics create" in answer["waits"][0]
    wait_for("what mends it", is_said)
    made = node.run("topics", "create")
    expect(f"made hansa.city.{CITY}" in made.stdout, made.stdout)
    node.wait_until_ready()
    expect("stood there already" in node.run("topics", "create").stdout, made.stdout)
    node.run("topics", "check")
    node.stop()


def check_life(node):
    """What was acknowledged stands after a stop, a kill and a start, and the rows with it."""
    node.start()
    node.wait_until_ready()
    for city in (CITY, OTHER):
        node.set_up(city)
    last = report_some(node, CITY, 50)
    report_some(node, OTHER, 5)
    served = node.digest(CITY, last)
    node.kill()
    node.start()
    node.wait_until_ready()
    again = node.digest(CITY, last)
    expect(again["digest"] == served["digest"], (served, again))
    records, _ = node.entries(CITY)
    expect(len(records) == last, (len(records), last))
    report_some(node, OTHER, 1)
    wait_for("the producer's figures", lambda: sent_records(node) > 0)
    return last


def sent_records(node):
    """What the producer says of itself in /metrics; it reports once a second."""
    port = re.findall(r"metrics http://127.0.0.1:(\d+)/", node.server_log())[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.search(r'^hansa_streams_kafka_sent_records_total{client="producer"} (\S+)', text,
                      re.M)
    return float(found.group(1)) if found else 0


def check_outage(node, last):
    """Reads go on, commands are refused or unknown, and the same ids are settled afterwards."""
    broker("stop")
    keys = [uuid_v7() for _ in range(3)]
    connection = node.connect()
    for key in keys:
        status, answer = report(connection, CITY, 7, key)
        expect((status, answer["code"]) in ((504, "unknown_outcome"), (503, "unavailable")),
               answer)
    status, answer = connection.send("auditor", "GET", f"/v1/cities/{CITY}/cases?page_size=5")
    expect(status == 200 and len(answer["cases"]) == 5, answer)
    status, answer = node.readyz()
    expect(status == 503 and answer["waits"][0].count("city/" + CITY) == 1, answer)
    broker("start")
    settle(node, keys, 7)
    records, _ = node.entries(CITY)
    expect(len(records) == last + len(keys), f"{len(records)} after {last} and {len(keys)} more")
    connection.close()


def check_hang(node, last):
    """A broker that hangs keeps nobody waiting: each caller hears in time that the outcome is not
    known, and the same id is settled afterwards."""
    with open(os.path.join(os.environ["HANSA_KAFKA_FOLDER"], "pid"), encoding="utf-8") as stream:
        process = int(stream.read())
    os.kill(process, signal.SIGSTOP)
    keys = [uuid_v7() for _ in range(2)]
    try:
        connection = node.connect()
        for key in keys:
            status, answer = report(connection, CITY, 8, key)
            expect((status, answer["code"]) in ((504, "unknown_outcome"), (503, "unavailable")),
                   answer)
        status, answer = connection.send("auditor", "GET", f"/v1/cities/{CITY}/cases?page_size=5")
        expect(status == 200 and len(answer["cases"]) == 5, answer)
    finally:
        os.kill(process, signal.SIGCONT)
    settle(node, keys, 8)
    records, founding_id = node.entries(CITY)
    expect(len(read_chain(records, founding_id)) == last + len(keys), (len(records), last))
    connection.close()


def settle(node, keys, number):
    """Each id is asked until it has its receipt, which is the same when asked again."""
    node.wait_until_ready()
    connection = node.connect()
    for key in keys:
        def settled(key=key):
            status, answer = report(connection, CITY, number, key)
            return status in ACCEPTED and answer
        answer = wait_for("a receipt", settled)
        again = report(connection, CITY, number, key)
        expect(int(again[1]["seq"]) == int(answer["seq"]), (answer, again))
    connection.close()


def check_repeated_record(node):
    """The last record, produced once more by somebody, is void and harms nothing."""
    last = report_some(node, CITY, 1)
    served = node.digest(CITY, last)
    topic = f"hansa.city.{CITY}"
    with tempfile.NamedTemporaryFile() as file:
        file.write(node.entries(CITY)[0][-1])
        file.flush()
        subprocess.run(["kcat", "-b", os.environ["HANSA_KAFKA"], "-P", "-t", topic, "-p", "0",
                        file.name], check=True, timeout=SECONDS_MAX)
    expect(report_some(node, CITY, 1) == last + 1, "an entry was lost or taken twice")
    records, founding_id = node.entries(CITY)
    expect(len(read_chain(records, founding_id)) == last + 1, "the chain is another")
    expect(records.count(records[-2]) == 2, "the record was not repeated")
    expect(node.digest(CITY, last)["seq"] != served["seq"], served)


def check_from_outside(node):
    """What stands in the cluster is verified beside the running node, and a folder of rows without
    a log is not taken for an empty ledger."""
    ledger = ("--ledger", f"city/{CITY}")
    records, founding_id = node.entries(CITY)
    verified = json.loads(node.run("ledger", "verify", "--config", node.config, *ledger, "--json")
                          .stdout)
    expect(verified["ok"] and
           int(verified["entries"]) == len(read_chain(records, founding_id)), verified)
    node.run("ledger", "verify", "--config", node.config, "--ledger", "city/nowhere", code=2)
    seq = int(verified["entries"])
    served = node.digest(CITY, seq)
    node.stop()
    for verb in (("ledger", "verify"), ("projection", "rebuild")):
        told = node.run(*verb, "--data", node.data_dir, *ledger, code=2).stderr
        expect("a cluster keeps it" in told and "--config" in told, told)
        node.run(*verb, "--data", node.data_dir, "--config", node.config, *ledger, code=2)
    rebuilt = node.run("projection", "rebuild", "--config", node.config, *ledger)
    expect(served["digest"] in rebuilt.stdout, (served, rebuilt.stdout, rebuilt.stderr))
    node.start()
    node.wait_until_ready()
    expect(node.digest(CITY, seq)["digest"] == served["digest"], "other rows after a rebuild")


def check_start_in_outage(node):
    """A node that starts while the broker is away serves when it comes back, by itself."""
    node.stop()
    broker("stop")
    node.start()
    status, answer = node.wait_until_answering()
    expect(status == 503, answer)
    status, answer = report(node.connect(), CITY, 1, uuid_v7())
    expect((status, answer["code"]) == (503, "unavailable"), answer)
    broker("start")
    node.wait_until_ready()
    report_some(node, CITY, 1)
    node.stop()


def check_copy(hansa, folder):
    """Embedded to Kafka with the rows as they are, and back: the same bytes, the same digest."""
    node = Node(hansa, folder, [LATER])
    node.start()
    node.wait_until_ready()
    node.set_up(LATER)
    last = report_some(node, LATER, 30)
    served = node.digest(LATER, last)
    records, _ = node.entries(LATER)
    node.stop()
    other = os.path.join(folder, "kafka.yaml")
    node.write_config(other, kafka_log())
    where = ("--ledger", f"city/{LATER}")
    refused = node.run("ledger", "copy", "--from", node.config, "--to", other, *where, code=2)
    expect("hansa topics create" in refused.stderr, refused.stderr)
    node.run("topics", "create", "--config", other)
    for expected in (last, 0):
        done = node.run("ledger", "copy", "--from", node.config, "--to", other, *where)
        expect(f": {expected} of {last} records copied; {last} entries" in done.stdout, done.stdout)
    embedded, node.config = node.config, other
    node.start()
    node.wait_until_ready()
    expect(node.digest(LATER, last)["digest"] == served["digest"], served)
    expect(node.entries(LATER)[0] == records, "the bytes on Kafka differ")
    last = report_some(node, LATER, 5)
    node.stop()
    done = node.run("ledger", "copy", "--from", other, "--to", embedded, *where)
    expect(f": 5 of {last} records copied" in done.stdout, done.stdout)
    node.config = embedded
    node.start()
    node.wait_until_ready()
    served = node.digest(LATER, last)
    node.stop()
    node.check_stopped(LATER, last, served)


def second_node(hansa, folder, first):
    """Another node of the same cities: its own data folder, their keys."""
    node = Node(hansa, folder, [], log=kafka_log())
    shutil.copytree(os.path.join(first.data_dir, "keys"), os.path.join(node.data_dir, "keys"))
    node.ledgers = first.ledgers
    node.write_config(node.config, node.log)
    return node


def check_shared_keyring(first, second):
    """A contact that one node sealed is read on the other; erased on the other, it is gone."""
    body = {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(1),
            "contact": {"name": "Ann Example", "phone": "555 0123"}}
    status, answer = first.connect().send("hotline", "POST", f"/v1/cities/{CITY}/cases", body,
                                          uuid_v7())
    expect(status in ACCEPTED, answer)
    path = f"/v1/cities/{CITY}/cases/{answer['subject_id']}"

    def phone(node, seq):
        status, shown = node.connect().send("hotline", "GET", f"{path}?at_least={seq}")
        expect(status == 200, shown)
        return shown["case"]["contact"].get("phone", ""), shown["case"]["reporter"]
    seq = answer["seq"]
    wait_for("the contact on the other node", lambda: phone(second, seq)[0] == "555 0123")
    person = phone(second, seq)[1]
    _, found = second.connect().send("hotline", "POST", f"/v1/cities/{CITY}/persons:find",
                                     {"phone": "5550123"})
    expect(found.get("persons") == [person], found)
    status, answer = second.connect().send(
        "city_admin", "POST", f"/v1/cities/{CITY}/persons/{person}:erase", {}, uuid_v7())
    expect(status in ACCEPTED, answer)
    for node in (first, second):
        expect(phone(node, answer["seq"])[0] == "", "an erased contact is shown")


def check_two_nodes(hansa, folder, first):
    """Each shows what the other appends; a command that both were given is done once; when one is
    killed the other has all that was acknowledged and goes on."""
    second = second_node(hansa, folder, first)
    try:
        for node in (first, second):
            node.start()
        for node in (first, second):
            node.wait_until_ready()
        for round_number in range(5):
            for writer, reader in ((first, second), (second, first)):
                last = report_some(writer, CITY, 5)
                expect(writer.digest(CITY, last) == reader.digest(CITY, last), round_number)
        key = uuid_v7()
        answers = [report(node.connect(), CITY, 3, key) for node in (first, second, first)]
        expect(all(status in ACCEPTED for status, _ in answers), answers)
        expect(len({answer["seq"] for _, answer in answers}) == 1, answers)
        check_shared_keyring(first, second)
        first.kill()
        connection = second.connect()
        status, answer = report(connection, CITY, 3, key)
        expect(answer["seq"] == answers[0][1]["seq"], (answers, answer))
        last = report_some(second, CITY, 5)
        served = second.digest(CITY, last)
        first.start()
        first.wait_until_ready()
        expect(first.digest(CITY, last) == served, served)
        first.stop()
        second.stop()
    finally:
        second.end()


def given_out(city):
    """What a consumer of the outlet sees: (headers, key, value) of every record."""
    done = subprocess.run(["kcat", "-b", os.environ["HANSA_KAFKA"], "-C", "-e", "-q", "-J", "-o",
                           "beginning", "-t", f"hansa.outlet.city.{city}"],
                          check=True, capture_output=True, text=True, timeout=SECONDS_MAX)
    records = []
    for line in done.stdout.splitlines():
        record = json.loads(line)
        names = record["headers"][0::2]
        records.append((dict(zip(names, record["headers"][1::2])), record["key"],
                        json.loads(record["payload"])))
    return records


def check_outlet(node):
    """Every event once, in order, as CloudEvents; taken up again after a kill without a gap."""
    for ledger in node.ledgers:
        ledger["outlet"] = True
    node.write_config(node.config, node.log)
    expect("hansa.outlet.city." in node.run("topics", "check", code=2).stdout, "no outlet topic")
    node.run("topics", "create")
    node.start()
    node.wait_until_ready()
    key = uuid_v7()
    body = {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(1),
            "description": "A secret lies here",
            "contact": {"name": "Ann Example", "phone": "555 0100"}}
    status, answer = node.connect().send("hotline", "POST", f"/v1/cities/{CITY}/cases", body, key)
    expect(status in ACCEPTED, answer)

    def complete(last):
        records = given_out(CITY)
        return records if records and int(records[-1][0]["ce_ledgerseq"]) == last else None
    records = wait_for("the newest event", lambda: complete(int(answer["seq"])))
    node.kill()
    node.start()
    node.wait_until_ready()
    last = report_some(node, CITY, 20)
    records = wait_for("the events after a kill", lambda: complete(last))
    ids = [headers["ce_id"] for headers, _, _ in records]
    expect(len(set(ids)) == len(ids), "an event was given out twice although nobody crashed on it")
    expect([int(headers["ce_sequence"]) for headers, _, _ in records] ==
           list(range(1, len(records) + 1)), "the sequence has gaps")
    headers, subject, value = next(row for row in records
                                   if row[0]["ce_id"] == f"city/{CITY}/{answer['seq']}/0")
    expect((headers["ce_specversion"], headers["ce_type"], headers["ce_source"]) ==
           ("1.0", "hansa.v1.CaseReported", f"urn:hansa:city/{CITY}"), headers)
    expect(subject == headers["ce_subject"] == f"c{answer['seq']}" == value["case"], value)
    expect(headers["content-type"] == "application/json", headers)
    everything = json.dumps(records)
    expect("Ann" not in everything and "555 0100" not in everything and
           "secret" not in everything, "personal data left the city")
    # An outlet that was made from another ledger is not added to.
    produced = subprocess.run(["kcat", "-b", os.environ["HANSA_KAFKA"], "-P", "-t",
                               f"hansa.outlet.city.{OTHER}", "-H", "ce_id=foreign"],
                              input=b"x", check=False, timeout=SECONDS_MAX)
    expect(produced.returncode == 0, "kcat cannot produce")
    node.stop()
    node.start()
    node.wait_until_ready()
    wait_for("the refusal of a foreign topic", lambda: "outlet_waits" in node.server_log())
    node.stop()


def check_demo(node, folder):
    """The same seed gives the same ledger, whichever log it is kept in."""
    words = ("demo", "--once", "--json", "--cities", "2", "--days", "2", "--data")
    embedded = node.run(*words, os.path.join(folder, "demo-embedded"))
    cluster = ("--kafka", os.environ["HANSA_KAFKA"])
    kafka = node.run(*words, os.path.join(folder, "demo-kafka"), *cluster)
    expect(embedded.stdout.splitlines()[-1] == kafka.stdout.splitlines()[-1],
           (embedded.stdout, kafka.stdout))
    again = node.run(*words, os.path.join(folder, "demo-again"), *cluster, code=1)
    expect("holds a ledger already" in again.stderr, again.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        hansa = os.environ["HANSA_BINARY"]
        first, second, third = (os.path.join(folder, name) for name in ("node", "moved", "other"))
        for name in (first, second, third):
            os.mkdir(name)
        node = Node(hansa, first, [CITY, OTHER], log=kafka_log())
        try:
            check_topics(node)
            last = check_life(node)
            check_outage(node, last)
            check_hang(node, last + 3)
            check_repeated_record(node)
            check_from_outside(node)
            check_start_in_outage(node)
            check_two_nodes(hansa, third, node)
            check_outlet(node)
            check_copy(hansa, second)
            check_demo(node, second)
        except BaseException:
            print(node.server_log()[-3000:])
            raise
        finally:
            node.end()
    print("a city on Kafka lives, outlives the broker, and can be moved")


if __name__ == "__main__":
    main()
