"""Goal: a secretariat's first day works: init, found, admit the cities, check and propose an
agreement, see who is who; nobody else may do it, and a city's ledger beside it is none of its
business.

Method: a real server that hosts an alliance and a city, over HTTP and by the command line, killed
and started again in between.
"""

import hashlib
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
from city_process import Node, expect, key_of, test_main, uuid_v7  # noqa: E402

ALLIANCE, CITY = "delta", "suzhou"
CITIES = 41
BASE = f"/v1/alliances/{ALLIANCE}"
AGREEMENT = os.path.join(os.environ["HANSA_SOURCE"], "examples", "alliance", "agreement.json")


def host(node, folder):
    """The alliance beside the node's city, with keys for its people and a stranger's."""
    made = os.path.join(folder, "init-alliance")
    answer = json.loads(node.run("init", "alliance", ALLIANCE, "--dir", made, "--json").stdout)
    shutil.move(os.path.join(made, "data", "keys", f"alliance-{ALLIANCE}.key"),
                os.path.join(node.data_dir, "keys"))
    node.ledgers.append({"ledger": f"alliance/{ALLIANCE}", "founding_id": answer["founding_id"]})
    node.write_config(node.config, node.log)
    with open(node.config, encoding="utf-8") as stream:
        config = json.load(stream)
    for name, role, alliance in (("secretariat", "secretariat", ALLIANCE),
                                 ("stranger", "secretariat", "pearl"),
                                 ("alliance_auditor", "auditor", ALLIANCE)):
        config["access"]["api_keys"].append(
            {"id": name, "sha256": hashlib.sha256(key_of(name).encode()).hexdigest(),
             "roles": [role], "alliance": alliance})
    with open(node.config, "w", encoding="utf-8") as stream:
        json.dump(config, stream)


def make_cities(node):
    """What each city hands over: the identity that its own `hansa init` wrote."""
    files, fingerprints = [], {}
    for number in range(1, CITIES + 1):
        folder = os.path.join(node.folder, f"city-{number}")
        made = json.loads(node.run("init", "city", f"city-{number}", "--dir", folder, "--json")
                          .stdout)
        recovery = os.path.join(folder, f"recovery-city-city-{number}.key")
        expect(os.stat(recovery).st_mode & 0o77 == 0, "others can read the recovery key")
        files.append(os.path.join(folder, "identity.json"))
        fingerprints[f"city-{number}"] = made["fingerprint"]
    expect(len(set(fingerprints.values())) == CITIES, "two cities have one fingerprint")
    return files, fingerprints


def admission(file):
    with open(file, encoding="utf-8") as stream:
        return {name: text for name, text in json.load(stream).items() if name != "ledger"}


def read(connection, tail, role="auditor"):
    status, answer = connection.send(role, "GET", BASE + tail)
    expect(status == 200, (tail, status, answer))
    return answer


def do(connection, tail, body, expected=200, role="secretariat", key=None):
    status, answer = connection.send(role, "POST", BASE + tail, body, key or uuid_v7())
    expect(status == expected, (tail, status, answer))
    return answer


def check_founding(connection, files):
    status, answer = connection.send("auditor", "GET", BASE)
    expect((status, answer["code"]) == (404, "unknown_alliance"), answer)
    do(connection, "/members/city-1:admit", admission(files[0]), 404)
    do(connection, ":found", {"title": {"en": "Delta"}}, 403, "stranger")
    do(connection, ":found", {"title": {"en": "Delta"}}, 403, "city_admin")
    founded = do(connection, ":found", {"title": {"en": "Delta"}})
    expect(do(connection, ":found", {}, 409)["code"] == "already_exists", "founded twice")
    shown = read(connection, f"?at_least={founded['seq']}")
    expect(shown["alliance"]["title"]["en"] == "Delta", shown)


def check_admission(node, connection, files, fingerprints):
    """One by HTTP, the others by their files; a file that is no city's admits nobody."""
    key = uuid_v7()
    first = do(connection, "/members/city-1:admit", admission(files[0]), key=key)
    again = do(connection, "/members/city-1:admit", admission(files[0]), key=key)
    expect(first == again, (first, again))
    admit = ("alliance", "admit", "--alliance", ALLIANCE, "--server",
             f"http://127.0.0.1:{node.port}", "--json", "--each")
    node.environment["HANSA_KEY"] = key_of("secretariat")
    own = os.path.join(node.folder, "init-alliance", "identity.json")
    told = node.run(*admit, files[1], own, code=1).stderr
    expect("expected a city's" in told, told)
    expect("a second time" in node.run(*admit, files[1], files[1], code=1).stderr, "named twice")
    planned = node.run(*admit, *files, "--dry-run").stdout.splitlines()
    expect({row["city"]: row["fingerprint"] for row in map(json.loads, planned)} == fingerprints,
           "other fingerprints than the cities have")
    expect(len(read(connection, f"/members?at_least={first['seq']}")["members"]) == 1,
           "a dry run, or a spoilt list, admitted somebody")
    rows = [json.loads(row) for row in node.run(*admit, *files, code=1).stdout.splitlines()]
    outcomes = [row["outcome"] for row in rows]
    expect(outcomes == ["already_exists"] + ["admitted"] * (CITIES - 1), outcomes)
    told = node.run("alliance", "fingerprint", files[2]).stdout
    expect(fingerprints["city-3"] in told, told)
    spoilt = os.path.join(node.folder, "spoilt.json")
    with open(spoilt, "w", encoding="utf-8") as stream:
        json.dump({"ledger": "city/city-1", "founding_id": "xyz"}, stream)
    expect("founding_id" in node.run("alliance", "fingerprint", spoilt, code=1).stderr, "read")


