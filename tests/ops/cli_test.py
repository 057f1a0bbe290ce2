#!/usr/bin/env python3
"""Goal: the command line does what it says, with its exit codes. Method: the real executable in a
scratch folder: init, serve on free ports, setup and import twice, calls, then the stopped node's
data offline; and one mistake of each kind.

    cli_test.py          HANSA_BINARY names the executable, HANSA_SOURCE the repository
"""

import json
import os
import signal
import subprocess
import tempfile
import unittest

HANSA = os.environ["HANSA_BINARY"]
SECONDS_MAX = 60


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = cls.scratch.name
        cls.environment = {name: value for name, value in os.environ.items()
                           if not name.startswith("HANSA_")}
        cls.environment.update(HANSA_HTTP_LISTEN="127.0.0.1:0",
                               HANSA_METRICS_LISTEN="127.0.0.1:0")
        code, out, err = cls.run_hansa("init", "city", "example", "--json")
        assert code == 0, err
        cls.environment["HANSA_KEY"] = json.loads(out)["key"]
        cls.server = None
        cls.start()

    @classmethod
    def start(cls):
        cls.server_log = open(os.path.join(cls.folder, "server.log"), "w", encoding="utf-8")
        cls.server = subprocess.Popen([HANSA, "serve", "--config", "hansa.yaml"], cwd=cls.folder,
                                      env=cls.environment, stdout=subprocess.PIPE, text=True,
                                      stderr=cls.server_log)
        line = cls.server.stdout.readline()
        assert "http://" in line, line
        cls.environment["HANSA_SERVER"] = line.split()[2]

    @classmethod
    def stop(cls):
        if cls.server is None:
            return None
        cls.server.send_signal(signal.SIGTERM)
        code = cls.server.wait(SECONDS_MAX)
        cls.server.stdout.close()
        cls.server_log.close()
        cls.server = None
        return code

    @classmethod
    def tearDownClass(cls):
        cls.stop()
        cls.scratch.cleanup()

    @classmethod
    def run_hansa(cls, *words, environment=None):
        done = subprocess.run([HANSA, *words], cwd=cls.folder, text=True, capture_output=True,
                              env={**cls.environment, **(environment or {})},
                              stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, check=False)
        return done.returncode, done.stdout, done.stderr

    def ok(self, *words):
        code, out, err = self.run_hansa(*words)
        self.assertEqual(code, 0, f"{words}\n{out}\n{err}")
        return out

    def test_0_overview_is_short_and_wrong_words_get_a_suggestion(self):
        out = self.ok()
        self.assertLessEqual(len(out.splitlines()), 25)
        for words, guess in ((["impotr"], "`import`"), (["ledger", "verfy"], "`verify`"),
                             (["call", "AsignCase"], "`AssignCase`"),
                             (["setup", "x", "--dry-rum"], "`--dry-run`")):
            code, out, err = self.run_hansa(*words)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn("did you mean " + guess, err)

    def test_1_init_keeps_what_is_there(self):
        code, out, err = self.run_hansa("init", "city", "example")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("exists already", err)
        key_file = os.path.join(self.folder, "data/keys/city-example.key")
        self.assertEqual(os.stat(key_file).st_mode & 0o777, 0o600)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def test_1_init_adds_a_ledger_to_a_configuration(self):
        self.ok("init", "alliance", "delta", "--dir", "league")
        first, identity = self.read("league/hansa.yaml"), self.read("league/identity.json")
        with open(os.path.join(self.folder, "league/hansa.yaml"), "a", encoding="utf-8") as file:
            file.write("# the end, without a line's end")
        made = json.loads(self.ok("init", "city", "wuxi", "--dir", "league", "--json"))
        self.ok("init", "city", "suzhou", "--dir", "league/")
        self.assertEqual(made["folder"], "league/city-wuxi")
        for name in ("identity.json", "recovery-city-wuxi.key", "setup/city.yaml"):
            self.assertTrue(os.path.exists(os.path.join(self.folder, made["folder"], name)), name)
        self.assertIn("city: wuxi\n", self.read("league/city-wuxi/setup/city.yaml"))
        self.assertEqual(self.read("league/identity.json"), identity)
        whole = self.read("league/hansa.yaml")
        lines = iter(whole.splitlines())
        for line in first.splitlines():
            self.assertIn(line, lines)  # all of them, in their order
        ids = [line.split()[2] for line in whole.splitlines() if "- ledger: " in line]
        self.assertEqual(ids, ["alliance/delta", "city/wuxi", "city/suzhou"])
        keys = [line.split()[2] for line in whole.splitlines() if line.startswith("    - id: ")]
        self.assertEqual(keys, ["admin", "admin-city-wuxi", "admin-city-suzhou"])
        self.assertIn(made["founding_id"], whole)
        self.ok("serve", "--config", "league/hansa.yaml", "--check")
        code, out, err = self.run_hansa("init", "city", "wuxi", "--dir", "league")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("city/wuxi exists already", err)
        self.assertEqual(self.read("league/hansa.yaml"), whole)

    def test_1_init_refuses_a_configuration_that_it_cannot_add_to(self):
        self.ok("init", "alliance", "delta", "--dir", "flow")
        name = os.path.join(self.folder, "flow/hansa.yaml")
        text = self.read("flow/hansa.yaml")
        at = text.index("  api_keys:")
        end = text.index("memory:")
        for spoilt, code, words in (
                (text[:at] + '  api_keys: [{id: a, sha256: "' + 64 * "a" +
                 '", roles: [secretariat], alliance: delta}]\n' + text[end:], 2, "one item under"),
                (text.replace("id: admin\n", "id: admin-city-wuxi\n"), 2, "one item under"),
                (text.replace("threads: 2", "thraeds: 2"), 2, "thraeds")):
            with open(name, "w", encoding="utf-8") as file:
                file.write(spoilt)
            done, out, err = self.run_hansa("init", "city", "wuxi", "--dir", "flow")
            self.assertEqual((done, out), (code, ""), err)
            self.assertIn(words, err)
            self.assertEqual(self.read("flow/hansa.yaml"), spoilt)
            self.assertFalse(os.path.exists(os.path.join(self.folder, "flow/city-wuxi")))
            self.assertFalse(os.path.exists(
                os.path.join(self.folder, "flow/data/keys/city-wuxi.key")))

    def test_2_setup_twice_changes_nothing_the_second_time(self):
        out = self.ok("setup", "setup")
        self.assertIn("changed  district north", out)
        out = self.ok("setup", "setup")
        self.assertEqual({line.split()[0] for line in out.splitlines()}, {"unchanged"}, out)
        entries = json.loads(self.ok("call", "GetCity", '{"city": "example"}'))
        self.assertEqual(entries["city"]["units"], ["sanitation", "roads", "parks", "lighting"])
        unit = os.path.join(self.folder, "setup/units.csv")
        with open(unit, "a", encoding="utf-8") as file:
            file.write("water,Water\n")
        out = self.ok("setup", "setup")
        self.assertEqual([line for line in out.splitlines() if not line.startswith("unch")],
                         ["changed  unit water"])

    def test_3_import_twice_changes_nothing_the_second_time(self):
        words = ("import", "--json", "--mapping", "setup/cases-mapping.yaml", "setup/cases.csv")
        first = json.loads(self.ok(*words))
        self.assertEqual(first, {"rows": 3, "imported": 3, "unchanged": 0, "refused": 0,
                                 "by_state": {"closed": 1, "open": 1, "withdrawn": 1}})
        again = json.loads(self.ok(*words))
        self.assertEqual((again["imported"], again["unchanged"]), (0, 3))
        with open(os.path.join(self.folder, "bad.csv"), "w", encoding="utf-8") as file:
            file.write("id,opened,closed,type,department,status,area,road,block,lat,lon\n"
                       "9,2024-03-02 08:15:00,2024-03-01 10:00:00,Rubbish,,done,North,"
                       "River Street,Old Mill,,\n")
        out = json.loads(self.ok("import", "--json", "--mapping", "setup/cases-mapping.yaml",
                                 "bad.csv"))
        self.assertEqual((out["imported"], out["refused"]), (0, 1))
        with open(os.path.join(self.folder, "bad.csv.rejected.csv"), encoding="utf-8") as file:
            rejected = file.read().splitlines()
        self.assertTrue(rejected[0].startswith("line,reason,id,opened"))
        self.assertTrue(rejected[1].startswith("2,"), rejected)
        self.assertIn("times_backwards", rejected[1])

    def test_3_import_can_found_what_the_file_names(self):
        with open(os.path.join(self.folder, "more.csv"), "w", encoding="utf-8") as file:
            file.write("id,opened,closed,type,department,status,area,road,block,lat,lon\n"
                       "50,2024-03-02 08:15:00,,Loose kerb,,open,West,New Road,Corner,,\n")
        words = ("import", "--json", "--mapping", "setup/cases-mapping.yaml", "more.csv")
        code, out, err = self.run_hansa(*words)
        self.assertEqual((code, json.loads(out)["refused"]), (0, 1))
        self.assertIn("--found", err)
        self.assertEqual(json.loads(self.ok(*words, "--found"))["imported"], 1)

    def test_3_import_tells_at_once_that_no_server_is_there(self):
        for more in ((), ("--found",)):
            code, out, err = self.run_hansa("import", "--mapping", "setup/cases-mapping.yaml",
                                            "setup/cases.csv", "--server", "http://127.0.0.1:1",
                                            *more)
            self.assertEqual((code, out), (3, ""), err)
            self.assertIn("no server answers", err)
            self.assertNotIn("waiting", err)

    def test_4_calls_answer_and_refusals_exit_with_1(self):
        units = json.loads(self.ok("call", "ListUnits", '{"city": "example"}'))
        self.assertIn("roads", [unit["unit"] for unit in units["units"]])
        code, out, err = self.run_hansa("call", "GetCase", '{"city": "example", "case": "c99999"}')
        self.assertEqual((code, out), (1, ""))
        self.assertIn("unknown_case", err)
        code, _, err = self.run_hansa("call", "ListUnits", '{"city": "example"}',
                                      environment={"HANSA_KEY": "wrong"})
        self.assertEqual(code, 1)
        self.assertIn("unauthenticated", err)
        code, _, err = self.run_hansa("call", "ListUnits", '{"city": "example"}', "--server",
                                      "http://127.0.0.1:1")
        self.assertEqual(code, 3, err)
        with open(os.path.join(self.folder, "each.ndjson"), "w", encoding="utf-8") as file:
            file.write('{"city": "example", "unit": "harbour", "title": {"en": "Harbour"}}\n'
                       '{"city": "example", "unit": "No Slug"}\n')
        code, out, err = self.run_hansa("call", "DefineUnit", "--each", "each.ndjson")
        self.assertEqual((code, len(out.splitlines())), (1, 1), err)
        self.assertIn("each.ndjson:2", err)

    def test_4_an_operators_word_on_entries_names_ledger_and_entry(self):
        for word in ("share/delta/wuxi", "share/delta/wuxi=x", "wuxi=3", "share/delta/wuxi=0"):
            code, _, err = self.run_hansa("serve", "--accept-entries", word, "--check")
            self.assertEqual(code, 2, err)
            self.assertIn("expected --accept-entries LEDGER=SEQ", err)
        self.ok("serve", "--accept-entries", "share/delta/wuxi=12", "--check")

    def test_5_a_second_process_on_the_same_data_is_refused(self):
        code, out, err = self.run_hansa("serve", "--config", "hansa.yaml")
        self.assertEqual((code, out), (3, ""), err)
        self.assertIn("data_in_use", err)
        code, _, err = self.run_hansa("ledger", "verify", "--data", "data", "--ledger",
                                      "city/example")
        self.assertEqual(code, 3, err)

    def test_6_listings_and_explanations(self):
        self.assertEqual(json.loads(self.ok("error", "wrong_state", "--json"))["http_status"], 409)
        code, _, err = self.run_hansa("error", "wrong_stat")
        self.assertEqual(code, 1)
        self.assertIn("did you mean `wrong_state`", err)
        policies = json.loads(self.ok("policy", "list", "--city", "example", "--json"))
        self.assertIn({"reopening_window_days": "15"},
                      [{row["policy"]: row["value"]} for row in policies])
        self.assertEqual(json.loads(self.ok("openapi"))["openapi"][:3], "3.1")
        self.assertTrue(self.ok("version").startswith("hansa "))
        self.ok("person", "find", "--city", "example", "--phone", "+86 512 0000 0000")

    def test_7_the_ledger_is_the_same_over_http_and_offline(self):
        online = json.loads(self.ok("ledger", "verify", "--ledger", "city/example", "--json"))
        self.assertTrue(online["ok"])
        digest = json.loads(self.ok("projection", "digest", "--ledger", "city/example", "--json"))
        self.assertEqual(self.stop(), 0)
        data = ("--data", "data", "--ledger", "city/example")
        offline = json.loads(self.ok("ledger", "verify", *data, "--json"))
        self.assertEqual(offline, online)
        self.assertEqual(json.loads(self.ok("projection", "digest", *data, "--json", "--scan")),
                         digest)
        self.ok("projection", "rebuild", *data)
        self.assertEqual(json.loads(self.ok("projection", "digest", *data, "--json", "--scan")),
                         digest)
        first = json.loads(self.ok("ledger", "show", "1", *data))
        self.assertIn("city_founded", json.dumps(first["payload"]))
        tail = self.ok("ledger", "tail", "-n", "2", *data).splitlines()
        self.assertEqual(json.loads(tail[-1])["sha256"], offline["tip"])
        self.assertEqual(self.ok("ledger", "tail", "--void", *data), "")

    def test_8_a_configuration_with_a_mistake_does_not_start(self):
        with open(os.path.join(self.folder, "hansa.yaml"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(self.folder, "bad.yaml"), "w", encoding="utf-8") as file:
            file.write(text.replace("  listen: 127.0.0.1:8080", "  lisen: 127.0.0.1:8080"))
        code, out, err = self.run_hansa("serve", "--config", "bad.yaml")
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(err, r"bad\.yaml:\d+: .*http\.lisen.*did you mean `listen`")


if __name__ == "__main__":
    unittest.main()
