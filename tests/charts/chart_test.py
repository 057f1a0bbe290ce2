"""Goal: what the chart installs is what a node can live with, and what an operator gets wrong is
said by name. Method: the golden files are of the chart as it is (chart_helm_test has Helm say so);
their configuration, probes and test are tried on a real node; the schema of the values is walked,
and every value misspelt once.

    chart_test.py       HANSA_BINARY, HANSA_SOURCE; with the Python of cmake/verifiers/fetch
"""

import copy
import http.client
import json
import os
import socket
import subprocess
import sys
import time

import jsonschema
import yaml

import chart_files
from chart_files import CHART, GOLDEN, VALUES, find, golden, pods, read, values_file

sys.path.insert(0, os.path.join(chart_files.SOURCE, "tests", "crash"))
from city_process import Node, expect, key_of, test_main  # noqa: E402

CITY = "wuxi"
# Where a value takes names that are not the chart's, and who checks them.
OPEN = {
    "config.access": "hansa", "config.http": "hansa", "config.inboxes[]": "hansa",
    "config.limits": "hansa", "config.memory": "hansa", "config.node": "hansa",
    "config.peers[]": "hansa",
    "config.peers[].properties": "librdkafka", "kafka.properties": "librdkafka",
    "topics.properties": "librdkafka",
    "networkPolicy.from[]": "Kubernetes", "networkPolicy.metricsFrom[]": "Kubernetes",
    "networkPolicy.egress[]": "Kubernetes", "tolerations[]": "Kubernetes",
    "nodeSelector": "words", "podAnnotations": "words", "monitoring.labels": "words",
}
# These stay as they are in the file that changes all others.
UNCHANGED = {"service.scheme", "test.case.source", "kafka.bootstrap", "networkPolicy.enabled",
             "disruption.maxUnavailable", "topics.enabled", "test.case.place"}
# Until nobody sends callers to a node that ends, and for what it does after its last answer.
COMMIT_SECONDS = 5


def laid_over(values, more):
    """As Helm lays one file of values over another."""
    if not isinstance(values, dict) or not isinstance(more, dict):
        return copy.deepcopy(more)
    merged = copy.deepcopy(values)
    for name, value in more.items():
        merged[name] = laid_over(merged.get(name), value)
    return merged


