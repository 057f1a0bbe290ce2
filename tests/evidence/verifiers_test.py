"""Goal: the verifiers that judge Hansa's logs can be relied on: they accept what is right and see
every kind of fault, so that their silence about a log of Hansa means something.

Method: logs made by logcheck itself, whole and with one thing broken, read from a folder and over
HTTP by logcheck and by tessera's fsck; a real witness is asked to cosign what grows and what forks.
"""

import base64
import contextlib
import functools
import http.server
import os
import re
import shutil
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from verifiers import Witness, fsck, logcheck, run  # noqa: E402

NAME = "hansa.example/share/delta/wuxi/000102030405060708090a0b0c0d0e0f"
SIZE = 600


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Log:
    def __init__(self, folder, size=SIZE, word="entry", name=NAME):
        self.folder = folder
        self.name = name
        self.grow(size, word)

    def grow(self, size, word="entry"):
        done = run("logcheck", "-make", self.folder, str(size), self.name, word)
        expect(done.returncode == 0, done)
        with open(self.folder + ".vkey", encoding="ascii") as stream:
            self.vkey = stream.read()

    def copy(self, folder):
        shutil.copytree(self.folder, folder)
        for end in (".key", ".vkey"):
            shutil.copy(self.folder + end, folder + end)
        twin = object.__new__(Log)
        twin.folder, twin.name, twin.vkey = folder, self.name, self.vkey
        return twin

    def read(self, path):
        with open(os.path.join(self.folder, path), "rb") as stream:
            return stream.read()

    def write(self, path, data):
        with open(os.path.join(self.folder, path), "wb") as stream:
            stream.write(data)

    def printed(self, *words):
        right, text = logcheck(self.vkey, *words, self.folder)
        expect(right, text)
        return text


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    # As many connections as fsck opens at once: it does not end when some are not accepted.
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        """A verifier that has seen enough goes away in the midst of an answer."""


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(Handler, directory=folder)
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def check_right(log, size):
    root = log.read("checkpoint").decode().split("\n")[2]
    with served(log.folder) as url:
        for place in (log.folder, url):
            expect(logcheck(log.vkey, place) == (True, f"ok {NAME} {size} {root}\n"), place)
        for place in ("file://" + log.folder, url):
            right, said = fsck(log.vkey, place)
            expect(right and f"size {size} and root {root}" in said, said)


def check_wrong(log, said_by_logcheck):
    """Both see it, from the folder and over HTTP."""
    with served(log.folder) as url:
        for place in (log.folder, url):
            right, said = logcheck(log.vkey, place)
            expect(not right and re.search(said_by_logcheck, said) and said.count("\n") == 1, said)
        for place in ("file://" + log.folder, url):
            right, said = fsck(log.vkey, place)
            expect(not right, (said_by_logcheck, said))


def flip(log, path, at):
    data = bytearray(log.read(path))
    data[at] ^= 1
    log.write(path, bytes(data))


def cut(log, path, count):
    log.write(path, log.read(path)[:-count])


def exchange_entries(log, path):
    """The first two whose lengths differ, so that both still parse."""
    data, entries = log.read(path), []
    while data:
        end = 2 + int.from_bytes(data[:2], "big")
        entries.append(data[:end])
        data = data[end:]
    entries[1], entries[2] = entries[2], entries[1]
    log.write(path, b"".join(entries))


def claim_other_root(log):
    lines = log.read("checkpoint").decode().split("\n")
    root = bytearray(base64.b64decode(lines[2]))
    root[0] ^= 1
    lines[2] = base64.b64encode(root).decode()
    log.write("checkpoint", "\n".join(lines).encode())


def claim_other_tip(log):
    log.write("checkpoint", log.read("checkpoint").replace(b"\ntip ", b"\ntip 0", 1))


def sign_by_other_key(log):
    other = Log(log.folder + "-other")
    log.write("checkpoint", other.read("checkpoint"))


def sign_other_tree(log):
    """The right key on the root of other entries: only the tree itself tells."""
    other = log.copy(log.folder + "-fork")
    other.grow(SIZE, "other")
    log.write("checkpoint", other.read("checkpoint"))


# What is broken, and what logcheck says of it.
FAULTS = [
    ("entry", lambda log: flip(log, "tile/entries/001", 700), "entry .* is not"),
    ("newest entry", lambda log: flip(log, "tile/entries/002.p/88", -1), "entry 599 is not"),
    ("entries in another order", lambda log: exchange_entries(log, "tile/entries/000"),
     "entry 1 is not"),
    ("entry cut", lambda log: cut(log, "tile/entries/001", 1), "001: ends within an entry"),
    ("newest entry dropped",
     lambda log: cut(log, "tile/entries/002.p/88", 2 + 4 * len("entry 599\n")),
     "87 entries, expected 88"),
    ("no bundle", lambda log: os.remove(os.path.join(log.folder, "tile/entries/000")),
     "no such file|404"),
    ("full tile", lambda log: flip(log, "tile/0/001", 77), "inconsistent tile"),
    ("partial tile", lambda log: flip(log, "tile/0/002.p/88", 77), "inconsistent tile"),
    ("upper tile", lambda log: flip(log, "tile/1/000.p/2", 0), "inconsistent tile"),
    ("tile cut", lambda log: cut(log, "tile/0/000", 1), "bad result slice"),
    ("no tile", lambda log: os.remove(os.path.join(log.folder, "tile/0/000")),
     "no such file|404"),
    ("root", claim_other_root, "invalid signature"),
    ("tip", claim_other_tip, "invalid signature"),
    ("key", sign_by_other_key, "no verifiable signatures"),
    ("tree", sign_other_tree, "inconsistent tile"),
    ("no checkpoint", lambda log: os.remove(os.path.join(log.folder, "checkpoint")),
     "no such file|404"),
]


