#!/usr/bin/env python3
"""Goal: an operator is called when a fold stops, and told when it goes on: from the disk of a real
node over a real Prometheus and Alertmanager to whoever is called, by the rules that are shipped.

Method: a node whose rows cannot be written (tests/crash/fault_shim.cc) and can again; Prometheus
scrapes it and hands what fires to Alertmanager, which calls a listener of this test. Nothing of
the rules is changed but that they do not wait, so that nobody has to. Every series of the
catalogue that is not Kafka's stands in the first scrape.

    alarm_live_test.py      HANSA_BINARY and HANSA_SOURCE; cmake/prometheus/fetch brought the rest
"""

import errno
import http.server
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SOURCE = os.environ["HANSA_SOURCE"]
PROMETHEUS = os.path.join(SOURCE, "build", "prometheus")
sys.path.insert(0, os.path.join(SOURCE, "tests", "crash"))
from city_process import Node, expect, free_port, place  # noqa: E402
from faults import Faults  # noqa: E402

CITY = "wuxi"
ALARM = "HansaFoldStopped"
RULES = os.path.join(SOURCE, "charts", "hansa", "rules")
SECONDS_MAX = 60


class Called(http.server.BaseHTTPRequestHandler):
    """What Alertmanager tells."""

    alerts = queue.Queue()

    def do_POST(self):  # pylint: disable=invalid-name
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in told["alerts"]:
            self.alerts.put(alert)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):  # pylint: disable=arguments-differ
        pass


def wait_for_call(status):
    """The next call about the alarm with this status."""
    end = time.monotonic() + SECONDS_MAX
    while True:
        try:
            alert = Called.alerts.get(timeout=max(0.01, end - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"nobody was called: {ALARM} {status}") from None
        if alert["labels"]["alertname"] == ALARM and alert["status"] == status:
            return alert


def wait_until(what, holds):
    end = time.monotonic() + SECONDS_MAX
    while not holds():
        expect(time.monotonic() < end, f"it never came true that {what}")
        time.sleep(0.05)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def run(folder, name, *words):
    with open(os.path.join(folder, name + ".log"), "wb") as log:
        return subprocess.Popen([os.path.join("usr", "bin", name), *words], cwd=PROMETHEUS,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def start_alertmanager(folder, called):
    port = free_port()
    config = os.path.join(folder, "alertmanager.yml")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"route": {"receiver": "test", "group_wait": "0s", "group_interval": "1s",
                             "group_by": ["alertname"]},
                   "receivers": [{"name": "test", "webhook_configs": [
                       {"url": f"http://127.0.0.1:{called}/", "send_resolved": True}]}]}, file)
    process = run(folder, "prometheus-alertmanager", f"--config.file={config}",
                  f"--storage.path={folder}/alerts", f"--web.listen-address=127.0.0.1:{port}",
                  "--cluster.listen-address=")
    wait_until("Alertmanager answers", lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
    return process, port


def start_prometheus(folder, node, alertmanager):
    port = free_port()
    for name in ("alerts.yaml", "recording.yaml"):
        with open(os.path.join(RULES, name), encoding="utf-8") as file:
            text = re.sub(r"^( +)for: \w+$", r"\1for: 0s", file.read(), flags=re.M)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(re.sub(r"^( +)interval: \w+$", r"\1interval: 1s", text, flags=re.M))
    config = os.path.join(folder, "prometheus.yml")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                   "rule_files": [os.path.join(folder, name)
                                  for name in ("alerts.yaml", "recording.yaml")],
                   "alerting": {"alertmanagers": [{"static_configs": [
                       {"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
                   "scrape_configs": [{"job_name": "hansa", "static_configs": [
                       {"targets": [node]}]}]}, file)
    process = run(folder, "prometheus", f"--config.file={config}",
                  f"--storage.tsdb.path={folder}/series", f"--web.listen-address=127.0.0.1:{port}")
    wait_until("Prometheus answers", lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
    return process, port


def asked(port, question):
    url = f"http://127.0.0.1:{port}/api/v1/query?query={question}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.loads(answer.read())["data"]["result"]


def check_first_scrape(node, metrics):
    """Every series stands there before anything has happened."""
    shown = json.loads(node.run("metrics-catalogue", "--json").stdout)
    with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    for series in shown:
        name = series["name"]
        if name.startswith("hansa_streams_kafka_") or re.search("link|feed|token_keys", name):
            continue  # of brokers, of an alliance, of a feed, of an issuer; this node has none
        expect(re.search(rf"^{name}(_bucket)?(\{{| )", text, re.M), f"{name} is not shown")
        expect(f"# TYPE {name} {series['type']}" in text, f"{name} is no {series['type']}")
        expect(f"# HELP {name} {series['meaning']}" in text, f"the help of {name} differs")
    names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    unknown = names - {series["name"] for series in shown}
    expect(not unknown, f"not in the catalogue: {unknown}")


def report(node):
    return node.connect().send("hotline", "POST", f"/v1/cities/{CITY}/cases", {
        "kind": "problem", "service": "rubbish", "source": "hotline", "place": place(1),
        "description": "on the corner", "external_id": str(time.monotonic_ns())})


def check(node, faults, folder, called, processes):
    node.environment |= faults.environment("always", files="projections/*", error=errno.ENOSPC)
    node.start()
    node.wait_until_ready()
    metrics = re.search(r"metrics http://([\d.:]+)/", node.server_log()).group(1)
    check_first_scrape(node, metrics)
    node.set_up(CITY)
    alertmanager, port = start_alertmanager(folder, called)
    processes.append(alertmanager)
    prometheus, port = start_prometheus(folder, metrics, port)
    processes.append(prometheus)
    ready = "hansa_projections_ready_bool"
    wait_until("Prometheus has scraped the node", lambda: asked(port, ready))
    expect(asked(port, ready)[0]["value"][1] == "1", "the city is not ready")

    faults.choose(1)
    report(node)
    alert = wait_for_call("firing")
    expect(alert["labels"]["ledger"] == f"city/{CITY}" and alert["labels"]["law"] == "3" and
           alert["labels"]["severity"] == "page", alert)
    expect(alert["annotations"]["runbook"].endswith("#" + ALARM.lower()), alert)
    status, answer = report(node)
    expect(status == 503, f"expected 503 while rows cannot be written, got {status} {answer}")

    faults.heal()
    wait_for_call("resolved")
    status, answer = report(node)
    expect(status in (200, 201), f"expected the node to go on by itself, got {status} {answer}")
    node.stop()


def main():
    called = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Called)
    threading.Thread(target=called.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        node = Node(os.environ["HANSA_BINARY"], folder, [CITY])
        processes = []
        try:
            check(node, Faults(node), folder, called.server_address[1], processes)
        except BaseException:
            print(node.server_log()[-4000:], file=sys.stderr)
            raise
        finally:
            node.end()
            for process in processes:
                process.kill()
                process.wait()
    print("a fold that stops calls an operator, and its recovery says so")


if __name__ == "__main__":
    main()
