#!/usr/bin/env python3
"""Goal: every alarm fires when it must, stays quiet when all is well, is about series that exist,
and leads to a section that says what to do.

Method: promtool plays two histories for each alarm, one at which it must fire with these words and
one at which none may. Names and labels are held against `hansa metrics-catalogue`, links against
the runbook.

    alarms_test.py      HANSA_BINARY and HANSA_SOURCE; cmake/prometheus/fetch brought promtool
"""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HANSA = os.environ["HANSA_BINARY"]
SOURCE = os.environ["HANSA_SOURCE"]
PROMTOOL = os.path.join(SOURCE, "build", "prometheus", "usr", "bin", "promtool")
RULES = os.path.join(SOURCE, "charts", "hansa", "rules")
RUNBOOK_PARTS = ("Meaning", "Impact", "Diagnosis", "Mitigation")
SECONDS_MAX = 120

NODE = 'instance="node-1"'
CITY = NODE + ',ledger="city/wuxi"'
LINK = NODE + ',link="city/wuxi > share/delta/wuxi",kind="{}"'
READS = 'hansa_ops_http_request_seconds_{}{{instance="node-1",kind="read"{}}}'
COMMANDS = 'hansa_projections_commands_total{{instance="node-1",method="ReportCase",outcome="{}"}}'
APPENDS = 'hansa_projections_append_seconds_bucket{{instance="node-1",le="{}"}}'

CITY_LABELS = {"instance": "node-1", "ledger": "city/wuxi"}
NODE_LABELS = {"instance": "node-1"}


def of_link(kind):
    return {"instance": "node-1", "link": "city/wuxi > share/delta/wuxi", "kind": kind}


def waiting(reason, value):
    return {f'hansa_projections_waiting_bool{{{CITY},reason="{reason}"}}': value}


def of_city(name, value):
    return {f"{name}{{{CITY}}}": value}


def of_node(name, value):
    return {f"{name}{{{NODE}}}": value}


def link(name, kind, value):
    return {f"hansa_federation_link_{name}{{{LINK.format(kind)}}}": value}


def commands(unavailable, ok="0+100x200"):
    return {COMMANDS.format("unavailable"): unavailable, COMMANDS.format("ok"): ok}


def reads(quick):
    return {READS.format("count", ""): "0+100x200",
            READS.format("bucket", ',le="0.25"'): quick}


def two_nodes(first, second):
    return {'hansa_projections_leads_bool{instance="node-1",ledger="city/wuxi"}': first,
            'hansa_projections_leads_bool{instance="node-2",ledger="city/wuxi"}': second}


# Minutes from one value of a history to the next; 1 of all others.
STEP = {"HansaDeadlinesBreached": 60, "HansaDiskFilling": 10, "HansaCommandsFailing": 2,
        "HansaCommandsFailingSlowly": 5, "HansaReadsSlow": 2, "HansaLinksStale": 4}
