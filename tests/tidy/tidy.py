#!/usr/bin/env python3
"""Holds the house rules that no compiler holds; tidy_test.py sees each one fire.

    tidy.py [ROOT]      prints `path:line: rule: what was expected`, exits 1 when anything was found

A rule is a function from a File to (line, message) pairs, listed in RULES with its name.
"""

import ast
import os
import re
import subprocess
import sys

LAYERS = ["core", "streams", "projections", "federation", "ops"]
LINES_MAX = 600
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

EVERYWHERE = LAYERS
ABOVE_STREAMS = ["projections", "federation", "ops"]
# Which layers may include which library, by the longest prefix that fits. Tests may use all.
LIBRARIES = {
    "boost/multiprecision/": EVERYWHERE,
    "boost/": ABOVE_STREAMS,
    "boost/beast": ["ops"],
    "boost/json": ["ops"],
    "google/protobuf/": EVERYWHERE,
    "hansa/v1/": EVERYWHERE,
    "openssl/": ["core", "ops"],
    "rocksdb/": ["streams", "projections"],
    "librdkafka/": ["streams"],
    "sodium": ["core"] + ABOVE_STREAMS,
    "tl/": EVERYWHERE,
    "CLI/": ["ops"],
    "date/": ["ops"],
    "prometheus/": ["ops"],
    "spdlog/": ["ops"],
    "yaml-cpp/": ["ops"],
    "zlib.h": ["ops"],
    "gtest/": [],
    "rapidcheck": [],
    "benchmark/": [],
}
SYSTEM_FOLDERS = ("sys/", "netinet/", "arpa/", "linux/", "net/")
# core does no I/O and has no threads: these headers have no business there.
IMPURE = re.compile(r"(thread|mutex|shared_mutex|condition_variable|future|fstream|iostream"
                    r"|filesystem|random|unistd\.h|fcntl\.h|sys/.*)$")
CLOCKS = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|gettimeofday|clock_gettime"
                    r"|random_device|mt19937(_64)?|RAND_bytes|randombytes\w*|getrandom"
                    r"|arc4random\w*|s?rand\s*(?=\()|time\s*\(\s*(nullptr|NULL|0)?\s*\))")
# Reviewed uses of a clock or of chance outside ops: (path, word) -> reason. An entry that nothing
# uses any more is itself an error.
CLOCKS_ALLOWED = {
    ("projections/store.cc", "steady_clock"):
        "bounds how long a reopening waits for readers; nothing stored depends on it",
}
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|farm|home|root|tmp/team)/")
EMPTY_TESTS = re.compile(r"\b(GTEST_SKIP|DISABLED_\w*|EXPECT_TRUE\s*\(\s*true\s*\))")
# The samples and patterns of these files would fire the rules they are about.
ABOUT_TIDY = "tests/tidy/"

