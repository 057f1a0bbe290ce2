"""What Prometheus costs a node, for tests/bench/run: scrapes of a node that hosts many cities, one
after the other, and the processor that one takes."""

import http.client
import re
import statistics
import time

from city_process import Failed, expect
from kafka_figures import cpu_seconds, peak_mib


def metrics_port(node):
    found = re.search(r"metrics http://127\.0\.0\.1:(\d+)/", node.server_log())
    if not found:
        raise Failed(node.server_log()[-2000:])
    return int(found.group(1))


def scrape_node(node, count):
    """In the shape of tests/bench/measure.h, and how large one scrape is, in words."""
    connection = http.client.HTTPConnection("127.0.0.1", metrics_port(node), timeout=60)
    taken, text = [], b""
    before = cpu_seconds(node.process.pid)
    for _ in range(count):
        start = time.perf_counter()
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read()
        taken.append((time.perf_counter() - start) * 1000)
        expect(answer.status == 200, answer.status)
    used = cpu_seconds(node.process.pid) - before
    connection.close()
    taken.sort()
    series = sum(1 for line in text.splitlines() if not line.startswith(b"#"))
    return {"per_second": 1000 / statistics.mean(taken), "p50_ms": statistics.median(taken),
            "p99_ms": taken[int(len(taken) * 0.99)], "cpu_s_per_million": used * 1e6 / count,
            "peak_mib": peak_mib(node.process.pid)}, f"{series:,} series"