# Name, a history at which it fires, one at which it does not, after how many minutes, labels and
# words.
CASES = [
    ("HansaNodeDown", {'up{instance="node-1",job="hansa"}': "1x5 0x10"},
     {'up{instance="node-1",job="hansa"}': "1x5 0 1x9"}, 10,
     {"instance": "node-1", "job": "hansa"}, "node-1 does not answer Prometheus"),
    ("HansaLedgerNotReady", of_city("hansa_projections_ready_bool", "0x20"),
     of_city("hansa_projections_ready_bool", "0x4 1x16"), 10, CITY_LABELS,
     "city/wuxi takes no commands on node-1"),
    ("HansaLedgerStopped", waiting("stopped", "0x5 1x5"), waiting("stopped", "0x10"), 8,
     {**CITY_LABELS, "reason": "stopped"},
     "city/wuxi has stopped at an impossible state on node-1"),
    ("HansaSecondHistory", of_city("hansa_projections_second_history_bool", "0x5 1x5"),
     of_city("hansa_projections_second_history_bool", "0x10"), 8, CITY_LABELS,
     "city/wuxi shows two histories"),
    ("HansaSecondHistory", link("second_history_bool", "input", "0x5 1x5"),
     link("second_history_bool", "input", "0x10"), 8, of_link("input"),
     "city/wuxi > share/delta/wuxi shows two histories"),
    ("HansaUpgradeNeeded", waiting("upgrade", "1x10"), waiting("upgrade", "1 0x9"), 8,
     {**CITY_LABELS, "reason": "upgrade"},
     "node-1 is too old for the schema level of city/wuxi"),
    ("HansaLogUnreachable", waiting("log", "1x10"), waiting("log", "1 0x9"), 8,
     {**CITY_LABELS, "reason": "log"}, "node-1 cannot reach the log of city/wuxi"),
    ("HansaNoLeader", two_nodes("1x5 0x10", "0x15"), two_nodes("1x5 0x10", "0x5 1x10"), 10,
     {"ledger": "city/wuxi"}, "No node decides for city/wuxi"),
    ("HansaTwoLeaders", two_nodes("1x15", "1x15"), two_nodes("1x15", "1 0x14"), 10,
     {"ledger": "city/wuxi"}, "2 nodes decide for city/wuxi"),
    ("HansaLeaderFlapping", two_nodes("1 0 1 0 1 0 1 0x10", "0x20"),
     two_nodes("1 0 1x18", "0 1 0x18"), 10, {"ledger": "city/wuxi"},
     "Who decides for city/wuxi changed 7 times in 15 minutes"),
    ("HansaVoidsRising", of_city("hansa_streams_voids_total", "0+10x30"),
     of_city("hansa_streams_voids_total", "0+1x30"), 25, CITY_LABELS,
     "150 records that are no entries came to city/wuxi"),
    ("HansaAppendSlow", {APPENDS.format("0.5"): "0x20", APPENDS.format("2.5"): "0+100x20",
                         APPENDS.format("+Inf"): "0+100x20"},
     {APPENDS.format("0.5"): "0+100x20", APPENDS.format("2.5"): "0+100x20",
      APPENDS.format("+Inf"): "0+100x20"}, 15, NODE_LABELS,
     "One append of a hundred takes 2.48s on node-1"),
    ("HansaUnknownOutcomes", {COMMANDS.format("unknown"): "0+2x15"},
     {COMMANDS.format("unknown"): "0x5 2x10"}, 12, NODE_LABELS,
     "20 callers of node-1 do not know what became of their commands"),
    ("HansaKeyringFailing", of_city("hansa_projections_keyring_failing_bool", "1x10"),
     of_city("hansa_projections_keyring_failing_bool", "1 0x9"), 8, CITY_LABELS,
     "city/wuxi refuses personal data: keys of persons cannot be kept"),
    ("HansaDeadlinesBreached",
     of_city("hansa_projections_breached_deadlines_total", "0+0.6x167 106+6x24"),
     of_city("hansa_projections_breached_deadlines_total", "0+6x192"), 11400, CITY_LABELS,
     "city/wuxi missed 138.4 deadlines in a day, more than twice as many as a week ago"),
    ("HansaFoldStopped", waiting("rows", "0x5 1x10"), waiting("rows", "0x5 1 0x9"), 10,
     {**CITY_LABELS, "reason": "rows"}, "node-1 cannot write the rows of city/wuxi"),
    ("HansaFoldBehind", of_city("hansa_projections_oldest_unprocessed_age_seconds", "0+30x10"),
     of_city("hansa_projections_oldest_unprocessed_age_seconds", "20x10"), 8, CITY_LABELS,
     "What node-1 shows of city/wuxi is 4m 0s old"),
    ("HansaDigestDiffers", of_city("hansa_projections_rebuild_digest_differed_bool", "1x5"),
     of_city("hansa_projections_rebuild_digest_differed_bool", "0x5"), 3, CITY_LABELS,
     "A rebuild found other rows of city/wuxi on node-1"),
    ("HansaRebuildFailed",
     {'hansa_projections_rebuilds_total{instance="node-1",outcome="failed"}': "0x5 1x30"},
     {'hansa_projections_rebuilds_total{instance="node-1",outcome="failed"}': "1x35"}, 20,
     {**NODE_LABELS, "outcome": "failed"}, "A rebuild failed on node-1"),
    ("HansaRocksdbStalled", of_city("hansa_projections_rocksdb_write_stopped_bool", "1x10"),
     of_city("hansa_projections_rocksdb_write_stopped_bool", "1 0x9"), 8, CITY_LABELS,
     "RocksDB takes no writes of city/wuxi on node-1"),
    ("HansaRocksdbStalled", of_city("hansa_projections_rocksdb_background_errors", "1x10"),
     of_city("hansa_projections_rocksdb_background_errors", "0x10"), 8, CITY_LABELS,
     "RocksDB takes no writes of city/wuxi on node-1"),
    ("HansaRelayBehind", link("behind_seconds", "relay", "0+30x10"),
     link("behind_seconds", "relay", "50x10"), 8, of_link("relay"),
     "city/wuxi > share/delta/wuxi is 4m 0s behind"),
    ("HansaInputBehind", link("behind_seconds", "input", "0+30x10"),
     link("behind_seconds", "relay", "0x10"), 8, of_link("input"),
     "city/wuxi > share/delta/wuxi is 4m 0s behind"),
    ("HansaLinkWaiting", link("waiting_bool", "input", "1x20"),
     {**link("waiting_bool", "input", "1x20"), **link("quarantined_bool", "input", "1x20")}, 15,
     of_link("input"), "city/wuxi > share/delta/wuxi cannot go on"),
    ("HansaNotCosigned", link("waiting_bool", "confirmation", "1x20"),
     link("waiting_bool", "confirmation", "1x3 0x17"), 10, of_link("confirmation"),
     "city/wuxi > share/delta/wuxi do not cosign: nobody vouches for what is new"),
    ("HansaMemberSilent", link("silent_bool", "input", "1x5"), link("silent_bool", "input", "0x5"),
     3, of_link("input"),
     "Nothing signed came over city/wuxi > share/delta/wuxi for three heartbeats"),
    ("HansaInputQuarantined", link("quarantined_bool", "input", "1x5"),
     link("quarantined_bool", "input", "0x5"), 3, of_link("input"),
     "city/wuxi > share/delta/wuxi stands still: what it reads can never be right"),
    ("HansaInboxWaiting", of_city("hansa_ops_inboxes_waiting", "2x10"),
     of_city("hansa_ops_inboxes_waiting", "2 0x9"), 8, CITY_LABELS,
     "2 inboxes of city/wuxi cannot go on"),
    ("HansaDeadLetters", of_city("hansa_ops_dead_letters", "3x80"),
     of_city("hansa_ops_dead_letters", "3x50 0x30"), 70, CITY_LABELS,
     "3 records of other systems were not taken by city/wuxi"),
    ("HansaOutletWaiting", of_city("hansa_ops_outlet_waiting_bool", "1x10"),
     of_city("hansa_ops_outlet_waiting_bool", "1x3 0x7"), 8, CITY_LABELS,
     "Events of city/wuxi are not given out"),
    ("HansaOutletWaiting", of_city("hansa_ops_feed_waiting_bool", "1x10"),
     of_city("hansa_ops_feed_waiting_bool", "0x10"), 8, CITY_LABELS,
     "Events of city/wuxi are not given out"),
    ("HansaConnectionsRefused", of_node("hansa_ops_http_refused_connections_total", "0+5x15"),
     of_node("hansa_ops_http_refused_connections_total", "5x15"), 10, NODE_LABELS,
     "node-1 turns callers away: it has no connection left"),
    ("HansaCertificateExpiring",
     {**of_node("hansa_ops_tls_certificate_end_seconds", "864000x30"),
      **of_node("hansa_ops_clock_time_seconds", "0x30")},
     {**of_node("hansa_ops_tls_certificate_end_seconds", "0x30"),
      **of_node("hansa_ops_clock_time_seconds", "0x30")}, 20, NODE_LABELS,
     "The certificate of node-1 expires in 10d 0h 0m 0s"),
    ("HansaCertificateUnread", of_node("hansa_ops_tls_stale_bool", "1x10"),
     of_node("hansa_ops_tls_stale_bool", "0x10"), 8, NODE_LABELS,
     "node-1 cannot use its new certificate and still shows the old one"),
    ("HansaTokenKeysUnread",
     {f'hansa_ops_token_keys_stale_bool{{{NODE},issuer="https://id.example"}}': "1x30"},
     {f'hansa_ops_token_keys_stale_bool{{{NODE},issuer="https://id.example"}}': "0x30"}, 20,
     {**NODE_LABELS, "issuer": "https://id.example"},
     "node-1 cannot read the keys of https://id.example"),
    ("HansaAuditFailing", of_node("hansa_ops_audit_failing_bool", "1x10"),
     of_node("hansa_ops_audit_failing_bool", "0x10"), 8, NODE_LABELS,
     "node-1 takes no commands: its audit trail cannot be written"),
    ("HansaDiskFull", {**of_node("hansa_ops_disk_free_bytes", "4x10"),
                       **of_node("hansa_ops_disk_size_bytes", "100x10")},
     {**of_node("hansa_ops_disk_free_bytes", "6x10"),
      **of_node("hansa_ops_disk_size_bytes", "100x10")}, 8, NODE_LABELS,
     "The disk of node-1 has 4% left"),
    ("HansaDiskFilling", of_node("hansa_ops_disk_free_bytes", "5000-10x80"),
     of_node("hansa_ops_disk_free_bytes", "50000-10x80"), 600, NODE_LABELS,
     "The disk of node-1 is full in less than four days"),
    ("HansaClockOff", of_node("hansa_ops_clock_time_seconds", "30+60x10"),
     of_node("hansa_ops_clock_time_seconds", "0+60x10"), 8, NODE_LABELS,
     "The clock of node-1 is not that of others"),
    ("HansaClockOff", of_node("hansa_ops_clock_ahead_seconds", "-3x10"),
     of_node("hansa_ops_clock_ahead_seconds", "0.5x10"), 8, NODE_LABELS,
     "The clock of node-1 is not that of others"),
    ("HansaClockOff", waiting("clock", "1x10"), waiting("clock", "0x10"), 8,
     {**CITY_LABELS, "reason": "clock"}, "The clock of node-1 is not that of others"),
    ("HansaCommandsFailing", commands("0+5x200"), commands("0x100 5x190"), 180, {},
     "4.762% of commands fail: a month's allowance is gone in two days"),
    ("HansaCommandsFailingSlowly", commands("0+1x200"), commands("0+0.1x200"), 420, {},
     "0.9901% of commands fail: a month's allowance is gone in five days"),
    ("HansaReadsSlow", reads("0+80x200"), reads("0+99x200"), 180, {},
     "20% of reads take longer than a quarter of a second"),
    ("HansaLinksStale", link("behind_seconds", "relay", "15x200"),
     link("behind_seconds", "relay", "0x199 15"), 500, of_link("relay"),
     "city/wuxi > share/delta/wuxi was more than 10 s behind for 100% of the time"),
]


