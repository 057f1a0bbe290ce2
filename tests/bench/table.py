"""The one table of tests/bench/run: rows that are each the median of some runs, ratios between
those that ran in turn, and what became worse since the ratios that are kept.

    table.measure(Contender("ours", take), Contender("peer: theirs", take)); table.ratio(...)
"""

import json
import os
import statistics
import sys
from typing import Callable, NamedTuple

COLUMNS = ["", "per second", "p50 ms", "p99 ms", "CPU s a million", "peak MiB", "load", "goal",
           "what it promises"]
WORSE_THAN = 0.75  # of what a ratio was


class Contender(NamedTuple):
    name: str
    take: Callable  # one run; a result as tests/bench/measure.h prints it
    goal: str = ""
    promises: str = ""


def by_speed(result):
    return result["per_second"] if "per_second" in result else -result["p50_ms"]


def middle(results):
    return sorted(results, key=by_speed)[len(results) // 2]


def cell(result, key, form):
    return format(result[key], form) if key in result else ""


def cpu_cell(result):
    broker = cell(result, "broker_cpu_s_per_million", ".1f")
    return cell(result, "cpu_s_per_million", ".1f") + (f" + {broker}" if broker else "")


class Table:
    def __init__(self, runs):
        self.runs = runs
        self.rows = []
        self.results = {}
        self.ratios = {}

    def measure(self, *contenders):
        """In turn, so that what else the machine does meets all of them alike."""
        loads = {}
        for _ in range(self.runs):
            for one in contenders:
                loads.setdefault(one.name, os.getloadavg()[0])
                self.results.setdefault(one.name, []).append(one.take())
        for one in contenders:
            self.add(one, self.results[one.name], loads[one.name])

    def add(self, contender, results, load):
        self.results[contender.name] = results
        result = middle(results)
        self.rows.append([
            contender.name, cell(result, "per_second", ",.0f"), cell(result, "p50_ms", ".3g"),
            cell(result, "p99_ms", ".3g"), cpu_cell(result), cell(result, "peak_mib", ",.0f"),
            f"{load:.1f}", contender.goal, contender.promises])
        print(f"{contender.name}: {[round(abs(by_speed(one)), 3) for one in results]}",
              file=sys.stderr)

    def ratio(self, name, ours, peer, key="per_second"):
        """How often better ours is than the peer's; of times how often shorter. More is better."""
        if ours not in self.results or peer not in self.results:
            return None
        def better(our, their):
            return their[key] / our[key] if key.endswith("_ms") else our[key] / their[key]
        pairs = zip(self.results[ours], self.results[peer])
        self.ratios[name] = statistics.median(better(our, their) for our, their in pairs)
        return self.ratios[name]

    def text(self):
        widths = [max(len(row[i]) for row in [COLUMNS] + self.rows) for i in range(len(COLUMNS))]
        def line(row):
            cells = [cell.rjust(width) if 0 < i < 7 else cell.ljust(width)
                     for i, (cell, width) in enumerate(zip(row, widths))]
            return "| " + " | ".join(cells) + " |"
        rule = "|" + "|".join("-" * (width + 1) + (":" if 0 < i < 7 else "-")
                              for i, width in enumerate(widths)) + "|"
        return "\n".join([line(COLUMNS), rule] + [line(row) for row in self.rows])


def read_ratios(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def keep_ratios(path, ratios):
    """Those that were not taken this time stay."""
    kept = {**(read_ratios(path) if os.path.exists(path) else {}), **ratios}
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({name: float(f"{value:.3g}") for name, value in sorted(kept.items())}, stream,
                  indent=1)
        stream.write("\n")


def worse(before, now):
    """A line for each ratio that became worse than it may."""
    return [f"{name}: {now[name]:.3g}, was {before[name]:.3g}"
            for name in sorted(before) if name in now and now[name] < before[name] * WORSE_THAN]
