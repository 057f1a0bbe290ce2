#!/usr/bin/env python3
"""Goal: what the README tells a reader to type works as printed. Method: every `sh` block of
README.md and of the pages that go on from it, except one that only calls ./check, runs in order
in one bash, in a scratch copy of the project (links to its files, so that the build is not
repeated). A line that serves runs in the background, ends the server before it, and what follows
waits until /readyz answers.

    readme_test.py       fails with the block and its output when a line exits with non-zero
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS_MAX = 600
PAGES = ["README.md", "examples/mappings/README.md"]
# Times of waiting are limits only: it goes on as soon as the answer is there.
HELPERS = r"""
set -E -o pipefail
trap 'judge $? "$BASH_COMMAND"' ERR
# `curl … | head` ends curl with 23 or 141, because head has seen enough; that is no failure.
judge() {
  case $1 in 23|141) return 0 ;; esac
  echo "README block $block: a line exited with $1: $2" >&2
  exit 1
}
wait_until_ready() {
  for _ in $(seq 600); do
    kill -0 "$1" || { echo "the server of block $block ended" >&2; return 1; }
    curl -fsS "${HANSA_SERVER:-http://127.0.0.1:8080}/readyz" > /dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "block $block: no answer from /readyz within 60 s" >&2
  return 1
}
stop_server() {
  if [ -n "${server:-}" ]; then kill "$server"; wait "$server" || true; server=; fi
}
"""


def blocks_of(text):
    found = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    return [block for block in found if not re.fullmatch(r"(\./check[^\n]*\n)+", block)]


def serves(line):
    """Whether this line starts a server, which goes on until it is stopped."""
    if "--help" in line or "--check" in line:
        return False
    return bool(re.match(r"\./demo\b(?!.*--once)", line) or re.search(r"\bhansa serve\b", line))


def script_of(blocks):
    script = [HELPERS]
    for number, block in enumerate(blocks, 1):
        script.append(f"block={number}; echo '== README block {number}'")
        for line in block.replace("\\\n", " ").splitlines():
            if serves(line):
                line = re.sub(r"(\s+#.*|\s*&\s*)$", "", line)
                script += ["stop_server", line + " &", "server=$!", 'wait_until_ready "$server"']
            else:
                script.append(line)
    return "\n".join(script + ["stop_server", "block=end", ""])


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def run(script, scratch, seconds_max=SECONDS_MAX, **more):
    """Runs the script in a session of its own, so that what it leaves behind ends with it; `more`
    stands in its environment."""
    copy = os.path.join(scratch, "hansa")
    os.mkdir(copy)
    for name in os.listdir(ROOT):
        os.symlink(os.path.join(ROOT, name), os.path.join(copy, name))
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("HANSA_")}
    environment.update(HOME=scratch, TMPDIR=scratch, **more)
    log = os.path.join(scratch, "log")
    with open(log, "wb") as output:
        shell = subprocess.Popen(["bash", "-c", script], cwd=copy, env=environment, stdout=output,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            code = shell.wait(seconds_max)
        except subprocess.TimeoutExpired:
            code = f"nothing within {seconds_max} s"
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    with open(log, encoding="utf-8", errors="replace") as stream:
        return code, stream.read()


def main():
    blocks = []
    for page in PAGES:
        with open(os.path.join(ROOT, page), encoding="utf-8") as stream:
            found = blocks_of(stream.read())
        if not found:
            print(f"{page}: expected at least one sh block")
            return 1
        blocks += found
    for port in (8080, 9464):
        if not port_is_free(port):
            print(f"port {port} is in use; the README's commands need it")
            return 1
    with tempfile.TemporaryDirectory() as scratch:
        code, output = run(script_of(blocks), scratch)
    print(output)
    if code == 0:
        print(f"{len(blocks)} blocks ran")
        return 0
    reached = re.findall(r"^== README block (\d+)$", output, re.M)
    print(f"exit: {code}, in this block:\n{blocks[int(reached[-1]) - 1] if reached else ''}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