def check_faults(log, folder):
    for number, (name, broken, said_by_logcheck) in enumerate(FAULTS):
        twin = log.copy(os.path.join(folder, f"fault-{number}"))
        broken(twin)
        try:
            check_wrong(twin, said_by_logcheck)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def check_proofs(log, folder):
    def judged(proof, value):
        paths = [os.path.join(folder, name) for name in ("proof", "value")]
        for path, text in zip(paths, (proof, value)):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
        return logcheck(log.vkey, "-proof", paths[0], "-value", paths[1])

    for index in (0, 255, 256, 598, 599):
        value = f"entry {index}\n" * (index % 5)
        proof = log.printed("-prove", str(index))
        right, said = judged(proof, value)
        expect(right and said.startswith(f"ok {NAME} {SIZE} "), said)
        lines = proof.split("\n")
        for wrong in (proof.replace(f"index {index}", f"index {index + 1}"),
                      proof.replace(f"index {index}", f"index {SIZE}"),
                      "\n".join(lines[:2] + lines[3:]),
                      "\n".join(lines[:2] + lines[2:3] + lines[2:]),
                      proof.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n"),
                      proof.replace("tlog-proof@v1", "tlog-proof@v2")):
            expect(wrong != proof and not judged(wrong, value)[0], wrong)
        expect(not judged(proof, value + "x")[0], "a proof of another value")
        expect(judged(proof.replace("index", "extra AAAA\nindex"), value)[0], "no extra line")


def check_growth(folder):
    log = Log(os.path.join(folder, "growing"), 0)
    twin = None
    for size in (0, 1, 5, 256, 300):
        log.grow(size)
        older = os.path.join(folder, f"checkpoint-{size}")
        shutil.copy(os.path.join(log.folder, "checkpoint"), older)
        if size == 5:
            twin = log.copy(os.path.join(folder, "fork"))
    log.grow(SIZE)
    twin.grow(SIZE, "other")
    for size in (0, 1, 5, 256, 300):
        older = os.path.join(folder, f"checkpoint-{size}")
        expect(logcheck(log.vkey, "-consistency", older, log.folder)[0], size)
        # Entry 0 is empty under any word.
        right, said = logcheck(log.vkey, "-consistency", older, twin.folder)
        expect(right if size < 2 else not right and "not an extension" in said, (size, said))
    log.grow(5)
    right, said = logcheck(log.vkey, "-consistency", older, log.folder)
    expect(not right and "it was 300 once" in said, said)


def check_witness(folder):
    log = Log(os.path.join(folder, "witnessed"), 5)
    fork = log.copy(os.path.join(folder, "forked"))
    stranger = Log(os.path.join(folder, "stranger"), 5, name="unknown.example/log")
    impostor = Log(os.path.join(folder, "impostor"), 5)
    with Witness("witness.example/one", {NAME: log.vkey}) as witness:
        def cosign(old):
            status, _, line = witness.add_checkpoint(log.printed("-request", str(old)))
            expect(status == 200 and line.startswith("— witness.example/one "), (status, line))
            log.write("checkpoint", log.read("checkpoint") + line.encode())
            return logcheck(log.vkey, "-cosigned", witness.vkey, log.folder)

        def refused(body, status, content_type=None, text=""):
            answer = witness.add_checkpoint(body)
            expect(answer == (status, content_type, text), answer)

        expect(not logcheck(log.vkey, "-cosigned", witness.vkey, log.folder)[0], "no cosignature")
        expect(cosign(0)[0], "the first checkpoint")
        refused(log.printed("-request", "0"), 409, "text/x.tlog.size", "5\n")
        refused(stranger.printed("-request", "0"), 404)
        # What the specification answers by 403 this witness answers by 500.
        refused(impostor.printed("-request", "5"), 500)
        log.grow(SIZE)
        fork.grow(SIZE, "other")
        refused(log.printed("-request", "5").replace("old 5", "old 601"), 400)
        refused(fork.printed("-request", "5"), 422)
        refused(log.printed("-request", "0").replace("old 0", "old 5"), 422)
        right, said = cosign(5)
        expect(right, said)
        refused(fork.printed("-request", str(SIZE)), 422)
        expect(fsck(log.vkey, "file://" + log.folder)[0], "fsck of a cosigned log")
        # The cosignature of one checkpoint is none of another.
        line = log.read("checkpoint").decode().splitlines()[-1] + "\n"
        log.grow(SIZE + 1)
        log.write("checkpoint", log.read("checkpoint") + line.encode())
        expect(not logcheck(log.vkey, "-cosigned", witness.vkey, log.folder)[0], "moved along")


def main():
    with tempfile.TemporaryDirectory() as folder:
        log = Log(os.path.join(folder, "log"))
        check_right(log, SIZE)
        # Three levels of tiles, full and partial ones.
        check_right(Log(os.path.join(folder, "large"), 70000), 70000)
        check_right(Log(os.path.join(folder, "empty"), 0), 0)
        check_faults(log, folder)
        check_proofs(log, folder)
        check_growth(folder)
        check_witness(folder)
    print("the verifiers accept what is right and nothing else")


if __name__ == "__main__":
    main()
