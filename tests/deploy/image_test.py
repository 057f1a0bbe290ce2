"""Goal: the image is built of what ./demo builds of, holds nothing else, and runs as the chart
expects. Method: nobody here builds images, so the Dockerfile is read: its own line that chooses
packages is run, its base, user, ports and command are held against the chart and the binary.

    image_test.py       HANSA_BINARY, HANSA_SOURCE; with the Python of cmake/verifiers/fetch
"""

import json
import os
import re
import subprocess
import sys

import yaml

SOURCE = os.environ["HANSA_SOURCE"]
FOLDER = os.path.join(SOURCE, "deploy")


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def steps():
    """(word, rest) of every instruction, continued lines joined."""
    text = re.sub(r"^#.*\n", "", read("deploy", "Dockerfile"), flags=re.M)
    joined = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line]


def of(all_steps, word):
    return [rest for name, rest in all_steps if name == word]


def check_packages(all_steps):
    """As ./demo chooses them (cmake/prepare.sh)."""
    command = next(re.search(r"awk '[^']*' packages.txt", rest)[0]
                   for rest in of(all_steps, "RUN") if "packages.txt" in rest)
    chosen = subprocess.run(["bash", "-c", command], cwd=SOURCE, check=True, capture_output=True,
                            text=True).stdout.split()
    wanted = subprocess.run(
        ["bash", "-c", f"root='{SOURCE}'; . cmake/prepare.sh; listed_packages 'build and run'"],
        cwd=SOURCE, check=True, capture_output=True, text=True).stdout.split()
    expect(chosen and chosen == wanted, set(chosen) ^ set(wanted))


def check_base(all_steps):
    base, = [rest.split("=", 1)[1] for rest in of(all_steps, "ARG")]
    expect(re.fullmatch(r"debian:12\.\d+-slim(@sha256:[0-9a-f]{64})?", base), base)
    expect(all(rest.split()[0] == "${DEBIAN}" for rest in of(all_steps, "FROM")), "another base")
    expect(not of(all_steps, "ADD"), "ADD may fetch")
    for rest in of(all_steps, "RUN"):
        expect(not re.search(r"\b(curl|wget|git clone)\b|\| *(ba)?sh\b", rest), rest)


def check_run(all_steps):
    """User, ports and command are those of the chart."""
    pod = next(one for one in yaml.safe_load_all(read("tests", "charts", "golden", "least.yaml"))
               if one and one["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    user = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    expect(of(all_steps, "USER")[-1] == user and user != "0:0", user)
    expect([name for name, _ in all_steps].index("USER") >
           max(at for at, (name, _) in enumerate(all_steps) if name == "RUN"), "a RUN behind USER")
    ports = [str(port["containerPort"]) for port in container["ports"]]
    expect(of(all_steps, "EXPOSE")[0].split() == ports, ports)
    expect(json.loads(of(all_steps, "ENTRYPOINT")[0]) == ["hansa"], "another program")
    expect(json.loads(of(all_steps, "CMD")[0]) == container["args"], container["args"])
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    expect(of(all_steps, "VOLUME")[0] in mounts, mounts)


def check_context(all_steps):
    """What is copied is there; what is not of the repository stays outside."""
    ignored = read("deploy", "Dockerfile.dockerignore").split()
    expect({".git", "build"} <= set(ignored), ignored)
    for rest in of(all_steps, "COPY"):
        for name in rest.split()[:-1]:
            if name.startswith("/src/") and not name.startswith("/src/build/"):
                expect(os.path.exists(os.path.join(SOURCE, name[len("/src/"):])), name)


def main():
    all_steps = steps()
    check_packages(all_steps)
    check_base(all_steps)
    check_run(all_steps)
    check_context(all_steps)
    version = subprocess.run([os.environ["HANSA_BINARY"], "version"], check=True,
                             capture_output=True, text=True).stdout
    expect(f"hansa:{re.search(r'[0-9]+(?:[.][0-9]+){2}', version)[0]}" in
           read("deploy", "Dockerfile"), version)
    print(f"{len(all_steps)} instructions")


if __name__ == "__main__":
    sys.exit(main())