@functools.cache
def alarms():
    """name -> {severity, law, runbook, summary} as the rules say."""
    with open(os.path.join(RULES, "alerts.yaml"), encoding="utf-8") as file:
        blocks = file.read().split("- alert: ")[1:]
    found = {}
    for block in blocks:
        severity, law = re.search(r'labels: \{severity: (\w+), law: "(\d)"\}', block).groups()
        found[block.split()[0]] = {
            "severity": severity, "law": law,
            "runbook": re.search(r"runbook: (\S+)", block).group(1)}
    return found


def rules_text():
    text = ""
    for name in ("alerts.yaml", "recording.yaml"):
        with open(os.path.join(RULES, name), encoding="utf-8") as file:
            text += "".join(line for line in file if not line.startswith("#"))
    return text


def series_list(history):
    return [{"series": series, "values": values} for series, values in history.items()]


def play(case):
    """The two histories as promtool's tests."""
    name, fires, calm, minutes, labels, words = case
    alarm = alarms()[name]
    expected = {"exp_labels": {"severity": alarm["severity"], "law": alarm["law"], **labels},
                "exp_annotations": {"runbook": alarm["runbook"], "summary": words}}
    return [{"name": f"{name} {what}", "interval": f"{STEP.get(name, 1)}m",
             "input_series": series_list(history),
             "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": name,
                                  "exp_alerts": [expected] if what == "fires" else []}]}
            for what, history in (("fires", fires), ("stays quiet", calm))]