TOKENS = re.compile("|".join([
    r"//[^\n]*", r"/\*.*?\*/", r'R"([^(\s"]*)\(.*?\)\1"', r'"(?:\\.|[^"\\\n])*"',
    r"(?<!\w)\d[\w'.]*", r"'(?:\\.|[^'\\\n])*'"]), re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CLASS_HEAD = re.compile(r"\b(class|struct|union|enum|namespace)\b(\s+class)?\s*[\w:]*\s*"
                        r"(final\s*)?(:(?!:)[^()]*)?$")
CONTROL = re.compile(r"^\s*(\[\[\w+\]\]\s*)?(}\s*)?(if|else|for|while|switch|do|try|catch)\b")


class File:
    def __init__(self, root, path):
        self.path = path
        self.root = root
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as stream:
            self.text = stream.read()
        self.lines = self.text.splitlines()
        parts = path.split("/")
        self.in_tests = parts[0] == "tests"
        folder = parts[1] if self.in_tests and len(parts) > 2 else parts[0]
        self.layer = folder if folder in LAYERS else None
        self.extension = os.path.splitext(path)[1]
        self.is_cpp = self.extension in (".cc", ".h")
        script = self.extension in (".py", ".sh") or self.text.startswith("#!")
        self.is_cmake = self.extension == ".cmake" or parts[-1] == "CMakeLists.txt"
        self.is_code = self.is_cpp or script or self.is_cmake or self.extension == ".proto"

    def code(self):
        """The C++ text with comments, literals and preprocessor lines blanked, line for line."""
        def blank(match):
            if match.group(0)[0].isdigit():
                return match.group(0)
            return re.sub(r"[^\n]", " ", match.group(0))
        text = TOKENS.sub(blank, self.text)
        return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", blank, text, flags=re.M)


def includes(file):
    for number, line in enumerate(file.lines, 1):
        match = INCLUDE.match(line)
        if match and file.is_cpp:
            yield number, match.group(1), match.group(2)


def upward_include(file):
    for number, quote, name in includes(file):
        top = name.split("/")[0]
        if quote == '"' and top not in LAYERS + ["tests", "hansa"]:
            yield number, f'"{name}": expected a path from the project root'
        elif top in LAYERS and file.layer and LAYERS.index(top) > LAYERS.index(file.layer):
            yield number, f"{file.layer} may not use {top}, which lies above it"


def library_layer(file):
    if file.in_tests or not file.layer:
        return
    for number, quote, name in includes(file):
        fits = [prefix for prefix in LIBRARIES if name.startswith(prefix)]
        if fits:
            layers = LIBRARIES[max(fits, key=len)]
            if file.layer not in layers:
                yield number, f"<{name}> belongs to {', '.join(layers) or 'tests'} only"
        elif quote == "<" and "/" in name and not name.startswith(SYSTEM_FOLDERS):
            yield number, f"<{name}>: a new library needs a reason in ARCHITECTURE.md"


def pure_core(file):
    if file.layer == "core" and not file.in_tests:
        for number, quote, name in includes(file):
            if quote == "<" and IMPURE.match(name):
                yield number, f"core has no I/O, threads or chance, found <{name}>"


def clock_or_chance(file):
    if not file.is_cpp or file.in_tests or file.layer == "ops":
        return
    for number, line in enumerate(file.code().splitlines(), 1):
        for match in CLOCKS.finditer(line):
            word = re.match(r"\w+", match.group(0)).group(0)
            if (file.path, word) not in CLOCKS_ALLOWED:
                yield number, f"{word}: time and chance are passed in (core/base/env.h)"


def long_file(file):
    if file.is_code and len(file.lines) > LINES_MAX:
        yield LINES_MAX + 1, f"at most {LINES_MAX} lines, found {len(file.lines)}"


def long_line(file):
    if file.is_code:
        for number, line in enumerate(file.lines, 1):
            if len(line) > COLUMNS_MAX:
                yield number, f"at most {COLUMNS_MAX} columns, found {len(line)}"


def functions(code):
    """(first line, last line) of every outermost function, found by counting braces.

    The head of a block is the text before it back to the last `;`, `{` or `}`; a member's brace
    initialiser and a braced list belong to the head that goes on after them.
    """
    found, stack, head = [], [], 0
    for at, char in enumerate(code):
        if char == "{":
            text = re.sub(r"\[\[.*?\]\]", "", code[head:at]).rstrip()
            around = {kind for kind, _ in stack}
            if "function" in around:
                kind = "block"
            elif "list" in around or text.endswith(("=", "(", ",", "<", "return")) or re.search(
                    r"\)[\s\w]*:(?!:)[^{]*(\{.*\})*[^{]*\w$", text, re.S):
                kind = "list"
            elif ")" in text and not CLASS_HEAD.search(text) and not CONTROL.match(text):
                kind = "function"
            else:
                kind = "scope"
            stack.append((kind, head))
            head = head if kind == "list" else at + 1
        elif char == "}" and stack:
            kind, start = stack.pop()
            if kind == "function":
                start += len(code[start:at]) - len(code[start:at].lstrip())
                found.append((code.count("\n", 0, start) + 1, code.count("\n", 0, at) + 1))
            head = start if kind == "list" else at + 1
        elif char == ";" and not any(kind == "list" for kind, _ in stack):
            head = at + 1
    return found


def long_function(file):
    spans = []
    if file.is_cpp:
        spans = functions(file.code())
    elif file.extension == ".py":
        spans = [(node.lineno, node.end_lineno) for node in ast.walk(ast.parse(file.text))
                 if isinstance(node, ast.FunctionDef)]
    for first, last in spans:
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield first, f"at most {FUNCTION_LINES_MAX} lines a function, found {last - first + 1}"


def top_comment(file):
    if file.extension == ".proto" and not file.text.startswith("//"):
        yield 1, "a schema begins with a comment that says what it holds"
    if file.extension != ".h":
        return
    if not file.text.startswith("//"):
        yield 1, "a header begins with a comment that is its manual"
    before = file.text.split("#pragma once")
    if len(before) != 2 or re.sub(r"//.*", "", before[0]).strip():
        yield 1, "expected `#pragma once` right after the top comment"


def left_open(file):
    if not file.path.startswith(ABOUT_TIDY):
        for number, line in enumerate(file.lines, 1):
            if WORDS.search(line):
                yield number, f"{WORDS.search(line).group(0)}: finish it or leave it out"


def machine_path(file):
    if not file.path.startswith(ABOUT_TIDY):
        for number, line in enumerate(file.lines, 1):
            if MACHINE_PATHS.search(line):
                yield number, "a path of one machine"


def empty_test(file):
    if file.is_cpp and file.in_tests:
        for number, line in enumerate(file.code().splitlines(), 1):
            if EMPTY_TESTS.search(line):
                yield number, f"{EMPTY_TESTS.search(line).group(0)}: a test that cannot fail"


def unregistered_test(file):
    name = os.path.basename(file.path)
    if not file.in_tests or not re.search(r"_test\.(cc|py|sh)$", name):
        return
    lists = [os.path.join(file.root, folder, "CMakeLists.txt")
             for folder in (os.path.dirname(file.path), "tests")]
    lists.append(os.path.join(file.root, "cmake/hansa.cmake"))
    for path in filter(os.path.exists, lists):
        with open(path, encoding="utf-8") as stream:
            if re.search(r"(?<![\w.])" + re.escape(name), re.sub(r"#.*", "", stream.read())):
                return
    yield 1, "no CMakeLists.txt registers it, so it never runs"


RULES = {
    "upward-include": upward_include,
    "library-layer": library_layer,
    "pure-core": pure_core,
    "clock-or-chance": clock_or_chance,
    "long-file": long_file,
    "long-line": long_line,
    "long-function": long_function,
    "top-comment": top_comment,
    "left-open": left_open,
    "machine-path": machine_path,
    "empty-test": empty_test,
    "unregistered-test": unregistered_test,
}


def project_files(root):
    """Every tracked or not ignored file; where git does not answer, every file outside build/."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.splitlines()
    else:
        names = [os.path.relpath(os.path.join(folder, name), root)
                 for folder, _, found in os.walk(root) for name in found]
    names = sorted({name for name in names if not re.match(r"(build|\.git)/|LICENSE$", name)})
    return [name for name in names if os.path.isfile(os.path.join(root, name))]


def findings(root):
    names = project_files(root)
    for name in names:
        if os.path.splitext(name)[1] in (".csv", ".json", ".png", ".ico"):
            continue
        file = File(root, name)
        for rule, check in RULES.items():
            for line, message in check(file):
                yield f"{name}:{line}: {rule}: {message}"
    for layer in LAYERS:
        if os.path.isdir(os.path.join(root, layer)) and f"{layer}/README.md" not in names:
            yield f"{layer}/README.md:1: layer-readme: expected purpose, entry header, invariants"
    for (name, word), reason in CLOCKS_ALLOWED.items():
        if name not in names or word not in File(root, name).code():
            yield f"{name}:1: clock-or-chance: no longer uses {word} ({reason}); drop the entry"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))
    found = list(findings(root))
    print("\n".join(found) or "tidy: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
