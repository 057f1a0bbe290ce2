"""Goal: what another system writes to an inbox is done once, in order of its keys, in the name of
the configured actor and of nobody the record names; what is not taken is kept sealed, named, and
taken again or given up when somebody says so; personal texts come sealed; a topic that was replaced
is told, not read.

Method: a real node and broker; kcat as the other system, protoc and libsodium as its libraries;
the node is killed while it takes records.
"""

import base64
import ctypes
import ctypes.util
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
sys.path.insert(0, HERE)
from city_process import SECONDS_MAX, Node, expect, place, read_chain, uuid_v7  # noqa: E402
from kafka_cluster_test import figure  # noqa: E402
from kafka_node_test import kafka_log, wait_for  # noqa: E402

CITY = "suzhou"
TOPIC = f"hansa.inbox.city.{CITY}.hotline-system"
CLEAR = f"hansa.inbox.city.{CITY}.old-hotline"
DEAD = f"hansa.dead.city.{CITY}"
OPEN_LETTERS_MAX = 1_000
INPUT_KIND = 4
ADMIN = os.path.join(os.environ["HANSA_SOURCE"], "cmake", "kafka", "broker")
SCHEMA = os.path.join(os.environ["HANSA_SOURCE"], "core", "schema")


def inbox_node(hansa, folder):
    node = Node(hansa, folder, [CITY], log=kafka_log())
    with open(node.config, encoding="utf-8") as stream:
        config = json.load(stream)
    config["inboxes"] = [{"topic": TOPIC, "ledger": f"city/{CITY}", "actor": "hotline",
                          "methods": ["ReportCase", "WithdrawCase"]},
                         {"topic": CLEAR, "ledger": f"city/{CITY}", "actor": "hotline",
                          "methods": ["ReportCase"], "personal_in_clear_days": 3}]
    with open(node.config, "w", encoding="utf-8") as stream:
        json.dump(config, stream)
    return node


def produce(value, key="", headers=(), topic=TOPIC):
    """One record, as another system writes it."""
    command = ["kcat", "-b", os.environ["HANSA_KAFKA"], "-P", "-t", topic, "-p", "0"]
    for name, text in headers:
        command += ["-H", f"{name}={text}"]
    if key:
        command += ["-k", key]
    with tempfile.NamedTemporaryFile() as file:
        file.write(value if isinstance(value, bytes) else value.encode())
        file.flush()
        subprocess.run(command + [file.name], check=True, timeout=SECONDS_MAX)


def produce_lines(values):
    """Many records at once."""
    subprocess.run(["kcat", "-b", os.environ["HANSA_KAFKA"], "-P", "-t", TOPIC, "-p", "0"],
                   input="\n".join(values).encode(), check=True, timeout=SECONDS_MAX)


def consume(topic):
    return subprocess.run(["kcat", "-b", os.environ["HANSA_KAFKA"], "-C", "-e", "-q", "-t", topic,
                           "-o", "beginning"], check=True, capture_output=True,
                          timeout=SECONDS_MAX).stdout


def event(data, event_id="1", method="ReportCase"):
    return json.dumps({"specversion": "1.0", "id": event_id, "source": "urn:test:hotline",
                       "type": f"hansa.v1.{method}", "data": data})


def report(number=0, service="rubbish", **more):
    return {"kind": "problem", "service": service, "source": "hotline", "place": place(number),
            **more}


def box(node, text):
    """As any system with libsodium seals a text to the city."""
    found = node.run("inbox", "key", "--data", node.data_dir, "--ledger", f"city/{CITY}")
    public_key = bytes.fromhex(found.stdout.strip())
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
    clear = text.encode()
    sealed = ctypes.create_string_buffer(len(clear) + sodium.crypto_box_sealbytes())
    expect(sodium.crypto_box_seal(sealed, clear, ctypes.c_ulonglong(len(clear)),
                                  public_key) == 0, "no box")
    return "box1:" + base64.b64encode(sealed.raw).decode()


def encode(message, text):
    return subprocess.run(["protoc", f"-I{SCHEMA}", "-I/usr/include", f"--encode={message}",
                           "hansa/v1/inbox.proto", "hansa/v1/case.proto"], input=text.encode(),
                          check=True, capture_output=True, timeout=SECONDS_MAX).stdout


def cases(node):
    status, answer = node.connect().send("auditor", "GET",
                                         f"/v1/cities/{CITY}/cases?page_size=1000")
    expect(status == 200, answer)
    return answer["cases"]


def wait_for_cases(node, count):
    wait_for(f"{count} cases", lambda: len(cases(node)) >= count)
    expect(len(cases(node)) == count, f"{len(cases(node))} cases, {count} expected")