class Values:
    def __init__(self):
        self.schema = json.loads(read(CHART, "values.schema.json"))
        jsonschema.Draft7Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft7Validator(self.schema)
        self.default = yaml.safe_load(read(CHART, "values.yaml"))
        self.files = {name: yaml.safe_load(read(values_file(name))) for name in VALUES}

    def complaints(self, more):
        return [f"{one.json_path}: {one.message}"
                for one in self.validator.iter_errors(laid_over(self.default, more))]

    def resolved(self, schema):
        if "$ref" in schema:
            return self.schema["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def objects(self, schema, path=""):
        """(path, schema) of every object among the values."""
        schema = self.resolved(schema)
        if schema.get("type") == "object":
            yield path, schema
            for name, inner in schema.get("properties", {}).items():
                yield from self.objects(inner, f"{path}.{name}".lstrip("."))
        elif schema.get("type") == "array":
            yield from self.objects(schema["items"], path + "[]")


def check_closed(values):
    """Every level refuses names that it does not know, but those that somebody else checks."""
    opened = {path for path, schema in values.objects(values.schema)
              if schema.get("additionalProperties") is not False and
              schema.get("maxProperties") != 0}
    expect(opened == set(OPEN), f"open levels of the schema: {opened ^ set(OPEN)}")
    for name in VALUES:
        expect(not values.complaints(values.files[name]), values.complaints(values.files[name]))


def misspelt(value, path=""):
    """(path of the name, the value with one letter of that name doubled), for every name."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            for where, wrong in misspelt(one, path + "[]"):
                yield where, value[:number] + [wrong] + value[number + 1:]
    if not isinstance(value, dict) or path in OPEN:
        return
    for name, inner in value.items():
        where = f"{path}.{name}".lstrip(".")
        yield where, {name + name[-1] if old == name else old: one for old, one in value.items()}
        for deeper, wrong in misspelt(inner, where):
            yield deeper, {**value, name: wrong}


def check_misspelt(values):
    tried = 0
    for where, wrong in misspelt(values.files["full"]):
        name = where.rsplit(".", 1)[-1]
        said = " ".join(values.complaints(wrong))
        expect(f"'{name + name[-1]}' was unexpected" in said, f"{where}: {said}")
        tried += 1
    expect(tried > 60, f"{tried} names")
    said = " ".join(values.complaints({}))
    for name in ("$.ledgers:", "$.kafka.bootstrap:", "$.keysSecret:"):
        expect(name in said, f"without values: {said}")
    secret = {"kafka": {"properties": {"sasl.password": "clear"}}}
    for more in (secret, {"topics": secret["kafka"]}, {"image": {"tag": "latest"}},
                 {"config": {"limits": {"stop_ms_max": 60000}}},
                 {"config": {"node": {"id": "same-for-all"}}},
                 {"config": {"peers": [{"properties": {"ssl.key.password": "clear"}}]}},
                 {"test": {"city": CITY}}):
        expect(values.complaints(laid_over(values.files["least"], more)), f"accepted: {more}")
    return tried


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".lstrip("."))
    else:
        yield path, value


def check_full(values):
    """The golden files show what every value does."""
    full = laid_over(values.default, values.files["full"])
    for path, value in leaves(values.default):
        changed = full
        for name in path.split("."):
            changed = changed[name]
        expect(changed != value or path in UNCHANGED, f"values/full.yaml leaves {path} as it is")


def check_pods(manifests):
    for name, pod in pods(manifests):
        expect(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
               and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name)
        expect(pod["automountServiceAccountToken"] is False, name)
        expect(pod["enableServiceLinks"] is False, name)
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        for container in pod.get("initContainers", []) + pod["containers"]:
            where = f"{name}, {container['name']}"
            expect(container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]}}, where)
            expect({"cpu", "memory"} <= container["resources"]["requests"].keys() and
                   "memory" in container["resources"]["limits"], where)
            for mount in container.get("volumeMounts", []):
                expect(mount["name"] in volumes or mount["name"] == "data", f"{where}: {mount}")
            expect(not container["image"].endswith(":latest"), where)
    expect(not any(one["kind"] == "Secret" for one in manifests), "a secret is made")


def check_joints(manifests):
    """What selects pods and ports selects those that are there."""
    nodes = find(manifests, "StatefulSet")["spec"]
    labels = nodes["template"]["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"]
             for port in nodes["template"]["spec"]["containers"][0]["ports"]}
    selectors = [nodes["selector"]["matchLabels"],
                 find(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                 find(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]]
    for name in ("hansa", "hansa-nodes"):
        service = find(manifests, "Service", name)
        selectors.append(service["spec"]["selector"])
        for port in service["spec"]["ports"]:
            expect(port["port"] == ports[port["targetPort"]], port)
    for selector in selectors:
        expect(selector.items() <= labels.items(), selector)
    expect(nodes["serviceName"] == "hansa-nodes", nodes["serviceName"])
    for one in manifests:
        if one["kind"] != "ServiceMonitor":
            continue
        wanted = one["spec"]["selector"]["matchLabels"].items()
        scraped = [service["metadata"]["name"] for service in manifests
                   if service["kind"] == "Service" and
                   wanted <= service["metadata"]["labels"].items()]
        expect(scraped == ["hansa-nodes"], scraped)
    job = dict(pods(manifests))["Job hansa-topics"]["containers"][0]
    expect(job["args"][:2] == ["topics", "create"], job["args"])


def understood(node, text, **environment):
    file = os.path.join(node.folder, "golden.yaml")
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    return subprocess.run([node.hansa, "serve", "--config", file, "--check"], text=True,
                          capture_output=True, env=node.environment | environment, check=False)


def check_configuration(node, manifests):
    """hansa takes what stands in the ConfigMaps, and names what it does not know."""
    texts = [find(manifests, "ConfigMap", name)["data"]["hansa.yaml"]
             for name in ("hansa", "hansa-topics")]
    variables = find(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["env"]
    for text in texts:
        done = understood(node, text, **{one["name"]: one["value"] for one in variables
                                         if "value" in one})
        expect(done.returncode == 0 and "ok" in done.stdout, done)
    both = [yaml.safe_load(text) for text in texts]
    for one in both:
        one["log"]["kafka"].pop("properties", None)
    expect(both[0] == both[1], "topics are made for another configuration")
    wrong = texts[0].replace("keeper_threads", "keeper_treads").replace("data_dir", "data_dirr")
    done = understood(node, wrong)
    expect(done.returncode == 2 and "did you mean" in done.stderr, done)
    # Why no pod has the variables of the services beside it.
    done = understood(node, texts[0], HANSA_SERVICE_HOST="10.0.0.1")
    expect(done.returncode == 2 and "HANSA_SERVICE_HOST" in done.stderr, done)


def check_probes(node, manifests):
    container = find(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        expect(asked["port"] == "http" and asked["scheme"] == "HTTP", asked)
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
        connection.request("GET", asked["path"])
        expect(connection.getresponse().status == 200, f"{probe}: {asked['path']}")
        connection.close()


def check_write_and_read(node):
    """The script of `helm test`, as it stands in the pod."""
    pod = find(golden("full"), "Pod", "hansa-write-and-read")["spec"]["containers"][0]
    variables = {one["name"]: one.get("value") for one in pod["env"]}
    expect(variables["HANSA_SERVER"] == "http://hansa:8090", variables)
    variables |= {"HANSA_SERVER": f"http://127.0.0.1:{node.port}", "HANSA_KEY": key_of("hotline"),
                  "PATH": os.path.dirname(node.hansa) + ":" + os.environ["PATH"]}

    def run(**more):
        return subprocess.run(pod["command"] + pod["args"], env=variables | more, text=True,
                              capture_output=True, timeout=60, check=False)
    done = run()
    expect(done.returncode == 0 and f"stands in the ledger of {CITY}" in done.stdout, done)
    for wrong in ({"HANSA_KEY": "wrong"}, {"CITY": "nowhere"}, {"CASE": "{}"}):
        done = run(**wrong)
        expect(done.returncode != 0 and done.stderr, (wrong, done))


def check_drain(node):
    """SIGTERM ends a node in time, whatever its callers do."""
    pod = find(golden("least"), "StatefulSet")["spec"]["template"]["spec"]
    wait = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = pod["terminationGracePeriodSeconds"]
    expect(grace <= 30, grace)
    stop_ms_max = json.loads(read(CHART, "values.schema.json"))["properties"]["config"][
        "properties"]["limits"]["properties"]["stop_ms_max"]["maximum"]
    expect(wait + stop_ms_max / 1000 + COMMIT_SECONDS <= grace, (wait, stop_ms_max, grace))
    with socket.create_connection(("127.0.0.1", node.port)) as dripping:
        dripping.sendall(b"POST /v1/cities/wuxi/cases HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n")
        started = time.monotonic()
        node.stop()
        expect(time.monotonic() - started < grace - wait, time.monotonic() - started)


def run(hansa, folder):
    expect(read(GOLDEN, "digest").strip() == chart_files.digest(),
           "the chart has changed: run tests/charts/render.py and read what changes in golden/")
    expect(read(GOLDEN, "acls.txt") == chart_files.access_lists(),
           "other rights are needed: run tests/charts/render.py")
    values = Values()
    check_closed(values)
    names = check_misspelt(values)
    check_full(values)
    node = Node(hansa, folder, [CITY])
    for name in VALUES:
        check_pods(golden(name))
        check_joints(golden(name))
        check_configuration(node, golden(name))
    try:
        node.start()
        node.wait_until_ready()
        node.set_up(CITY)
        check_probes(node, golden("full"))
        check_write_and_read(node)
        check_drain(node)
    finally:
        node.end()
    print(f"{names} misspelt names refused, {len(OPEN)} levels left to others")


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[1:]))
