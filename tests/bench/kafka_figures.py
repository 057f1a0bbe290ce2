"""The figures on Kafka, for tests/bench/run: one broker on this machine, the peers on the same
broker in the same run, in turn with ours."""

import os
import shutil
import subprocess
from functools import partial

from city_process import SECONDS_MAX, expect
from streams_peer import StreamsPeer, build
from table import Contender

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BROKER = os.path.join(ROOT, "cmake", "kafka", "broker")
LEDGER = "hansa.city.bench"
LIVE_RATE = 2_000
# What each contender promises beside its speed.
APPEND = "one history, each entry once, acks=all, rivals safe; provable"
TRANSACTION = "a batch or nothing, acks=all; a rival writes between; no proof"
FOLD = "one history, each event once; provable"
STREAMS = {"at_least_once": "after a kill some events twice; no proof",
           "exactly_once_v2": "each event once, rows gone after a kill; no proof"}
RESTARTED = "peer: Kafka Streams restarted, rows there"
BARE = "none: no order checked, nothing kept"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
        return next(int(line.split()[1]) // 1024 for line in stream if line.startswith("VmHWM"))


class KafkaFigures:
    def __init__(self, bench):
        self.bench = bench
        self.table = bench.table
        self.smoke = bench.options.smoke
        self.folder = os.path.join(bench.folder, "kafka")
        self.broker = os.path.join(self.folder, "broker")
        self.peer = StreamsPeer(os.path.join(self.folder, "streams"), LEDGER)

    def take(self):
        os.makedirs(self.folder)
        build()
        # The broker as it runs in production, not as tests start it.
        subprocess.run([BROKER, "start", self.broker], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "BROKER_JAVA_OPTIONS": "-Xms1g -Xmx1g"})
        try:
            with open(os.path.join(self.broker, "port"), encoding="utf-8") as stream:
                os.environ["HANSA_KAFKA"] = "127.0.0.1:" + stream.read().strip()
            self.appends()
            self.keeper()
            self.folds()
            self.forget_ledger()
            self.restarts()
            self.forget_ledger()
            self.live()
        finally:
            os.environ.pop("HANSA_KAFKA", None)
            subprocess.run([BROKER, "stop", self.broker], check=False)
        shutil.rmtree(self.folder)

    def count(self, many):
        return many // 100 if self.smoke else many

    def with_broker(self, take, *words):
        """One run, with what the broker did for it."""
        with open(os.path.join(self.broker, "pid"), encoding="utf-8") as stream:
            broker = int(stream.read())
        before = cpu_seconds(broker)
        result = take(*words)
        result["broker_cpu_s_per_million"] = (cpu_seconds(broker) - before) * 1e6 / result["count"]
        return result

    def contender(self, name, take, *words, goal="", promises=""):
        return Contender(name, partial(self.with_broker, take, *words), goal, promises)

    def tool(self, *words):
        return self.bench.tool(*words)

    def forget_ledger(self):
        subprocess.run([BROKER, "delete-topic", self.broker, LEDGER], check=True)

    def and_forget(self, take):
        result = take()
        self.forget_ledger()
        return result

    def appends(self):
        self.tool("kafka_bench", "append", 8, 256, self.count(1_000_000))  # warms the broker up
        ours = [self.contender(f"append on Kafka, {what}", self.tool, "kafka_bench", "append",
                               ledgers, depth, self.count(entries), goal=goal, promises=APPEND)
                for what, ledgers, depth, entries, goal in [
                    ("one on its way", 1, 1, 20_000, "4,000/s"),
                    ("256 on their way", 1, 256, 400_000, "100,000/s, p99 < 10 ms"),
                    ("8 ledgers, 256 each", 8, 256, 1_000_000, "200,000/s")]]
        peers = [self.contender(f"peer: librdkafka's transactions of {size}", self.tool,
                                "kafka_bench", "transactions", size, self.count(entries),
                                promises=TRANSACTION)
                 for size, entries in [(1, 500), (100, 50_000)]]
        self.table.measure(*ours, *peers)
        for one, peer in [(ours[0], peers[0]), (ours[1], peers[1])]:
            self.table.ratio(f"{one.name} : {peer.name.removeprefix('peer: ')}", one.name,
                             peer.name)

    def keeper(self):
        name = "keeper on Kafka, 256 callers, ReportCase"
        self.table.measure(self.contender(
            name, self.and_forget, partial(
                self.tool, "keeper_bench", "--folder", os.path.join(self.folder, "keeper"),
                "--callers", 256, "--commands", self.count(200_000)),
            goal="20,000/s, p99 < 30 ms", promises="each command once, acks=all, then answered"))
        self.table.ratio("keeper : append on Kafka", name, "append on Kafka, 256 on their way")

    def folds(self):
        entries = self.count(3_000_000)
        folder = os.path.join(self.folder, "fold")
        self.tool("fold_bench", "fill", folder, entries)
        bare = self.contender(f"{entries:,} entries on Kafka: bare librdkafka", self.tool,
                              "kafka_bench", "consume", LEDGER, promises=BARE)
        verified = self.contender("chain verified", self.tool, "fold_bench", "verify", folder,
                                  promises="one history")
        ours = self.contender("verified and folded", self.tool, "fold_bench", "reference", folder,
                              goal="1.5 times the time of bare", promises=FOLD)
        naive = self.contender("the same fold by Get and Put", self.tool, "fold_bench", "naive",
                               folder, promises=FOLD)
        streams = [self.contender(f"peer: Kafka Streams, {guarantee}", self.peer.catch_up,
                                  guarantee, entries + 1, promises=promises)
                   for guarantee, promises in STREAMS.items()]
        restarted = self.contender(RESTARTED, self.peer.restart, entries + 1,
                                   promises="after an orderly stop")
        restored = self.contender("peer: Kafka Streams restores the same rows", self.peer.restore,
                                  entries + 1, promises="what follows a kill, exactly once")
        self.table.measure(bare, verified, ours, naive, *streams, restarted, restored)
        for peer in [bare, naive, *streams, restored]:
            short = peer.name.split(": ")[-1].replace("the same fold by ", "")
            self.table.ratio(f"fold on Kafka : {short}", ours.name, peer.name)

    def restarts(self):
        """Of a whole city; the peer's, of the rows of its fold, was measured with the fold."""
        folder = os.path.join(self.folder, "city")
        entries = self.count(300_000)
        self.tool("history_bench", "grow", folder, entries)
        for what, runs in [("restart after a kill", 1), ("restart", self.table.runs)]:
            load = os.getloadavg()[0]
            results = [self.tool("history_bench", "open", folder) for _ in range(runs)]
            name = f"{what}, a city of {entries:,} entries on Kafka"
            self.table.add(
                Contender(name, None, promises="ready to decide; nothing lost, nothing twice"),
                [{"p50_ms": result["ready_ms"], "peak_mib": result["peak_mib"]}
                 for result in results], load)
        self.table.ratio("restart on Kafka : Kafka Streams", name, RESTARTED, "p50_ms")

    def live(self):
        """Command sent to shown at another node; then the peer beside them, from the time in the
        entry to its rows put."""
        reports = self.count(60_000)
        words = ["live_bench", os.path.join(self.folder, "live"), LIVE_RATE, reports]
        ours = self.contender("live, 2,000/s: sent to shown by a follower", self.and_forget,
                              partial(self.tool, *words), goal="p50 < 2 ms, p99 < 30 ms",
                              promises="as answered: one history, acks=all")
        peers = [self.contender(f"peer: Kafka Streams, {guarantee}: in the ledger to put",
                                self.and_forget, partial(self.beside_cities, words, guarantee),
                                promises=promises) for guarantee, promises in STREAMS.items()]
        self.table.measure(ours, *peers)
        for peer in peers:
            for key in ["p50_ms", "p99_ms"]:
                self.table.ratio(f"live {key[:3]} : {peer.name.split(': ')[1]}", ours.name,
                                 peer.name, key)

    def beside_cities(self, words, guarantee):
        # pylint: disable-next=consider-using-with
        cities = subprocess.Popen(
            [os.path.join(self.bench.tools, words[0]), *map(str, words[1:]), "wait"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(cities.stdout.readline() == "founded\n", "the city was not founded")
        self.peer.begin(guarantee)
        peer = self.peer.start("live", words[-1])
        cities.communicate("go\n", timeout=SECONDS_MAX * 10)
        return self.peer.finish(peer)
