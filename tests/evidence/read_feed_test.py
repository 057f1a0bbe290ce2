"""Goal: the reader of a feed takes what is a CloudEvent and refuses every record that is none, so
that it means something when it takes the records of Hansa.

Method: one good record, and the same with one thing wrong.
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from verifiers import read_feed  # noqa: E402

HEADERS = {"ce_specversion": "1.0", "ce_id": "share/delta/wuxi/7/0", "ce_type": "hansa.v1.CaseX",
           "ce_source": "urn:hansa:share/delta/wuxi", "ce_time": "2026-03-01T08:00:00.000001Z",
           "ce_subject": "wuxi-1", "ce_sequence": "1", "content-type": "application/json"}


def record(changes=(), **rest):
    headers = {**HEADERS, **dict(changes)}
    pairs = [word for name, value in headers.items() if value is not None
             for word in (name, value)]
    return json.dumps({"headers": pairs, "key": "wuxi-1", "payload": '{"case":"wuxi-1"}', **rest})


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def main():
    event, = read_feed(record() + "\n")
    expect(event == {"specversion": "1.0", "id": "share/delta/wuxi/7/0", "type": "hansa.v1.CaseX",
                     "source": "urn:hansa:share/delta/wuxi", "time": "2026-03-01T08:00:00.000001Z",
                     "subject": "wuxi-1", "sequence": "1", "partitionkey": "wuxi-1",
                     "datacontenttype": "application/json", "data": {"case": "wuxi-1"}}, event)
    for wrong in (record({"ce_id": None}), record({"ce_id": ""}), record({"ce_type": None}),
                  record({"ce_source": ""}), record({"ce_specversion": None}),
                  record({"ce_specversion": "2.0"}), record({"ce_time": "yesterday"}),
                  record({"ce_time": "2026-03-01T08:00:00"}), record({"ce_subject": ""}),
                  record({"ce_data_class": "public"}), record({"content-type": ""}),
                  record(payload='{"case":'), record(headers=["ce_id", "1"] * 2)):
        try:
            events = read_feed(record() + "\n" + wrong + "\n")
        except subprocess.CalledProcessError as error:
            expect(error.returncode == 1 and error.stderr.startswith("record 2: ")
                   and error.stderr.count("\n") == 1, (wrong, error.stderr))
        else:
            raise AssertionError(f"taken: {events}")
    print("the reader takes what is a CloudEvent and nothing else")


if __name__ == "__main__":
    main()