def promtool(*words):
    return subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False,
                          timeout=SECONDS_MAX)


class Alarms(unittest.TestCase):
    maxDiff = None

    def test_rules_are_well_formed(self):
        done = promtool("check", "rules", os.path.join(RULES, "alerts.yaml"),
                        os.path.join(RULES, "recording.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_has_histories_at_which_it_fires_and_does_not(self):
        self.assertEqual(sorted({case[0] for case in CASES}), sorted(alarms()))

    def test_each_fires_when_it_must_and_only_then(self):
        for step in sorted({1, *STEP.values()}):
            tests = {"rule_files": [os.path.join(RULES, name)
                                    for name in ("alerts.yaml", "recording.yaml")],
                     "evaluation_interval": f"{step}m",
                     "tests": [one for case in CASES if STEP.get(case[0], 1) == step
                               for one in play(case)]}
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(tests, file)
                file.flush()
                done = promtool("test", "rules", file.name)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_is_about_series_that_a_node_shows(self):
        shown = json.loads(subprocess.run([HANSA, "metrics-catalogue", "--json"], text=True,
                                          capture_output=True, check=True).stdout)
        known = {series["name"]: series["labels"] for series in shown}
        for name, labels in re.findall(r"(?<![:\w])(hansa_\w+)(?:\{([^}]*)\})?", rules_text()):
            name = re.sub(r"_(bucket|count|sum)$", "", name)
            self.assertIn(name, known)
            for label, values in re.findall(r'(\w+)[=!]~?"([^"]*)"', labels):
                if label == "le":
                    continue
                self.assertIn(label, known[name], name)
                for value in values.split("|"):
                    self.assertIn(value, known[name][label].split(", "), f"{name} {label}")

    def test_each_leads_to_what_to_do(self):
        for name, alarm in alarms().items():
            page, anchor = alarm["runbook"].split("#")
            with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
                sections = file.read().split("\n## ")[1:]
            found = [text for text in sections if text.split("\n")[0].lower() == anchor]
            self.assertEqual(len(found), 1, alarm["runbook"])
            for part in RUNBOOK_PARTS:
                self.assertRegex(found[0], rf"\*\*[\w ]*{part}", name)
            self.assertRegex(found[0], r"```sh", f"{name}: a command that shows it")
            self.assertEqual(found[0].split("\n")[0], name)
        with open(os.path.join(SOURCE, "docs", "runbook.md"), encoding="utf-8") as file:
            sections = re.findall(r"^## (\w+)$", file.read(), re.M)
        self.assertEqual(sorted(sections), sorted(alarms()))


if __name__ == "__main__":
    sys.exit(unittest.main())
