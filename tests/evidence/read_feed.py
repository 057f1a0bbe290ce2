"""Reads a feed by the CloudEvents project's own library: takes records as `kcat -C -J` prints them,
one a line, and prints each event in CloudEvents' JSON form, one a line. Exits 1 with one line when
a record is no CloudEvent in binary mode. For the Python of build/verifiers/venv."""

import json
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

# The library makes up an id and a version where there is none.
REQUIRED = ("ce_id", "ce_source", "ce_specversion", "ce_type")


def read(record):
    names = record["headers"]
    if len(set(names[0::2])) * 2 != len(names):
        raise ValueError("a header is given twice")
    headers = {name: value.encode() for name, value in zip(names[0::2], names[1::2])}
    for name in REQUIRED:
        if name not in headers:
            raise ValueError(f"no header {name}")
    key = record["key"]
    message = KafkaMessage(headers, None if key is None else key.encode(),
                           record["payload"].encode())
    event = from_binary(message, JSONFormat())
    # What is no JSON the library gives as text.
    if not isinstance(event.get_data(), dict):
        raise ValueError("expected a JSON object")
    return event


def main():
    for number, line in enumerate(sys.stdin, 1):
        try:
            event = read(json.loads(line))
        # Each part of the library has errors of its own.
        except Exception as error:
            print(f"record {number}: {error}".replace("\n", " "), file=sys.stderr)
            return 1
        print(JSONFormat().write(event).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
