#!/usr/bin/env python3
"""Goal: personal data is nowhere in clear, and after `person erase` it is nowhere at all, while
every chain and digest still holds.

Method: a real server takes reports with name, phone, e-mail and text of a person; a dispatcher may
read them. All files of the data folder and the server's log are searched, before and after the
erasure and after a kill and restart. That the search can find at all is shown by a text of the same
reports that is not personal.

    erase_test.py [HANSA]
"""

import json
import os
import sys

from city_process import ACCEPTED, Node, expect, place, read_chain, test_main, uuid_v7

CITY = "wuxi"
PHONE, EMAIL, NAME, TEXT = "+8651265223344", "zhang.jing@example.cn", "Zhang Jing", "after six pm"
SECRETS = [PHONE, PHONE[1:], "51265223344", "65223344", "512 6522 3344", EMAIL, EMAIL.upper(),
           NAME, TEXT]
FINDABLE = "9d3f6c0a77e15b42"


def report(node, contact):
    connection = node.connect()
    body = {"kind": "complaint", "source": "hotline", "service": "rubbish", "place": place(3),
            "description": FINDABLE, "contact": contact}
    status, answer = connection.send("hotline", "POST", f"/v1/cities/{CITY}/cases", body,
                                     uuid_v7())
    connection.close()
    expect(status in ACCEPTED, f"reporting: {status} {answer}")
    return answer["subject_id"]


def get_case(node, role, case, at_least):
    connection = node.connect()
    status, answer = connection.send(
        role, "GET", f"/v1/cities/{CITY}/cases/{case}?at_least={at_least}")
    connection.close()
    expect(status == 200, f"case {case} for {role}: {status} {answer}")
    return json.dumps(answer, ensure_ascii=False)


def search(node, text):
    """The files that have the text, as UTF-8 or UTF-16, in any case of letters."""
    found = []
    places = [node.data_dir, os.path.join(node.folder, "server.log")]
    files = [os.path.join(path, name) for path, _, names in os.walk(places[0]) for name in names]
    for file in files + places[1:]:
        with open(file, "rb") as stream:
            content = stream.read().lower()
        if any(form in content for form in (text.lower().encode(),
                                            text.lower().encode("utf-16-le"))):
            found.append(file)
    return found


def expect_no_trace(node, when):
    expect(search(node, FINDABLE), f"{when}: the search finds nothing at all")
    for secret in SECRETS:
        found = search(node, secret)
        expect(not found, f"{when}: '{secret}' stands in {found}")


def find_person(node, *words):
    done = node.run("person", "find", "--city", CITY, "--server", f"http://127.0.0.1:{node.port}",
                    "--json", *words)
    return json.loads(done.stdout).get("persons", [])


def run(hansa, folder):
    node = Node(hansa, folder, [CITY])
    node.environment["HANSA_KEY"] = "test-key-city_admin"
    node.start()
    try:
        node.wait_until_ready()
        node.set_up(CITY)
        contact = {"name": NAME, "phone": "+86 512-6522-3344", "email": EMAIL, "text": TEXT}
        case = report(node, contact)
        second = report(node, {"phone": PHONE})
        other = report(node, {"name": "Wang Fang", "phone": "+8651200000001"})
        persons = find_person(node, "--phone", PHONE)
        expect(len(persons) == 1 and find_person(node, "--email", EMAIL.upper()) == persons,
               f"one person behind number and address: {persons}")
        seen = get_case(node, "dispatcher", case, second[1:])
        expect(NAME in seen and EMAIL in seen and TEXT in seen, f"a dispatcher reads: {seen}")
        for role in ("auditor", "unit_worker", "city_admin"):
            expect(NAME not in get_case(node, role, case, 1), f"{role} reads the name")
        expect_no_trace(node, "while serving")

        erase = ("person", "erase", "--city", CITY, "--server", f"http://127.0.0.1:{node.port}")
        node.run(*erase, "--dry-run", persons[0])
        expect(find_person(node, "--phone", PHONE) == persons, "--dry-run erased the person")
        receipt = json.loads(node.run(*erase, persons[0]).stdout)
        for round_of in ("after the erasure", "after a kill"):
            expect(find_person(node, "--phone", PHONE) == [], f"{round_of}: still found")
            seen = get_case(node, "dispatcher", case, receipt["seq"])
            expect(all(secret not in seen for secret in SECRETS), f"{round_of}: shown: {seen}")
            expect("Wang Fang" in get_case(node, "dispatcher", other, 1),
                   f"{round_of}: another person's data is gone too")
            expect_no_trace(node, round_of)
            if round_of == "after the erasure":
                node.kill()
                node.start()
                node.wait_until_ready()
        # The same number later is a new person.
        report(node, {"phone": PHONE})
        expect(find_person(node, "--phone", PHONE) not in ([], persons), "the old person is back")
        entries = len(read_chain(*node.entries(CITY)))
        digest = node.digest(CITY, entries)
        node.stop()
        expect_no_trace(node, "after stopping")
        node.check_stopped(CITY, entries, digest)
        expect_no_trace(node, "after a rebuild")
        print("no trace of the erased person; chain and digest hold")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
