#!/usr/bin/env python3
"""Goal: callers who use other people's software for tokens and TLS are taken for who they are, and
for nobody else. Method: a node with TLS and an issuer, certificates by the package cryptography,
tokens by PyJWT (tests/ops/foreign_issuer.py), the connection by Python's ssl.

    foreign_callers_test.py       HANSA_BINARY and HANSA_SOURCE; needs build/verifiers
"""

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", part) for part in ("crash", "evidence")]
from city_process import (SECONDS_MAX, Failed, Node, expect, free_port, key_of,  # noqa: E402
                          place)
from verifiers import program  # noqa: E402

CITY = "wuxi"
CASES = f"/v1/cities/{CITY}/cases"
IDLE_CALLERS = 1_000
REPORT = {"kind": "problem", "source": "hotline", "service": "rubbish", "place": place(0),
          "description": "Bags"}


def configure(node, folder, **tls):
    """Lets the node serve by TLS and take tokens; with tls=None neither."""
    with open(node.config, encoding="utf-8") as stream:
        config = json.load(stream)
    config["http"] = {"listen": f"127.0.0.1:{node.port}", "tls": {
        "certificate": os.path.join(folder, "node.crt"), "key": os.path.join(folder, "node.key"),
        **tls}}
    config["access"]["jwt"] = [{
        "issuer": "https://id.example", "audience": "hansa", "cities": [CITY],
        "keys_file": os.path.join(folder, "keys.json"), "roles_claim": "realm_access.roles",
        "roles": {"desk": "hotline", "watch": "auditor"}}]
    with open(node.config, "w", encoding="utf-8") as stream:
        json.dump(config, stream)


def trusting(folder, own=""):
    context = ssl.create_default_context(cafile=os.path.join(folder, "town.pem"))
    if own:
        context.load_cert_chain(os.path.join(folder, own + ".crt"),
                                os.path.join(folder, own + ".key"))
    return context


def ask(node, context, path, credentials="", body=None):
    """(status, answer) by https."""
    connection = http.client.HTTPSConnection("127.0.0.1", node.port, timeout=SECONDS_MAX,
                                             context=context)
    headers = {"Content-Type": "application/json"}
    if credentials:
        headers["Authorization"] = "Bearer " + credentials
    try:
        connection.request("POST" if body is not None else "GET", path,
                           None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def start(node, context):
    node.start()
    end = time.monotonic() + SECONDS_MAX
    while True:
        try:
            if ask(node, context, "/readyz")[0] == 200:
                return
        except OSError:
            if node.process.poll() is not None or time.monotonic() > end:
                raise Failed(node.server_log()) from None
        time.sleep(0.02)


def check_metrics(node):
    """The series that only a node with TLS or issuers has, from the first scrape."""
    address = re.search(r"metrics (http://\S+)\)", node.server_log().splitlines()[-1])
    expect(address, node.server_log())
    with urllib.request.urlopen(address.group(1), timeout=SECONDS_MAX) as answer:
        text = answer.read().decode()
    for line in ('hansa_ops_token_keys_stale_bool{issuer="https://id.example"} 0',
                 "hansa_ops_tls_stale_bool 0"):
        expect(line in text, line)
    end = re.search(r"^hansa_ops_tls_certificate_end_seconds (\S+)", text, re.M)
    expect(float(end.group(1)) > time.time(), end)


def check_tokens(node, folder, tokens):
    context = trusting(folder)
    for name in ("rsa", "curve"):
        status, answer = ask(node, context, CASES, tokens[name], REPORT)
        expect(status == 201, (name, status, answer))
    for name, status, words in (
            ("expired", 401, "expired at"), ("for_others", 401, "`hansa`"),
            ("unsigned", 401, "RS256"), ("by_secret", 401, "RS256"),
            ("longer_hash", 401, "RS256"), ("nobody", 403, ""), ("reader", 403, "")):
        found, answer = ask(node, context, CASES, tokens[name], REPORT)
        expect(found == status and words in answer["detail"], (name, found, answer))
    status, answer = ask(node, context, f"/v1/cities/{CITY}/audit-records", tokens["reader"])
    outcomes = [(one["issuer"], one["outcome"]) for one in answer["records"]
                if one["method"] == "ReportCase"]
    by_issuer = "https://id.example"
    expect(outcomes == [(by_issuer, "ok")] * 2 + [(by_issuer, "forbidden")] * 2, answer)
    expect("ann@id.example" not in json.dumps(answer), "a caller's name stands in the trail")
    changed = tokens["rsa"][:-5] + ("A" if tokens["rsa"][-5] != "A" else "B") + tokens["rsa"][-4:]
    expect(ask(node, context, CASES, changed, REPORT)[0] == 401, "a changed token was taken")


def refused(node, context):
    """What the connection ends with."""
    try:
        return ask(node, context, "/healthz")
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def check_command_line(node, folder):
    """Each wrong certificate and each wrong way gives its sentence."""
    server = ("--server", f"https://127.0.0.1:{node.port}")
    town = ("--authorities", os.path.join(folder, "town.pem"))
    caller = ("--certificate", os.path.join(folder, "caller.crt"),
              "--certificate-key", os.path.join(folder, "caller.key"))
    key = ("--key", key_of("auditor"))
    call = ("call", "GetCity", json.dumps({"city": CITY}), *key)
    node.run(*call, *server, *town, *caller)
    for words, sentence in ((server + caller, "certificate is not taken"),
                            (server + town, "certificate required"),
                            (("--server", f"http://127.0.0.1:{node.port}"), "https://")):
        done = node.try_run(*call, *words)
        expect(done.returncode != 0 and sentence in done.stderr, (words, done))


def check_mutual(node, folder):
    expect(isinstance(refused(node, trusting(folder)), str), "a caller without a certificate")
    for own in ("stranger", "old"):
        expect(isinstance(refused(node, trusting(folder, own)), str), own)
    expect(ask(node, trusting(folder, "caller"), "/healthz")[0] == 200, "the right certificate")
    check_command_line(node, folder)


def check_idle(node, folder):
    """A thousand that say nothing, or a byte now and then, hold up nobody."""
    idle = []
    try:
        for number in range(IDLE_CALLERS):
            one = socket.create_connection(("127.0.0.1", node.port), timeout=SECONDS_MAX)
            idle.append(one)
            if number % 2:
                one.sendall(b"\x16\x03\x01\x02")
        for _ in range(20):
            expect(ask(node, trusting(folder, "caller"), "/healthz")[0] == 200, "an honest caller")
    finally:
        for one in idle:
            one.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([program("venv/bin/python"), "-B",
                               os.path.join(HERE, "foreign_issuer.py"), folder],
                              check=True, capture_output=True, text=True, timeout=SECONDS_MAX)
        tokens = json.loads(made.stdout)
        node = Node(os.environ["HANSA_BINARY"], folder, [CITY])
        try:
            node.start()
            node.wait_until_ready()
            node.set_up(CITY)
            node.stop()
            configure(node, folder)
            start(node, trusting(folder))
            check_metrics(node)
            check_tokens(node, folder, tokens)
            node.stop()
            node.port = free_port()
            configure(node, folder, caller_authorities=os.path.join(folder, "town.pem"))
            start(node, trusting(folder, "caller"))
            check_mutual(node, folder)
            check_idle(node, folder)
            node.stop()
        finally:
            node.end()
    print("tokens of PyJWT and TLS of Python are taken and refused as they should be")


if __name__ == "__main__":
    main()
