#!/usr/bin/env python3
"""Goal: every rule of tidy.py fires on the smallest sample that breaks it, at the right line, and
stays silent on code that is right. Method: each test writes files into a scratch project."""

import os
import sys
import tempfile
import unittest

import tidy

MANUAL = "// What it is.\n#pragma once\n"


def found_in(files):
    """The findings for a project of these files, without the one for missing layer READMEs."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as stream:
                stream.write(text)
        return [line for line in tidy.findings(root) if "layer-readme" not in line]


def long_body(lines):
    return "  step();\n" * lines


class Tidy(unittest.TestCase):
    def setUp(self):
        reviewed = dict(tidy.CLOCKS_ALLOWED)
        tidy.CLOCKS_ALLOWED.clear()
        self.addCleanup(tidy.CLOCKS_ALLOWED.update, reviewed)
        self.addCleanup(tidy.CLOCKS_ALLOWED.clear)

    def fires(self, rule, line, path, text, **others):
        """Exactly this rule, exactly there."""
        found = {": ".join(each.split(": ")[:2]) for each in found_in({path: text, **others})}
        self.assertEqual({f"{path}:{line}: {rule}"}, found)

    def silent(self, path, text, **others):
        self.assertEqual([], found_in({path: text, **others}))

    def test_upward_include(self):
        self.fires("upward-include", 3, "core/a.h", MANUAL + '#include "ops/http.h"\n')
        self.fires("upward-include", 1, "tests/core/a.cc", '#include "streams/log.h"\n')
        self.fires("upward-include", 1, "core/a.cc", '#include "a.h"\n')
        self.silent("ops/a.cc", '#include "core/base/result.h"\n#include "hansa/v1/case.pb.h"\n')

    def test_library_outside_its_layer(self):
        for path, header in [("core/a.cc", "rocksdb/db.h"), ("ops/a.cc", "rocksdb/db.h"),
                             ("streams/a.cc", "boost/asio.hpp"), ("core/a.cc", "spdlog/spdlog.h"),
                             ("projections/a.cc", "boost/beast.hpp"), ("core/a.cc", "CLI/CLI.hpp"),
                             ("projections/a.cc", "yaml-cpp/yaml.h"), ("core/a.cc", "date/tz.h"),
                             ("projections/a.cc", "prometheus/counter.h"),
                             ("streams/a.cc", "openssl/evp.h"), ("streams/a.cc", "sodium.h"),
                             ("ops/a.cc", "gtest/gtest.h"), ("ops/a.cc", "curl/curl.h")]:
            self.fires("library-layer", 1, path, f"#include <{header}>\n")
        self.silent("projections/a.cc", "#include <rocksdb/db.h>\n#include <boost/asio.hpp>\n")
        self.silent("core/a.cc", "#include <google/protobuf/message.h>\n#include <vector>\n")

    def test_impure_core(self):
        self.fires("pure-core", 1, "core/a.cc", "#include <thread>\n")
        self.fires("pure-core", 1, "core/a.cc", "#include <fstream>\n")
        self.silent("streams/a.cc", "#include <thread>\n")

    def test_clock_or_chance_outside_ops(self):
        for word in ["std::chrono::system_clock::now()", "steady_clock::now()", "time(nullptr)",
                     "gettimeofday(&t, 0)", "clock_gettime(0, &t)", "std::random_device r",
                     "std::mt19937 r", "std::mt19937_64 r", "rand()", "RAND_bytes(p, 1)",
                     "randombytes_buf(p, 1)"]:
            self.fires("clock-or-chance", 2, "streams/a.cc", f"void f() {{\n  {word};\n}}\n")
        self.silent("ops/a.cc", "auto now = std::chrono::system_clock::now();\n")
        self.silent("core/a.cc", "// never system_clock\nauto s = \"rand()\"; int brand(int);\n")

    def test_allowed_clock_that_nobody_uses_any_more(self):
        tidy.CLOCKS_ALLOWED[("core/a.cc", "steady_clock")] = "sample"
        self.silent("core/a.cc", "auto now = steady_clock::now();\n")
        self.fires("clock-or-chance", 1, "core/a.cc", "int now = 0;\n")

    def test_long_file(self):
        self.silent("core/a.cc", "int a;\n" * 600)
        self.fires("long-file", 601, "core/a.cc", "int a;\n" * 601)

    def test_long_line_counts_characters(self):
        self.silent("core/a.cc", "// " + "苏" * 97 + "\n")
        for path in ["core/a.cc", "core/a.proto", "cmake/a.cmake", "tests/a.sh"]:
            self.fires("long-line", 2, path, "//\n" + "x" * 101 + "\n")

    def test_long_function(self):
        heads = ["int f(int a) {\n", "Foo::Foo(int a) : a_(a), b_{2} {\n", "TEST(A, B) {\n",
                 "template <class T>\nauto f(T t) -> std::string {\n",
                 "auto f() const noexcept {\n"]
        for head in heads:
            rest = 70 - head.count("\n") - 1
            self.silent("streams/a.cc", head + long_body(rest) + "}\n")
            self.fires("long-function", 1, "streams/a.cc", head + long_body(rest + 1) + "}\n")
        method = "namespace a {\nclass B : public C {\n public:\n  int f() {\n    if (a()) {\n"
        self.fires("long-function", 3, "streams/a.cc", method + long_body(70) + "}\n}\n};\n}\n")
        self.fires("long-function", 1, "tests/a.py", "def f():\n" + "    step()\n" * 70)
        table = "const Row kTable[] = {\n" + '  {"a(", f(1)},\n' * 100 + "};\nint f() {\n}\n"
        self.silent("streams/a.cc", table)
        short = "  int f() { return g(1'000); }\n"
        self.silent("streams/a.cc", "class A {\n" + short * 99 + "};\n")
        text = 'R"(\n{ f(\n)" "}" \'{\' /* { */ // {\n'
        self.silent("streams/a.cc", "int f() {\n  g(" + text + "  );\n}\n" + "int a;\n" * 90)

    def test_header_without_manual(self):
        self.fires("top-comment", 1, "core/a.h", "#pragma once\nint a;\n")
        self.fires("top-comment", 1, "core/a.h", "// A.\n#include <vector>\n#pragma once\n")
        self.fires("top-comment", 1, "core/schema/a.proto", 'syntax = "proto3";\n')
        self.silent("core/a.h", MANUAL)

    def test_left_open(self):
        for word in ["TODO", "FIXME", "XXX", "HACK"]:
            self.fires("left-open", 1, "core/a.cc", f"// {word}: later\n")
        self.fires("left-open", 1, "README.md", "TODO\n")
        self.silent("core/a.cc", "// a hack saw\n")

    def test_machine_path(self):
        self.fires("machine-path", 1, "README.md", "see /home/someone/x\n")
        self.silent("README.md", "see ../shared/data/la311-2017.csv and http://a/home\n")

    def test_test_that_cannot_fail(self):
        lists = {"tests/core/CMakeLists.txt": "hansa_test(NAME a_test SRCS a_test.cc LAYER core)\n"}
        for word in ["GTEST_SKIP();", "EXPECT_TRUE(true);", "TEST(A, DISABLED_B) {}"]:
            self.fires("empty-test", 1, "tests/core/a_test.cc", word + "\n", **lists)

    def test_unregistered_test(self):
        lists = {"tests/core/CMakeLists.txt": "hansa_test(NAME a SRCS a_test.cc)  # b_test.cc\n"}
        self.silent("tests/core/a_test.cc", "int a;\n", **lists)
        self.fires("unregistered-test", 1, "tests/core/b_test.cc", "int a;\n", **lists)

    def test_layer_without_readme(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "core"))
            self.assertTrue(any("layer-readme" in line for line in tidy.findings(root)))

    def test_every_rule_has_a_sample_here(self):
        with open(__file__, encoding="utf-8") as stream:
            text = stream.read()
        self.assertEqual([], [rule for rule in tidy.RULES if f'"{rule}"' not in text])


if __name__ == "__main__":
    sys.exit(unittest.main())
