"""Others who write to a ledger's topic: one who writes what is no entry, and one who makes valid
entries of his own, by the chain rule of core/ledger/envelope.h, without the code under test.

    rival = RivalWriter(addresses, "hansa.city.suzhou", node, "suzhou"); rival.start(); rival.end()

His entries hold no event and no cause, only a time; those that fit are in `rival.entries` once the
ledger is read. Records are produced by librdkafka itself.
"""

import base64
import ctypes
import hashlib
import http.client
import json
import os
import random
import threading
import time

PRODUCER = 0
COPY = 2
ANY_PARTITION = -1
BASE = range(64, 80)  # of an envelope
NO_ANSWER = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Producer:
    def __init__(self, addresses, topic):
        self.library = ctypes.CDLL("librdkafka.so.1")
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_topic_new"):
            getattr(self.library, name).restype = ctypes.c_void_p
        text = ctypes.create_string_buffer(512)
        settings = ctypes.c_void_p(self.library.rd_kafka_conf_new())
        for name, value in (("bootstrap.servers", addresses), ("linger.ms", "0"),
                            ("log_level", "0")):
            done = self.library.rd_kafka_conf_set(settings, name.encode(), value.encode(), text,
                                                  len(text))
            assert done == 0, text.value
        self.handle = ctypes.c_void_p(self.library.rd_kafka_new(PRODUCER, settings, text,
                                                                len(text)))
        assert self.handle.value, text.value
        self.topic = ctypes.c_void_p(self.library.rd_kafka_topic_new(self.handle, topic.encode(),
                                                                     None))

    def produce(self, value):
        """Sent when it can be; nobody waits for it. No value at all is one, too."""
        self.library.rd_kafka_produce(self.topic, ctypes.c_int32(ANY_PARTITION), COPY, value,
                                      ctypes.c_size_t(len(value or b"")), None,
                                      ctypes.c_size_t(0), None)
        self.library.rd_kafka_poll(self.handle, 0)

    def flush(self):
        self.library.rd_kafka_flush(self.handle, 10_000)


class RivalWriter(threading.Thread):
    def __init__(self, addresses, topic, node, city, seed):
        super().__init__()
        self.producer = Producer(addresses, topic)
        self.node = node
        self.city = city
        self.chance = random.Random(seed)
        self.stopping = threading.Event()
        self.next_offset, self.seq, self.tip = 0, 0, None
        self.founding_id = b""
        self.newest = []   # some values of the ledger
        self.hashes = set()  # of entries that were valid when they were made
        self.garbage = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                self.follow()
                self.append()
            except NO_ANSWER:
                pass  # the node is away
            self.litter()
            time.sleep(self.chance.random() * 0.1)  # any moment of a round

    def end(self):
        self.stopping.set()
        self.join()
        self.producer.flush()

    def follow(self):
        """Reads on by the chain rule."""
        connection = self.node.connect()
        status, answer = connection.send(
            "auditor", "GET", f"/v1/cities/{self.city}/entries?from_offset={self.next_offset}"
            "&page_size=1000")
        connection.close()
        if status != 200:
            raise ConnectionError(answer)
        self.founding_id = base64.b64decode(answer["founding_id"])
        self.tip = self.tip or hashlib.sha256(self.founding_id).digest()
        for record in answer.get("records", []):
            value = base64.b64decode(record["value"])
            fits = (value[:6] == b"HNSA\x01\x00" and value[8:24] == self.founding_id
                    and value[24:64] == (self.seq + 1).to_bytes(8, "big") + self.tip
                    and int.from_bytes(value[112:116], "big") == len(value) - 116)
            if fits:
                self.seq, self.tip = self.seq + 1, hashlib.sha256(value).digest()
                self.newest = self.newest[-20:] + [value]
        self.next_offset = int(answer["next_offset"])

    def append(self):
        """An entry as good as anybody's, on what was read last."""
        if not self.newest:
            return
        payload = self.newest[-1][116:]
        size = 1 + next(at for at in range(1, 11) if payload[at] < 0x80)
        time_only = payload[:size] if payload[0] == 0x08 else b""
        value = (b"HNSA\x01\x00\x00\x01" + self.founding_id + (self.seq + 1).to_bytes(8, "big")
                 + self.tip + self.seq.to_bytes(8, "big") + self.tip[:8] + b"rival-writer-one"
                 + os.urandom(16) + len(time_only).to_bytes(4, "big") + time_only)
        self.hashes.add(hashlib.sha256(value).hexdigest())
        self.producer.produce(value)

    def litter(self):
        """What is no entry, or one no more."""
        old = bytearray(self.chance.choice(self.newest)) if self.newest else bytearray(116)
        flipped = bytearray(old)
        # A base that nobody has would prove a second history, and stop the ledger (rule L10).
        at = self.chance.choice([at for at in range(len(old)) if at not in BASE])
        flipped[at] ^= 1 << self.chance.randrange(8)
        for value in (bytes(old), bytes(flipped), bytes(old[:self.chance.randrange(len(old))]),
                      self.chance.randbytes(self.chance.randrange(2_000)), None):
            self.producer.produce(value)
            self.garbage += 1