def dead(node, verb="list", *words, code=0):
    return node.run("dead", verb, *words, "--city", CITY, "--json", "--server",
                    f"http://127.0.0.1:{node.port}", code=code).stdout


def letters(node):
    return json.loads(dead(node)).get("letters", [])


def wait_for_letters(node, reasons):
    wait_for(f"dead letters {reasons}",
             lambda: [letter["reason"] for letter in letters(node)] == reasons)
    return letters(node)


def check_taken(node):
    """Both forms; personal texts as boxes; the same id twice is one command."""
    boxed = {"contact": {"name": box(node, "Ann Example"), "phone": box(node, "555 0123")}}
    produce(event(report(1, **boxed), uuid_v7()))
    wait_for_cases(node, 1)
    row = cases(node)[0]["case"]
    _, shown = node.connect().send("hotline", "GET", f"/v1/cities/{CITY}/cases/{row}")
    expect(shown["case"]["contact"]["phone"] == "555 0123", shown)
    request = encode("hansa.v1.ReportCase",
                     'kind: problem service: "rubbish" source: hotline place { district: "north" '
                     'street: "street-1" community: "community-1-1" }')
    escaped = "".join(f"\\x{byte:02x}" for byte in request)
    command = encode("hansa.v1.Command",
                     f'id: "{uuid_v7()}" method: "ReportCase" request: "{escaped}"')
    produce(command, headers=[("content-type", "application/protobuf")])
    produce(command)
    wait_for_cases(node, 2)
    again = event(report(2), uuid_v7())
    for _ in range(3):
        produce(again, headers=[("content-type", "application/cloudevents+json")])
    produce(event(report(3), "not-a-uuid"))
    wait_for_cases(node, 4)
    expect(not letters(node), letters(node))


def trail_of(node):
    folder = os.path.join(node.data_dir, "audit")
    return "".join(open(os.path.join(folder, name), encoding="utf-8").read()
                   for name in os.listdir(folder))


def check_refused(node):
    """Named, sealed, and shown to the city's administrator alone."""
    produce(b"\x00junk")
    produce(event(report(1, contact={"phone": "555 0199"})))
    produce(event({"case": "c1"}, method="AssignCase"))
    produce(event(report(1, city="elsewhere")))
    produce(event(report(1, colour="red")))
    found = wait_for_letters(node, ["bad_request", "forbidden", "forbidden", "bad_request",
                                    "unknown_field"])
    expect(found[1]["pointer"] == "/phone" and found[4]["pointer"] == "/data/colour", found)
    raw = consume(DEAD)
    expect(b"555 0199" not in raw and b"junk" not in raw and b"elsewhere" not in raw,
           "a dead letter shows what it holds")
    shown = json.loads(dead(node, "show", found[1]["letter"]))
    expect(b"555 0199" in base64.b64decode(shown["value"]) and "hansa inbox key" in shown["detail"],
           shown)
    status, _ = node.connect().send("auditor", "GET",
                                    f"/v1/cities/{CITY}/dead-letters/{found[1]['letter']}")
    expect(status == 403, status)
    expect("GetDeadLetter" in trail_of(node), "nobody wrote down who read it")
    for letter in found:
        dead(node, "drop", letter["letter"])
    dead(node, "drop", found[0]["letter"], code=1)
    dead(node, "show", "nothing-here", code=1)
    dead(node, "drop", code=1)
    dead(node, "drop", "hotline-system-1", "--all", code=1)
    expect(not letters(node), letters(node))


def check_position_alone(node):
    """Records of which none was taken move the position all the same: they are not read again."""
    before = len(cases(node))

    def moved():
        return any(entry.kind == INPUT_KIND and entry.events == 0
                   for entry in read_chain(*node.entries(CITY)))
    wait_for("an entry that moves the position alone", moved)
    node.kill()
    node.start()
    node.wait_until_ready()
    produce(event(report(5), uuid_v7()))
    wait_for_cases(node, before + 1)
    expect(not letters(node), letters(node))


def check_clear(node):
    """A topic declared as holding personal texts in clear keeps them for so long and no longer; in
    the ledger they are sealed all the same."""
    before = len(cases(node))
    settings = subprocess.run([ADMIN, "topic-settings", os.environ["HANSA_KAFKA_FOLDER"], CLEAR],
                              check=True, capture_output=True, text=True).stdout
    expect("retention.ms=259200000" in settings and "cleanup.policy=delete" in settings, settings)
    produce(event(report(6, contact={"phone": "555 0177"}), uuid_v7()), topic=CLEAR)
    wait_for_cases(node, before + 1)
    row = max(cases(node), key=lambda row: int(row["case"][1:]))["case"]
    _, shown = node.connect().send("hotline", "GET", f"/v1/cities/{CITY}/cases/{row}")
    expect(shown["case"]["contact"]["phone"] == "555 0177", shown)
    expect(not any(b"555 0177" in record for record in node.entries(CITY)[0]),
           "the ledger shows a phone number")
    expect("555 0177" not in node.server_log(), "the log shows a phone number")


