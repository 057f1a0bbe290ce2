"""Whether anything costs more as history grows, for tests/bench/run: the same appends, queries and
restarts in the same city when its ledger has 1, 10 and 30 times as many entries."""

import os
import shutil
import statistics

from table import Contender

TIMES = [1, 10, 30]
GOAL = 1.2
# What history_bench tells: its name there, and for people.
USES = {"append": "append, one caller", "group": "append, 64 callers",
        "case": "one of the newest 1,000 cases", "any_case": "any case",
        "list": "the 50 newest cases of a unit", "figure": "a figure over two days"}
OPENINGS = {"clean": "restart, log and rows", "killed": "the same after a kill",
            "keyring": "restart, keys of persons"}


class GrowthFigures:
    def __init__(self, bench):
        self.bench = bench
        smoke = bench.options.smoke
        self.entries = 100 if smoke else 33_334
        self.counts = (20, 20) if smoke else (2_000, 2_000)
        self.rounds = 1 if smoke else bench.options.runs * 2 + 1
        self.folder = os.path.join(bench.folder, "growth")
        self.taken = {times: {name: [] for name in [*USES, *OPENINGS]} for times in TIMES}

    def take(self):
        load = os.getloadavg()[0]
        self.grow()
        for _ in range(self.rounds):
            for times in TIMES:
                self.take_one(times)
        shutil.rmtree(self.folder)
        for name, what in USES.items():
            self.tell(name, what, load)
        for name, what in OPENINGS.items():
            self.tell(name, what, load)

    def of(self, times):
        return os.path.join(self.folder, str(times))

    def grow(self):
        """One history, copied when it is long enough."""
        os.makedirs(self.folder)
        growing = os.path.join(self.folder, "growing")
        for times in TIMES:
            self.bench.tool("history_bench", "grow", growing, self.entries * times)
            shutil.copytree(growing, self.of(times))
        shutil.rmtree(growing)

    def take_one(self, times):
        """On a copy: what is measured makes the history longer."""
        folder = os.path.join(self.folder, "used")
        shutil.copytree(self.of(times), folder)
        used = self.bench.tool("history_bench", "use", folder, *self.counts)
        for name in USES:
            self.taken[times][name].append(used[name])
        for name in ["killed", "clean"]:
            opened = self.bench.tool("history_bench", "open", folder)
            self.add(times, name, opened, opened["log_ms"] + opened["keeper_ms"])
        self.add(times, "keyring", opened, opened["keyring_ms"])
        shutil.rmtree(folder)

    def add(self, times, name, opened, took_ms):
        self.taken[times][name].append({"p50_ms": took_ms, "peak_mib": opened["peak_mib"]})

    def tell(self, name, what, load):
        def times_as_long(times):
            return statistics.median(
                long["p50_ms"] / short["p50_ms"]
                for long, short in zip(self.taken[times][name], self.taken[1][name]))
        longest = TIMES[-1]
        goal = (f"{longest}x : 1x at most {GOAL}: {times_as_long(longest):.2f} "
                f"(10x : 1x {times_as_long(10):.2f})")
        self.bench.table.add(
            Contender(f"growth: {what}, {self.entries * longest:,} entries", None, goal),
            self.taken[longest][name], load)
        self.bench.table.ratios[f"growth: {what}, 1x : {longest}x"] = 1 / times_as_long(longest)
