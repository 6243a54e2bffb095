#!/usr/bin/env python3
"""bench/gpu/run without a GPU and without torch: what it keeps and goes on from, its time-outs, and that a wrong kernel has no figure."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import types
import unittest
from unittest import mock

GPU = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(GPU), str(GPU.parent / "trl")]
sys.dont_write_bytecode = True
import progress  # noqa: E402
import report  # noqa: E402
import shapes  # noqa: E402
import table  # noqa: E402
import timing  # noqa: E402


def load_run():
    loader = importlib.machinery.SourceFileLoader("gpu_run", str(GPU / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_run", loader))
    loader.exec_module(module)
    return module


RUN = load_run()
TORCH = types.SimpleNamespace(__version__="2.13.0", __file__="/nowhere/torch/__init__.py")
GOOD = {"seconds": 2.0, "pairs": 4, "peak_bytes": 2**30, "grad_norm": 1.5, "logps": [-700.0, -30.0], "lengths": [100, 4]}


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def bench(self, *options):
        command = ["run", "--device", "cpu", "--shapes", "tiny", "--state", str(self.directory / "state.json"), *options]
        with mock.patch.object(sys, "argv", command):
            return RUN.Bench(RUN.parse(), TORCH)

    def main(self, *options):
        """(the exit status, what was printed) of a call with these options."""
        command = ["run", *options, "--device", "cpu", "--shapes", "tiny", "--state", str(self.directory / "state.json")]
        printed = io.StringIO()
        with mock.patch.object(sys, "argv", command), mock.patch.dict(sys.modules, torch=TORCH), contextlib.redirect_stdout(printed):
            return RUN.main(), printed.getvalue()

    def program(self, text):
        file = self.directory / "program"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return [file]


class Differences(Case):
    def test_rounding_is_none(self):
        mine = {**GOOD, "logps": [-700.9, -30.1], "grad_norm": 1.55}
        self.assertEqual(table.differences(shapes.SHAPES["tiny"], GOOD, mine), [])

    def test_a_wrong_forward_is_named(self):
        mine = {**GOOD, "logps": [-702.0, -30.0]}
        self.assertIn("completion 0 of 100 tokens has -702.000 nats, -700.000", table.differences(shapes.SHAPES["tiny"], GOOD, mine)[0])

    def test_what_is_not_a_number_is_wrong(self):
        mine = {**GOOD, "logps": [float("nan"), -30.0], "grad_norm": float("nan")}
        self.assertEqual(len(table.differences(shapes.SHAPES["tiny"], GOOD, mine)), 2)

    def test_a_wrong_backward_is_named(self):
        self.assertIn("gradient's norm is 1.8", table.differences(shapes.SHAPES["tiny"], GOOD, {**GOOD, "grad_norm": 1.8})[0])

    def test_a_wrong_program_has_no_figure(self):
        bench = self.bench()
        bench.state.put("tiny dpo PyTorch", GOOD)
        bench.state.put("tiny dpo mmpo", {**GOOD, "logps": [-1.0, -30.0]})
        output = self.directory / "deep" / "table.md"
        bench.arguments.output = output
        self.assertFalse(bench.report())
        text = output.read_text()
        self.assertIn("| plain PyTorch |", text)
        self.assertNotIn("| mmpo |", text)
        self.assertIn("Not measured: tiny dpo mmpo is wrong: completion 0", text)


class GoingOn(Case):
    def test_what_is_measured_is_not_measured_again(self):
        bench = self.bench()
        first = bench.last_json("a", self.program("echo noise; echo '{\"seconds\": 1}'"))
        self.assertEqual(first, {"seconds": 1})
        self.assertEqual(self.bench().last_json("a", ["/nowhere"]), first)

    def test_a_full_table_is_status_0(self):
        bench = self.bench()
        bench.state.put("tiny dpo PyTorch", GOOD)
        bench.state.put("tiny dpo mmpo", {**GOOD, "seconds": 1.0})
        results = report.RESULTS.read_bytes()
        status, printed = self.main("measure")
        self.assertEqual(status, 0)
        self.assertIn("| plain PyTorch |", printed)
        self.assertIn("| mmpo |", printed)
        self.assertEqual(report.RESULTS.read_bytes(), results)

    def test_the_table_is_recorded_where_it_is_asked_for(self):
        bench = self.bench()
        bench.state.put("tiny dpo PyTorch", GOOD)
        bench.state.put("tiny dpo mmpo", GOOD)
        with mock.patch.object(report, "RESULTS", self.directory / "RESULTS.md"):
            self.assertEqual(self.main("measure", "--record")[0], 0)
            self.assertIn("| mmpo |", report.RESULTS.read_text())

    def test_a_table_with_a_gap_is_status_1(self):
        bench = self.bench()
        bench.state.put("tiny dpo PyTorch", GOOD)
        bench.state.put("tiny dpo mmpo", {"problem": "tiny dpo mmpo ended with status 3"})
        status, printed = self.main("measure")
        self.assertEqual(status, 1)
        self.assertIn("Not measured: tiny dpo mmpo ended with status 3.", printed)

    def test_native_tests_that_failed_are_status_1(self):
        bench = self.bench()
        bench.state.put("tiny dpo PyTorch", GOOD)
        bench.state.put("tiny dpo mmpo", GOOD)
        bench.state.put("tests 3", "failed (1)")
        status, printed = self.main("measure")
        self.assertEqual(status, 1)
        self.assertIn("native tests on the GPU: FAILED", printed)

    def test_what_is_to_be_continued_is_status_75_and_says_what_there_is(self):
        self.bench().state.put("tiny dpo PyTorch", GOOD)
        with mock.patch.object(progress.Budget, "run", side_effect=progress.OutOfTime):
            status, printed = self.main("measure")
        self.assertEqual(status, 75)
        self.assertIn("9 minutes are over; the same command goes on from here", printed)
        self.assertIn("| plain PyTorch |", printed)

    def test_other_sources_have_no_results(self):
        self.bench().state.put("a", {"seconds": 1})
        with mock.patch.object(progress, "sources", return_value="0123456789"):
            self.assertIsNone(self.bench().state.get("a"))

    def test_a_failure_is_said_kept_and_tried_again_when_asked(self):
        problem = self.bench().last_json("a", self.program("exit 3"))
        self.assertEqual(problem, {"problem": "a ended with status 3"})
        self.assertEqual(self.bench().last_json("a", self.program("echo '{}'")), problem)
        self.assertEqual(self.bench("--retry").last_json("a", self.program("echo '{\"seconds\": 1}'")), {"seconds": 1})

    def test_a_program_that_does_not_end_is_ended(self):
        bench = self.bench("--minutes", "0.01")
        self.assertIn("a did not end within ", bench.last_json("a", ["sleep", "60"])["problem"])

    def test_one_that_began_late_has_another_chance(self):
        bench = self.bench("--minutes", "1")
        bench.last_json("first", self.program("echo '{}'"))
        bench.budget.seconds, bench.budget.end = 1, time.monotonic() + 0.9
        with self.assertRaises(progress.OutOfTime):
            bench.last_json("a", ["sleep", "60"])
        self.assertIsNone(bench.state.get("a"))
        with self.assertRaises(progress.OutOfTime):
            bench.last_json("a", ["true"])

    def test_tests_that_passed_are_not_run_again(self):
        bench = self.bench()
        bench.state.put("built", ["training_step_gpu", "mmpo_gpu_tests"])
        for shard in range(RUN.TEST_SHARDS):
            self.assertIsNone(bench.tests_passed())
            bench.state.put(f"tests {shard}", "passed")
        bench.test()
        self.assertTrue(bench.tests_passed())
        bench.state.put("tests 3", "failed (1)")
        self.assertFalse(bench.tests_passed())


class Timing(Case):
    def test_what_is_timed_was_gone_through_before(self):
        calls = []

        def step(number):
            time.sleep(0.001 if "wait" in calls else 0.1)
            calls.append(number)

        seconds = timing.seconds_of(3, step, lambda: calls.append("wait"))
        self.assertEqual(calls, [0, 1, 2, "wait", 0, 1, 2, "wait"])
        self.assertTrue(0.003 <= seconds < 0.3, seconds)


class Machine(Case):
    def test_git_is_not_needed(self):
        with mock.patch.dict(os.environ, PATH=str(self.directory)):
            self.assertEqual(report.versions({"torch": "2.13.0"}, "0123456789"), "mmpo of sources 0123456789, torch 2.13.0")

    def test_an_unknown_stage_is_refused(self):
        found = subprocess.run([sys.executable, GPU / "run", "measur"], capture_output=True, text=True)
        self.assertEqual(found.returncode, 2)
        self.assertIn("unknown stage measur; there are build, test, measure", found.stderr)


if __name__ == "__main__":
    unittest.main()
