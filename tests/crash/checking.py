"""The checker that simulated cities are held to, on what clients of real processes were told
(tests/sim/evidence_file.h).

    sent = Attempt(port); sent.answered(status, answer)
    check_history(folder, node.entries(city), [operation(key, [sent.line])], others_until=12)
"""

import base64
import json
import os
import subprocess
import time

from city_process import ACCEPTED, expect

# The command may have been done, or will be.
UNKNOWN_CODES = {"unknown_outcome", "request_timeout"}


def now_us():
    return time.monotonic_ns() // 1000


class Attempt:
    def __init__(self, node):
        self.line = {"node": node, "invoked_us": now_us(), "outcome": "unknown"}

    def answered(self, status, answer):
        code = answer.get("code", "")
        outcome = "unknown" if code in UNKNOWN_CODES or status >= 500 and not code else "refused"
        if status in ACCEPTED:
            outcome = "ok" if answer.get("entry_sha256") else "unchanged"
        self.line |= {"completed_us": now_us(), "outcome": outcome, "code": code,
                      "seq": int(answer.get("seq", 0)),
                      "entry_sha256": answer.get("entry_sha256", "")}


def operation(key, attempts, client=0):
    return {"client": client, "id": key, "attempts": attempts}


def shown(node, digest):
    """What /digest of a node answered."""
    return {"shown": {"node": node, "seq": int(digest["seq"]), "tip_sha256": digest["tip_sha256"],
                      "digest": digest["digest"]}}


def check_acknowledged(folder, ledger, digest, receipts, others_until):
    """Of commands of which the receipts alone are known, by their keys, at one node."""
    lines = [operation(key, [{"node": 0, "outcome": "ok", "seq": int(receipt["seq"]),
                              "entry_sha256": receipt["entry_sha256"]}])
             for key, receipt in receipts.items()]
    check_history(folder, ledger, [shown(0, digest), *lines], others_until)


def check_history(folder, ledger, lines, others_until=0, others=(), secrets=()):
    """`ledger`: records and founding id; `lines`: of operation() and shown(); `others_until`: the
    last entry of those that the tests did not note down; `others`: hashes of a rival's entries."""
    lines = [*lines, {"others": {"until_seq": others_until}},
             *({"others": {"entry_sha256": sha256}} for sha256 in others),
             *({"secret": secret} for secret in secrets)]
    history, records = (os.path.join(folder, name) for name in ("history", "ledger"))
    with open(history, "w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
    with open(records, "w", encoding="ascii") as stream:
        stream.write(ledger[1].hex() + "\n")
        stream.writelines(base64.b64encode(record).decode() + "\n" for record in ledger[0])
    checker = os.path.join(os.path.dirname(os.environ["HANSA_BINARY"]), "tests", "sim",
                           "hansa_check")
    done = subprocess.run([checker, history, records], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"{checker}: {done.stdout[-4000:]}{done.stderr}")
