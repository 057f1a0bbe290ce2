"""The figures on Kafka, for tests/bench/run: one broker on this machine, the peers on the same
broker in the same run."""

import json
import os
import shutil
import subprocess

from city_process import SECONDS_MAX, expect

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BROKER = os.path.join(ROOT, "cmake", "kafka", "broker")
PEER = os.path.join(ROOT, "build", "peer")
LEDGER = "hansa.city.bench"
LIVE_RATE = 2_000


class KafkaFigures:
    def __init__(self, bench):
        self.bench = bench
        self.smoke = bench.options.smoke
        self.folder = os.path.join(bench.folder, "kafka")
        self.broker = os.path.join(self.folder, "broker")

    def take(self):
        os.makedirs(self.folder)
        subprocess.run([os.path.join(HERE, "peer", "build")], check=True)
        # The broker as it runs in production, not as tests start it.
        subprocess.run([BROKER, "start", self.broker], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "BROKER_JAVA_OPTIONS": "-Xms1g -Xmx1g"})
        try:
            with open(os.path.join(self.broker, "port"), encoding="utf-8") as stream:
                os.environ["HANSA_KAFKA"] = "127.0.0.1:" + stream.read().strip()
            self.appends()
            self.keeper()
            self.folds()
            self.live()
        finally:
            os.environ.pop("HANSA_KAFKA", None)
            subprocess.run([BROKER, "stop", self.broker], check=False)
        shutil.rmtree(self.folder)

    def count(self, many):
        return many // 100 if self.smoke else many

    def tool(self, name, *words):
        return self.bench.tool(name, *words)

    def runs(self, name, goal, *command):
        self.bench.row(name, goal, [self.tool(*command) for _ in range(self.bench.runs)])

    def forget_ledger(self):
        subprocess.run([BROKER, "delete-topic", self.broker, LEDGER], check=True)

    def appends(self):
        self.tool("kafka_bench", "append", 8, 256, self.count(1_000_000))  # warms the broker up
        for ledgers, depth, entries, goal in [(1, 1, 20_000, "4,000/s"),
                                              (1, 256, 400_000, "100,000/s, p99 < 10 ms"),
                                              (8, 256, 1_000_000, "200,000/s")]:
            self.runs(f"append: ledgers {ledgers}, depth {depth}", goal, "kafka_bench", "append",
                      ledgers, depth, self.count(entries))
        for size, entries in [(1, 500), (100, 50_000)]:
            self.runs(f"peer: librdkafka's transactions of {size}", "", "kafka_bench",
                      "transactions", size, self.count(entries))

    def keeper(self):
        results = []
        for _ in range(self.bench.runs):
            results.append(self.tool("keeper_bench", "--folder",
                                     os.path.join(self.folder, "keeper"), "--callers", 256,
                                     "--commands", self.count(200_000)))
            self.forget_ledger()
        self.bench.row("keeper on Kafka, 256 callers, ReportCase", "20,000/s, p99 < 30 ms", results)

    def folds(self):
        entries = self.count(3_000_000)
        folder = os.path.join(self.folder, "fold")
        self.tool("fold_bench", "fill", folder, entries)
        for name, take in [
                ("bare consumption", lambda: self.tool("kafka_bench", "consume", LEDGER)),
                ("chain verified", lambda: self.tool("fold_bench", "verify", folder)),
                ("verified and folded", lambda: self.tool("fold_bench", "reference", folder)),
                ("peer: Kafka Streams", lambda: self.peer(entries + 1, "catchup"))]:
            results = sorted((take() for _ in range(self.bench.runs)),
                             key=lambda result: result["per_second"])
            middle = results[len(results) // 2]
            used = (f"{middle['cpu_s_per_million']} CPU s a million, "
                    f"peak {middle['rss_peak_mib']} MiB" if "rss_peak_mib" in middle else "")
            self.bench.rows.append([f"{entries:,} entries: {name}",
                                    f"{middle['per_second']:,.0f}/s", "", "",
                                    f"{results[-1]['per_second']:,.0f}/s", used])
        self.forget_ledger()

    def start_peer(self, records, mode):
        """The peer, once it stands and waits for records."""
        state = os.path.join(self.folder, "streams")
        shutil.rmtree(state, ignore_errors=True)
        # pylint: disable-next=consider-using-with
        peer = subprocess.Popen(
            ["java", "-cp", f"{PEER}/lib/*:{PEER}/classes", "StreamsFold",
             os.environ["HANSA_KAFKA"], LEDGER, str(records), state, mode],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        expect(peer.stdout.readline() == "running\n", "the peer did not start")
        return peer

    def peer(self, records, mode):
        return self.finish(self.start_peer(records, mode))

    @staticmethod
    def finish(peer):
        told, _ = peer.communicate(timeout=SECONDS_MAX * 10)
        expect(peer.returncode == 0, f"the peer ended with {peer.returncode}")
        return json.loads(told)

    def live(self):
        """Command sent to shown at another node; then the peer beside them, from the time in the
        entry to its rows put."""
        reports = self.count(60_000)
        words = ["live_bench", os.path.join(self.folder, "live"), LIVE_RATE, reports]
        results, peers = [], []
        for _ in range(self.bench.runs):
            results.append(self.tool(*words))
            self.forget_ledger()
        self.bench.row("live, 2,000/s: sent to shown by a follower", "p50 < 2 ms, p99 < 30 ms",
                       results)
        for _ in range(self.bench.runs):
            # pylint: disable-next=consider-using-with
            cities = subprocess.Popen(
                [os.path.join(self.bench.tools, words[0]), *map(str, words[1:]), "wait"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            expect(cities.stdout.readline() == "founded\n", "the city was not founded")
            peer = self.start_peer(reports, "live")
            cities.communicate("go\n", timeout=SECONDS_MAX * 10)
            peers.append(self.finish(peer))
            self.forget_ledger()
        self.bench.row("live, peer: Kafka Streams, in the ledger to put", "", peers)
