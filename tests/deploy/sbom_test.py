"""Goal: whoever has to know what is in the executable can read it. Method: the document follows the
schema of CycloneDX, as its own library ships it; each library that the loader takes stands in it
once; each row names version, source and licence.

    sbom_test.py        HANSA_BINARY, HANSA_SOURCE; with the Python of cmake/verifiers/fetch
"""

import importlib.resources
import json
import os
import subprocess
import sys

import jsonschema
import referencing

SOURCE, BINARY = os.environ["HANSA_SOURCE"], os.environ["HANSA_BINARY"]
SBOM = os.path.join(SOURCE, "cmake", "sbom")
SCHEMAS = {"bom-1.6": None, "spdx": "http://cyclonedx.org/schema/spdx.SNAPSHOT.schema.json",
           "jsf-0.82": "http://cyclonedx.org/schema/jsf-0.82.SNAPSHOT.schema.json"}


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def schema(name):
    folder = importlib.resources.files("cyclonedx.schema._res")
    return json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))


def validator():
    parts = [(uri, referencing.Resource.from_contents(schema(name)))
             for name, uri in SCHEMAS.items() if uri]
    return jsonschema.Draft7Validator(schema("bom-1.6"),
                                      registry=referencing.Registry().with_resources(parts))


def printed(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    text = printed(sys.executable, SBOM, BINARY)
    expect(printed(sys.executable, SBOM, BINARY) == text, "the same files, another document")
    bom = json.loads(text)
    check = validator()
    check.validate(bom)
    expect(list(check.iter_errors(bom | {"specVersion": 1.6, "unknown": 1})), "anything is valid")
    rows = bom["components"]
    places = [one["location"] for row in rows for one in row.get("evidence", {}).get(
        "occurrences", [])]
    loaded = [word for line in printed("ldd", BINARY).splitlines() for word in line.split()
              if word.startswith("/")]
    expect(loaded and sorted(places) == sorted(set(loaded)), set(places) ^ set(loaded))
    for row in rows:
        values = {one["name"]: one["value"] for one in row["properties"]}
        expect(row["version"] and row["licenses"][0]["license"]["name"] and
               values["debian:source"], row)
    names = {row["name"] for row in rows}
    expect({"librocksdb7.8", "librdkafka1", "libcli11-dev"} <= names, sorted(names))
    runs = set(printed(sys.executable, SBOM, "--packages", BINARY).split())
    expect(runs == {row["name"] for row in rows if "evidence" in row}, runs)
    known = [row["licenses"][0]["license"]["name"] for row in rows]
    unread = [row["name"] for row in rows
              if row["licenses"][0]["license"]["name"].startswith("see ")]
    print(f"{len(rows)} packages, {len(loaded)} libraries, licences {sorted(set(known))[:9]}…; "
          f"in words of their own: {unread}")


if __name__ == "__main__":
    sys.exit(main())
