"""Goal: the rights that `hansa topics acls` lists are enough for all that a node does, and none is
more than it needs: without any one of them the node says which topic it is about.

Method: a broker with Kafka's own authorizer, where nothing is allowed but what is given, and logins
by SASL. One login has all rights, and each other one all but one: with each of these a node does
what the first did, until the name of the topic, or of the group, stands in what it says.

    kafka_rights_test.py    HANSA_BINARY, HANSA_SOURCE; with the Python of cmake/verifiers/fetch
"""

import json
import os
import shutil
import subprocess
import sys
import time

from kafka import admin as kafka_admin

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "crash")]
from alliance_process import Alliance, host, identity  # noqa: E402
from city_process import (ACCEPTED, SECONDS_MAX, Failed, Node, expect, free_port,  # noqa: E402
                          place, test_main, uuid_v7)

BROKER = os.path.join(os.environ["HANSA_SOURCE"], "cmake", "kafka", "broker")
CITY, ALLIANCE = "wuxi", "delta"
INBOX = f"hansa.inbox.city.{CITY}.hotline-system"
SHARE = f"hansa.share.{ALLIANCE}.{CITY}"
TERMS = {"purpose": "Where cases are reported.", "heartbeat_s": 60, "grants": [
    {"event": "CaseReported", "fields": ["case", "place.district"], "highest_class": "PUBLIC"}]}
PASSWORD = "one for all of them"
LOGINS = 64
SETTINGS = """
listeners=PLAINTEXT://127.0.0.1:{own},CONTROLLER://127.0.0.1:{controller},\
SASL_PLAINTEXT://127.0.0.1:{login}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,\
SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


class Broker:
    """With two ways in: one for this test, which may do everything, and one by login."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "broker")
        self.words("prepare")
        with open(os.path.join(self.folder, "port"), encoding="utf-8") as file:
            own = file.read().strip()
        with open(os.path.join(self.folder, "server.properties"), encoding="utf-8") as file:
            controller = file.read().split("CONTROLLER://127.0.0.1:")[1].split("\n")[0]
        self.open, self.login = f"127.0.0.1:{own}", f"127.0.0.1:{free_port()}"
        names = ["creator", "nobody"] + [f"node-{number}" for number in range(LOGINS)]
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in names)
        with open(os.path.join(self.folder, "server.properties"), "a", encoding="utf-8") as file:
            file.write(SETTINGS.format(own=own, controller=controller,
                                       login=self.login.split(":")[1], users=users))
        self.admin = None

    def start(self):
        self.words("start")
        self.admin = kafka_admin.KafkaAdminClient(bootstrap_servers=self.open)

    def words(self, word):
        subprocess.run([BROKER, word, self.folder], check=True, stdout=subprocess.DEVNULL)

    def give(self, rights):
        """(principal, kind, name, operation) each; until the broker knows them."""
        acls = [kafka_admin.ACL(principal, "*", kafka_admin.ACLOperation[operation],
                                kafka_admin.ACLPermissionType.ALLOW,
                                kafka_admin.ResourcePattern(kafka_admin.ResourceType[kind], name))
                for principal, kind, name, operation in rights]
        self.admin.create_acls(acls)
        anything = kafka_admin.ACLFilter(
            None, None, kafka_admin.ACLOperation.ANY, kafka_admin.ACLPermissionType.ANY,
            kafka_admin.ResourcePatternFilter(kafka_admin.ResourceType.ANY, None,
                                              kafka_admin.ACLResourcePatternType.ANY))
        end = time.monotonic() + SECONDS_MAX
        while True:
            known = {(acl.principal, acl.resource_pattern.resource_name, acl.operation)
                     for acl in self.admin.describe_acls(anything)[0]}
            if all((acl.principal, acl.resource_pattern.resource_name, acl.operation) in known
                   for acl in acls):
                return
            expect(time.monotonic() < end, "the broker does not learn what is allowed")
            time.sleep(0.02)

    def produce(self, value):
        subprocess.run(["kcat", "-b", self.open, "-P", "-t", INBOX, "-p", "0"], check=True,
                       input=value.encode(), timeout=SECONDS_MAX)

    def consume(self, topic):
        return subprocess.run(["kcat", "-b", self.open, "-C", "-e", "-q", "-t", topic, "-o",
                               "beginning"], check=True, capture_output=True,
                              timeout=SECONDS_MAX).stdout