def check_members(connection):
    do(connection, "/members/city-2:suspend", {}, 400)
    do(connection, "/members/city-2:suspend", {"reason": "two histories"})
    refused = do(connection, "/members/city-2:readmit", {}, 409)
    expect(refused["code"] == "wrong_state", refused)
    last = do(connection, "/members/city-3:expel", {"reason": "left the river"})
    rows = read(connection, f"/members?page_size=100&at_least={last['seq']}")["members"]
    expect(len(rows) == CITIES, len(rows))
    standing = {row["city"]: row["membership"] for row in rows}
    expect((standing["city-2"], standing["city-3"], standing["city-4"]) ==
           ("suspended", "expelled", "admitted"), standing)
    expect(not any("reason" in row for row in rows), "the public reads a reason")
    shown = read(connection, "/members?page_size=100", "secretariat")["members"]
    expect(sum(bool(row["reason"]) for row in shown) == 2, "the secretariat reads no reason")


def check_agreement(node, connection):
    told = node.run("agreement", "check", AGREEMENT)
    expect("place.district" in told.stdout and "Not these: " in told.stdout, told.stdout)
    checked = json.loads(node.run("agreement", "check", AGREEMENT, "--json").stdout)
    with open(AGREEMENT, encoding="utf-8") as stream:
        agreement = json.load(stream)
    proposed = do(connection, "/agreements", {"agreement": agreement}, 201)
    expect(proposed["subject_id"] == "1" and proposed["state"] == "proposed", proposed)
    rows = read(connection, f"/agreements?at_least={proposed['seq']}")["agreements"]
    expect(rows[0]["sha256"] == checked["sha256"],
           "what was checked is not what is to be ratified")
    agreement["grants"][0]["fields"].append("contact.phone")
    refused = do(connection, "/agreements", {"agreement": agreement}, 400)
    expect((refused["code"], refused["pointer"]) == ("not_shareable", "/agreement/grants/0"),
           refused)
    spoilt = os.path.join(node.folder, "spoilt.json")
    with open(spoilt, "w", encoding="utf-8") as stream:
        json.dump(agreement, stream)
    told = node.run("agreement", "check", spoilt, code=1)
    expect("PERSONAL texts never leave" in told.stderr and "phone" in told.stderr, told.stderr)
    del agreement["purpose"]
    with open(spoilt, "w", encoding="utf-8") as stream:
        json.dump(agreement, stream)
    do(connection, "/agreements", {"agreement": agreement}, 400)
    told = node.run("agreement", "check", spoilt, code=1)
    expect("purpose must be given" in told.stderr, told.stderr)
    node.run("agreement", "check", "nowhere.json", code=1)


def check_audit(connection):
    """What callers told the alliance is its auditor's to read, refusals too; nobody else's."""
    status, answer = connection.send("alliance_auditor", "GET", BASE + "/audit-records?page_size=9")
    expect(status == 200 and len(answer["records"]) == 9 and "next_page_token" in answer, answer)
    expect(all(row["ledger"] == f"alliance/{ALLIANCE}" for row in answer["records"]), answer)
    told = [(row["method"], row["outcome"]) for row in answer["records"]]
    expect(told.count(("FoundAlliance", "ok")) == 1, told)
    expect(told.count(("FoundAlliance", "forbidden")) == 2, told)
    for role in ("secretariat", "auditor", "stranger"):
        status, answer = connection.send(role, "GET", BASE + "/audit-records")
        expect((status, answer["code"]) == (403, "forbidden"), answer)


def check_apart(node, connection):
    """Each ledger is its own: the city is not founded by the alliance's entries."""
    status, answer = connection.send("auditor", "GET", f"/v1/cities/{CITY}")
    expect((status, answer["code"]) == (404, "unknown_city"), answer)
    status, answer = connection.send("auditor", "GET", "/v1/alliances/pearl")
    expect((status, answer["code"]) == (404, "unknown_alliance"), answer)
    node.set_up(CITY)
    status, answer = connection.send("auditor", "GET", f"/v1/cities/{CITY}?at_least=1")
    expect(status == 200, answer)


def run(hansa, folder):
    node = Node(hansa, folder, [CITY])
    host(node, folder)
    node.start()
    try:
        node.wait_until_ready()
        connection = node.connect()
        files, fingerprints = make_cities(node)
        check_founding(connection, files)
        check_admission(node, connection, files, fingerprints)
        check_members(connection)
        check_agreement(node, connection)
        check_audit(connection)
        check_apart(node, connection)
        before = read(connection, "/members?page_size=100")
        node.kill()
        node.start()
        node.wait_until_ready()
        after = read(node.connect(), "/members?page_size=100")
        expect(before == after, "the members are others after a kill")
        node.stop()
        where = ("--data", node.data_dir, "--ledger", f"alliance/{ALLIANCE}")
        verified = json.loads(node.run("ledger", "verify", *where, "--json").stdout)
        expect(verified["ok"] and int(verified["entries"]) == int(after["seq"]), verified)
        stored = json.loads(node.run("projection", "digest", *where, "--json").stdout)
        rebuilt = node.run("projection", "rebuild", *where)
        expect(stored["digest"] in rebuilt.stdout, (stored, rebuilt.stdout, rebuilt.stderr))
    finally:
        node.end()
    print("an alliance is founded, and its members are who they say")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
