"""The chart as it is, and what Helm made of it with two files of values (tests/charts/golden)."""

import hashlib
import json
import os
import subprocess
import tempfile

import yaml

SOURCE = os.environ["HANSA_SOURCE"]
CHART = os.path.join(SOURCE, "charts", "hansa")
RULES = os.path.join(CHART, "rules")
HERE = os.path.join(SOURCE, "tests", "charts")
GOLDEN = os.path.join(HERE, "golden")
HELM = os.path.join(SOURCE, "build", "helm", "bin", "helm")
VALUES = ("least", "full")
# What the chart is rendered for: the compiled Helm knows of no cluster.
KUBERNETES = "1.34.0"
SECONDS_MAX = 120


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def values_file(name):
    return os.path.join(HERE, "values", name + ".yaml")


def digest():
    """Of all that the golden files depend on but the rules, which stand there by name alone."""
    files = [values_file(name) for name in VALUES]
    for folder, _, names in os.walk(CHART):
        files += [os.path.join(folder, name) for name in names
                  if folder != RULES and not name.endswith(".md")]
    hashed = hashlib.sha256()
    for path in sorted(files):
        content = read(path)
        hashed.update(f"{os.path.relpath(path, SOURCE)} {len(content)}\n{content}".encode())
    return hashed.hexdigest()


def helm(*words):
    return subprocess.run([HELM, *words], capture_output=True, text=True, timeout=SECONDS_MAX,
                          check=False)


def rendered(name, *more):
    """What Helm makes of the chart with a file of values."""
    done = helm("template", "hansa", CHART, "-n", "cities", "--kube-version", KUBERNETES,
                "-f", values_file(name), *more)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def golden(name):
    return documents(read(GOLDEN, name + ".yaml"))


def find(manifests, kind, name="hansa"):
    """The one manifest of that kind and name."""
    found = [one for one in manifests
             if one["kind"] == kind and one["metadata"]["name"] == name]
    if len(found) != 1:
        raise AssertionError(f"expected one {kind} {name}, got {len(found)}")
    return found[0]


def pods(manifests):
    """(name, specification) of everything that runs containers."""
    for one in manifests:
        name = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield name, one["spec"]
        elif "template" in one.get("spec", {}):
            yield name, one["spec"]["template"]["spec"]


def access_lists():
    """The rights at the brokers of what the full values install, by the golden configuration."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(find(golden("full"), "ConfigMap")["data"]["hansa.yaml"])
        file.flush()
        return subprocess.run(
            [os.environ["HANSA_BINARY"], "topics", "acls", "--config", file.name, "--share",
             "delta/suzhou", "--principal", "User:hansa", "--creator", "User:hansa-topics"],
            check=True, capture_output=True, text=True, timeout=SECONDS_MAX).stdout


def shipped_groups(base):
    """The groups of rules as a PrometheusRule should have them."""
    groups = []
    for name in ("recording", "alerts"):
        groups += yaml.safe_load(read(RULES, name + ".yaml"))["groups"]
    return json.loads(json.dumps(groups).replace('"docs/', f'"{base}docs/'))