def log_of(broker, user):
    return {"kind": "kafka", "kafka": {"bootstrap": broker.login, "properties": {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": user, "sasl.password.file": password_file(broker)}}}


def password_file(broker):
    return os.path.join(os.path.dirname(broker.folder), "password")


def logs_in(node, broker, user):
    with open(node.config, encoding="utf-8") as file:
        config = json.load(file)
    config["log"] = log_of(broker, user)
    with open(node.config, "w", encoding="utf-8") as file:
        json.dump(config, file)


def make_node(hansa, folder, broker):
    node = Node(hansa, folder, [CITY], log=log_of(broker, "nobody"))
    host(node, ALLIANCE)
    with open(node.config, encoding="utf-8") as file:
        config = json.load(file)
    config["ledgers"][0] |= {"outlet": True, "feeds": [ALLIANCE]}
    config["inboxes"] = [{"topic": INBOX, "ledger": f"city/{CITY}", "actor": "hotline",
                          "methods": ["ReportCase"]}]
    with open(node.config, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return node


def listed(node, *words):
    lines = node.run("topics", "acls", "--json", *words).stdout.splitlines()
    return [json.loads(line) for line in lines]


def report(node, number, phone):
    """Of somebody new, who gets a key of their own."""
    body = {"kind": "problem", "service": "rubbish", "source": "hotline", "place": place(number),
            "contact": {"name": "Ann Example", "phone": phone}}
    connection = node.connect()
    try:
        return connection.send("hotline", "POST", f"/v1/cities/{CITY}/cases", body, uuid_v7())
    finally:
        connection.close()


def event(number, service="rubbish"):
    return json.dumps({"specversion": "1.0", "id": uuid_v7(), "source": "urn:test:hotline",
                       "type": "hansa.v1.ReportCase",
                       "data": {"kind": "problem", "service": service, "source": "hotline",
                                "place": place(number)}})


def everything(node, broker):
    """One of each of the things that a node does with its topics, whatever comes of it; what the
    node says meanwhile."""
    said = [str(node.readyz())]
    broker.produce(event(1))
    broker.produce(event(1, "no-such-service"))
    for ask in (lambda: report(node, 1, str(time.monotonic_ns())),
                lambda: node.connect().send("secretariat-" + ALLIANCE, "POST",
                                            f"/v1/alliances/{ALLIANCE}/agreements",
                                            {"agreement": TERMS}, uuid_v7())):
        try:
            said.append(str(ask()))
        except OSError as error:
            said.append(str(error))
    done = node.try_run("nodes", "--config", node.config)
    return "\n".join(said + [done.stderr])


def wait_for(what, holds):
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.05)
    raise Failed(f"{what} did not come within {SECONDS_MAX} s")


def check_password(node, broker):
    """One that is wrong is told as that, and not as brokers that are away."""
    with open(password_file(broker), "w", encoding="utf-8") as file:
        file.write("another one")
    node.start()
    try:
        node.wait_until_answering()
        wait_for("that the password is wrong",
                 lambda: "authentication failed" in str(node.readyz()).lower())
    finally:
        node.end()


def check_create(node):
    """A city that has joined, and may not make the topic of what it shares."""
    node.set_up(CITY)
    delta = Alliance(node, node.connect(), ALLIANCE)
    delta.do(":found", {"title": {"en": ALLIANCE}})
    delta.do(f"/members/{CITY}:admit", identity(node, CITY))
    delta.city(CITY, ":join", identity(node, ALLIANCE))
    wait_for("what is missing to share", lambda: any(
        SHARE in line and "`hansa topics acls`" in line
        for line in (node.server_log() + str(node.readyz())).splitlines()))


def check_enough(node, broker):
    """All that the node is there for, with the listed rights and no other."""
    connection = node.connect()
    delta = Alliance(node, connection, ALLIANCE)
    delta.put_in_force(TERMS, [CITY])
    status, answer = report(node, 0, "555 0123")
    expect(status in ACCEPTED, answer)
    case = answer["subject_id"]
    status, answer = connection.send("hotline", "GET", f"/v1/cities/{CITY}/cases/{case}")
    expect(status == 200 and answer["case"]["contact"]["phone"] == "555 0123", answer)
    broker.produce(event(1))
    broker.produce(event(1, "no-such-service"))

    def cases():
        answer = connection.send("auditor", "GET", f"/v1/cities/{CITY}/cases?page_size=9")[1]
        return len(answer.get("cases", []))
    wait_for("a case from the inbox", lambda: cases() == 2)
    for topic in (f"hansa.outlet.city.{CITY}", f"hansa.feed.{ALLIANCE}.{CITY}",
                  f"hansa.dead.city.{CITY}"):
        wait_for(f"a record of {topic}", lambda topic=topic: broker.consume(topic))
    expect(node.run("nodes", "--config", node.config).stdout, "no nodes")
    expect(node.readyz()[0] == 200, node.readyz())


def says_what_is_missing(node, broker, name):
    """Until the sentence stands where an operator looks: /readyz, the log, or an answer."""
    node.start()
    before = len(node.server_log())
    end = time.monotonic() + SECONDS_MAX
    said = ""
    try:
        node.wait_until_answering()
        while time.monotonic() < end:
            said = everything(node, broker) + node.server_log()[before:]
            for line in said.splitlines():
                if name in line and "`hansa topics acls`" in line:
                    return line
            time.sleep(0.05)
    finally:
        node.end()
    raise Failed(f"nothing is said of {name}:\n{said[-3000:]}")


def forwarding(hansa, folder, broker, node, user):
    """A second node, which does not lead and sends commands on."""
    own = os.path.join(folder, "other")
    shutil.rmtree(own, ignore_errors=True)
    os.mkdir(own)
    other = Node(hansa, own, [], name="other")
    shutil.copytree(os.path.join(node.data_dir, "keys"), os.path.join(other.data_dir, "keys"))
    with open(node.config, encoding="utf-8") as file:
        config = json.load(file)
    config["node"] = {"id": "other", "data_dir": other.data_dir}
    config["http"]["listen"] = f"127.0.0.1:{other.port}"
    for row in config["ledgers"]:
        row["lead"] = False
    with open(other.config, "w", encoding="utf-8") as file:
        json.dump(config, file)
    logs_in(other, broker, user)
    return other


def check_each(hansa, folder, node, broker, rights, users):
    """Without one of them, each in turn."""
    for user, (kind, name, operation) in users.items():
        print(f"without {operation} on {kind} {name}:", flush=True)
        if operation == "CREATE":
            continue  # tried before there was a share
        if name.startswith("hansa.forward.") and operation == "WRITE":
            other = forwarding(hansa, folder, broker, node, user)
            logs_in(node, broker, "node-0")
            node.start()
            try:
                node.wait_until_ready()
                print("   ", says_what_is_missing(other, broker, name)[:200])
            finally:
                node.end()
            continue
        logs_in(node, broker, user)
        print("   ", says_what_is_missing(node, broker, name)[:300], flush=True)


def check(hansa, folder, broker):
    node = make_node(hansa, folder, broker)
    said = node.run("topics", "create", code=2).stderr
    expect("sasl.password.file" in said and password_file(broker) in said, said)
    check_password(node, broker)
    with open(password_file(broker), "w", encoding="utf-8") as file:
        file.write(PASSWORD + "\n")
    said = node.run("topics", "create", code=3).stderr
    expect(f"hansa.city.{CITY}" in said and "`hansa topics acls`" in said, said)
    made = listed(node, "--creator", "User:creator", "--principal", "User:node-0")
    rights = [(right["principal"], right["kind"].upper(), right["name"],
               {"DescribeConfigs": "DESCRIBE_CONFIGS"}.get(one, one.upper()))
              for right in made for one in right["operations"]]
    broker.give(rights)
    logs_in(node, broker, "creator")
    node.run("topics", "create")
    node.run("topics", "check")
    needed = [right[1:] for right in rights if right[0] == "User:node-0"]
    users = {f"node-{number}": right for number, right in enumerate(needed, 1)}
    broker.give([(f"User:{user}", *other) for user, right in users.items() for other in needed
                 if other != right])
    maker = next(user for user, right in users.items() if right[2] == "CREATE")
    for user, trial in ((maker, lambda: check_create(node)),
                        ("node-0", lambda: check_enough(node, broker))):
        logs_in(node, broker, user)
        node.start()
        try:
            node.wait_until_ready()
            trial()
            node.stop()
        finally:
            node.end()
    check_each(hansa, folder, node, broker, needed, users)


def run(hansa, folder):
    broker = Broker(folder)
    try:
        broker.start()
        check(hansa, folder, broker)
    finally:
        broker.words("stop")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
