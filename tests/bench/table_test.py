#!/usr/bin/env python3
"""Goal: tests/bench/run --compare names what became worse, and nothing else.
Method: contenders whose runs are given, in a table and against ratios kept in a file."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from table import Contender, Table, keep_ratios, read_ratios, worse  # pylint: disable=C0413


def given(name, *results):
    left = list(results)
    return Contender(name, lambda: left.pop(0))


def rates(name, *values):
    return given(name, *({"per_second": value, "p50_ms": 1000 / value} for value in values))


class Ratios(unittest.TestCase):
    def test_is_the_median_of_those_that_ran_in_turn(self):
        table = Table(3)
        table.measure(rates("ours", 100, 10, 90), rates("peer", 50, 5, 10))
        self.assertEqual(table.ratio("a", "ours", "peer"), 2)
        self.assertEqual(table.ratio("b", "ours", "peer", "p50_ms"), 2)
        self.assertEqual(table.ratios, {"a": 2, "b": 2})

    def test_is_none_where_one_did_not_run(self):
        table = Table(1)
        table.measure(rates("ours", 100))
        self.assertIsNone(table.ratio("a", "ours", "peer"))
        self.assertEqual(table.ratios, {})

    def test_worse_is_what_lost_more_than_a_quarter(self):
        before = {"lost": 4.0, "nearly": 4.0, "won": 4.0, "not taken": 4.0}
        now = {"lost": 2.9, "nearly": 3.1, "won": 9.0, "new": 0.1}
        self.assertEqual(worse(before, now), ["lost: 2.9, was 4"])

    def test_keeping_leaves_what_was_not_taken(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ratios.json")
            keep_ratios(path, {"a": 1.23456, "b": 2})
            keep_ratios(path, {"b": 3})
            self.assertEqual(read_ratios(path), {"a": 1.23, "b": 3})


class Rows(unittest.TestCase):
    def test_show_the_median_run(self):
        table = Table(3)
        table.measure(rates("ours", 100, 300, 200))
        self.assertEqual(table.rows[0][:3], ["ours", "200", "5"])

    def test_without_a_rate_it_is_the_median_time(self):
        table = Table(3)
        table.measure(given("ours", {"p50_ms": 9}, {"p50_ms": 1}, {"p50_ms": 5}))
        self.assertEqual(table.rows[0][:3], ["ours", "", "5"])


if __name__ == "__main__":
    unittest.main()