def check_full(node):
    """So many open letters make the inbox wait, loudly; fewer, and it goes on."""
    before = len(cases(node))
    produce_lines(["junk"] * (OPEN_LETTERS_MAX + 256))
    wait_for("the word about the letters",
             lambda: f"{OPEN_LETTERS_MAX} dead letters are open" in node.server_log())
    wait_for("a figure of what waits", lambda: figure(node, "hansa_ops_inboxes_waiting", CITY) > 0)
    expect(figure(node, "hansa_ops_dead_letters", CITY) >= OPEN_LETTERS_MAX, "no figure of letters")
    produce(event(report(7), uuid_v7()))
    expect(len(cases(node)) == before, "a record behind the limit was taken")
    dead(node, "drop", "--all")
    wait_for_cases(node, before + 1)
    dead(node, "drop", "--all")
    expect(not letters(node), "letters were left")
    wait_for("nothing to wait", lambda: figure(node, "hansa_ops_inboxes_waiting", CITY) == 0)


def check_parking(node):
    """What waits behind a refused record of its key follows it, in order; other keys go on."""
    before = len(cases(node))
    produce(event(report(1, service="lamps", description="first")), key="a")
    produce(event(report(2, description="second")), key="a")
    produce(event(report(3, description="third")), key="b")
    produce(event(report(4, description="fourth")), key="a")
    wait_for_letters(node, ["unknown_service", "parked", "parked"])
    wait_for_cases(node, before + 1)
    dead(node, "retry", letters(node)[0]["letter"])
    wait_for("another refusal", lambda: not letters(node)[0].get("retry_asked"))
    expect(len(cases(node)) == before + 1, "a parked record was taken")
    node.connect().send("city_admin", "POST", f"/v1/cities/{CITY}/services/lamps:define", {},
                        uuid_v7())
    dead(node, "retry", letters(node)[0]["letter"])
    wait_for_letters(node, [])
    wait_for_cases(node, before + 4)
    taken = sorted((int(row["case"][1:]), row["place"]["community"]) for row in cases(node))[-3:]
    wanted = [place(number)["community"] for number in (1, 2, 4)]
    expect([community for _, community in taken] == wanted, (taken, wanted))
    produce(event(report(1, service="pipes")), key="a")
    produce(event(report(2)), key="a")
    wait_for_letters(node, ["unknown_service", "parked"])
    dead(node, "drop", letters(node)[0]["letter"])
    wait_for_letters(node, [])
    wait_for_cases(node, before + 5)


def check_kill(node):
    """Killed twice while it takes three hundred records: each is done once."""
    before = len(cases(node))
    values = [event(report(number), str(number)) for number in range(300)]
    values[100] = event(report(1, service="nowhere"))
    produce_lines(values)
    for _ in range(2):
        node.kill()
        node.start()
        node.wait_until_ready()
    wait_for_cases(node, before + 299)
    wait_for_letters(node, ["unknown_service"])
    dead(node, "drop", letters(node)[0]["letter"])
    positions = [int(entry.seq) for entry in read_chain(*node.entries(CITY))
                 if entry.kind == INPUT_KIND]
    expect(len(positions) >= 299, len(positions))


def check_replaced(node):
    """A topic that was made anew is named and not read."""
    node.stop()
    subprocess.run([ADMIN, "delete-topic", os.environ["HANSA_KAFKA_FOLDER"], TOPIC], check=True,
                   stdout=subprocess.DEVNULL)
    node.run("topics", "create")
    node.start()
    node.wait_until_answering()

    def is_said():
        _, answer = node.readyz()
        return any("the topic was replaced" in why for why in answer["waits"])
    wait_for("the word about the topic", is_said)
    node.stop()


def main():
    with tempfile.TemporaryDirectory() as folder:
        node = inbox_node(os.environ["HANSA_BINARY"], folder)
        try:
            expect(TOPIC in node.run("topics", "check", code=2).stdout, "no inbox topic")
            node.run("topics", "create")
            node.start()
            node.wait_until_ready()
            node.environment["HANSA_KEY"] = "test-key-city_admin"
            node.set_up(CITY)
            check_taken(node)
            check_refused(node)
            check_position_alone(node)
            check_clear(node)
            check_parking(node)
            check_full(node)
            check_kill(node)
            check_replaced(node)
        except BaseException:
            print(node.server_log()[-3000:])
            raise
        finally:
            node.end()
    print("inboxes are taken once, and dead letters wait")


if __name__ == "__main__":
    main()
