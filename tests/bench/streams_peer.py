"""The peer of the folds on Kafka, peer/StreamsFold.java: a Kafka Streams application that is caught
up, restarted, restored or live; for tests/bench/run."""

import json
import os
import shutil
import subprocess

from city_process import SECONDS_MAX, expect

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "peer")


def build():
    subprocess.run([os.path.join(HERE, "peer", "build")], check=True)


class StreamsPeer:
    """Its rows in `folder`, its offsets and its rows' changelog on the broker, under a name of its
    own for each run from the first record."""

    def __init__(self, folder, ledger):
        self.folder = folder
        self.ledger = ledger
        self.names = 0
        self.name = ""
        self.guarantee = ""

    def begin(self, guarantee):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.names += 1
        self.name = f"peer-{self.names}"
        self.guarantee = guarantee

    def start(self, mode, records):
        """Returns when it stands and waits for records."""
        # pylint: disable-next=consider-using-with
        peer = subprocess.Popen(
            ["java", "-cp", f"{BUILT}/lib/*:{BUILT}/classes", "StreamsFold",
             os.environ["HANSA_KAFKA"], self.ledger, str(records), self.folder, mode,
             self.guarantee, self.name],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        expect(peer.stdout.readline() == "running\n", "the peer did not start")
        return peer

    @staticmethod
    def finish(peer):
        told, _ = peer.communicate(timeout=SECONDS_MAX * 10)
        expect(peer.returncode == 0, f"the peer ended with {peer.returncode}")
        return json.loads(told)

    def catch_up(self, guarantee, records):
        self.begin(guarantee)
        return self.finish(self.start("catchup", records))

    def restart(self, records):
        """With its rows there."""
        return self.finish(self.start("ready", records))

    def restore(self, records):
        """With its rows gone, as they are after a kill or on another machine."""
        shutil.rmtree(self.folder)
        result = self.restart(records)
        expect(result["restored"] > 0, "the peer restored nothing")
        return result
