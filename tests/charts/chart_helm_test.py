"""Goal: the golden files are what Helm makes of the chart and what Kubernetes takes; a misspelt
value is refused by Helm, by its name. Method: the real Helm, and Kubernetes' schemas, in which
nothing unknown may stand.

    chart_helm_test.py      HANSA_SOURCE; cmake/helm/fetch brought Helm and the schemas
"""

import os
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

from chart_files import (CHART, GOLDEN, KUBERNETES, SOURCE, VALUES, documents, find, helm, pods,
                         read, rendered, shipped_groups, values_file)
from render import without_rules

PROMTOOL = os.path.join(SOURCE, "build", "prometheus", "usr", "bin", "promtool")
# Defined by the Prometheus operator, not by Kubernetes.
OTHERS = ("PrometheusRule", "ServiceMonitor")
MISSPELT = {"replicaz=2": "replicaz", "kafka.bootstap=a:1": "bootstap",
            "ledgers[0].feed=x": "feed", "test.case.servise=x": "servise",
            "config.limit.connections_max=3": "limit"}


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def check_rules(manifests):
    rule = find(manifests, "PrometheusRule")["spec"]
    expect(rule["groups"] == shipped_groups("https://runbooks.example/hansa/"), "other rules")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(rule, file)
        file.flush()
        subprocess.run([PROMTOOL, "check", "rules", file.name], check=True, capture_output=True)


def check_refused():
    for wrong, name in MISSPELT.items():
        done = helm("template", "hansa", CHART, "--kube-version", KUBERNETES, "-f",
                    values_file("full"), "--set", wrong)
        expect(done.returncode != 0 and f"'{name}' not allowed" in done.stderr, (wrong, done))
    done = helm("template", "hansa", CHART, "--kube-version", KUBERNETES)
    for name in ("/ledgers", "/kafka/bootstrap", "/keysSecret"):
        expect(done.returncode != 0 and name in done.stderr, done)


def check_tls():
    """Nothing goes in clear then, and probes speak it; what cannot be is refused in a sentence."""
    tls = ("--set", "config.http.tls.certificate=/etc/hansa/secrets/api/tls.crt,"
           "config.http.tls.key=/etc/hansa/secrets/api/tls.key")
    manifests = documents(rendered("least", *tls, "--set", "service.scheme=HTTPS"))
    expect("allow_plain" not in find(manifests, "ConfigMap")["data"]["hansa.yaml"], "in clear")
    node = find(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    expect(node["readinessProbe"]["httpGet"]["scheme"] == "HTTPS", node["readinessProbe"])
    for wrong in (tls, ("--set", "service.scheme=HTTPS"),
                  (*tls, "--set", "service.scheme=HTTPS,config.http.tls.caller_authorities=/x")):
        done = helm("template", "hansa", CHART, "--kube-version", KUBERNETES, "-f",
                    values_file("least"), *wrong)
        expect(done.returncode != 0 and "expected HTTPS with" in done.stderr or
               "have no certificate" in done.stderr, (wrong, done))


def check_long_name():
    """Of the longest name of a release; a set's name is in a label with eleven letters more."""
    done = helm("template", "r" * 53, CHART, "--kube-version", KUBERNETES, "-f",
                values_file("full"))
    for one in documents(done.stdout):
        longest = 52 if one["kind"] == "StatefulSet" else 63
        expect(len(one["metadata"]["name"]) <= longest, one["metadata"]["name"])


def check_notes():
    """Helm shows them at an install alone: here they are made a template like any other."""
    with tempfile.TemporaryDirectory() as folder:
        chart = shutil.copytree(CHART, os.path.join(folder, "hansa"))
        os.rename(os.path.join(chart, "templates", "NOTES.txt"), os.path.join(chart, "notes"))
        with open(os.path.join(chart, "templates", "notes.yaml"), "w", encoding="utf-8") as file:
            file.write('kind: {{ tpl (.Files.Get "notes") . | quote }}\n')
        done = helm("template", "hansa", chart, "--kube-version", KUBERNETES, "-n", "cities",
                    "-f", values_file("full"), "--show-only", "templates/notes.yaml")
    expect(done.returncode == 0, done)
    notes = documents(done.stdout)[0]["kind"]
    for words in ("2 nodes host 3 ledgers as hansa", "hansa topics acls",
                  "port-forward service/hansa 8080:8090", "helm -n cities test hansa"):
        expect(words in notes, notes)


def main():
    for name in VALUES:
        done = helm("lint", "--strict", CHART, "-f", values_file(name), "--kube-version",
                    KUBERNETES)
        expect(done.returncode == 0, done.stdout + done.stderr)
        text = rendered(name)
        expect(without_rules(text) == read(GOLDEN, name + ".yaml"),
               f"golden/{name}.yaml is not what Helm makes: run tests/charts/render.py")
        manifests = documents(text)
        for one in manifests:
            if one["kind"] not in OTHERS:
                kubernetes_validate.validate(one, KUBERNETES, strict=True)
        expect(len(list(pods(manifests))) >= 2, "no pods")
    check_rules(manifests)
    wrong = find(manifests, "StatefulSet")
    wrong["spec"]["replica"] = 3
    try:
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError:
        pass
    else:
        raise AssertionError("the schemas take what they do not know")
    check_refused()
    check_tls()
    check_long_name()
    check_notes()
    print(f"{len(VALUES)} files of values, {len(MISSPELT)} misspelt names refused by Helm")


if __name__ == "__main__":
    sys.exit(main())
