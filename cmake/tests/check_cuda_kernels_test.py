#!/usr/bin/env python3
"""check_cuda_kernels.py: what cuobjdump says is read, and every way in which a kernel can become worse is told."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import check_cuda_kernels as subject  # noqa: E402

MANGLED = ("_ZN4mmpo56_GLOBAL__N__318ea82c_17_dropout_linear_cu_beb91ac0_1145916multiply_by_keptIN3c108BFloat16EEEvNS_4RowsIKT_EES7_"
           "NS_12DropoutMasksENS0_5PartsEb")
NAME = "dropout_linear.cu multiply_by_kept<c10::BFloat16>"
RESOURCES = f"""
arch = sm_80
 Common:
  GLOBAL:0
 Function {MANGLED}:
  REG:168 STACK:24 SHARED:26624 LOCAL:8 CONSTANT[2]:8 CONSTANT[0]:617 TEXTURE:0 SURFACE:0 SAMPLER:0
"""
ELF = f"""arch = sm_80
.nv.info
\tAttribute:\tEIATTR_REGCOUNT
\tValue:\tfunction: {MANGLED}(0x5)\tregister count: 168
.nv.info.{MANGLED}
\tAttribute:\tEIATTR_MAX_THREADS
\tFormat:\tEIFMT_SVAL
\tValue:\t0x40 0x2 0x1
.text.other
\tAttribute:\tEIATTR_MAX_THREADS
\tValue:\t0x400 0x1 0x1
"""
GOOD = subject.Kernel(registers=168, threads=128, shared=26624, local=24)


def problems(kernel, recorded=(3, 24)):
    return list(subject.problems({(NAME, 80): kernel}, {(NAME, 80): recorded}))


class CheckCudaKernelsTest(unittest.TestCase):
    def test_what_cuobjdump_says_is_read(self):
        self.assertEqual(subject.resources(RESOURCES.splitlines()), {(80, MANGLED): (168, 26624, 32)})
        self.assertEqual(subject.bounds(ELF.splitlines()), {(80, MANGLED): 128})
        self.assertEqual(subject.readable(MANGLED), NAME)

    def test_blocks_are_those_that_fit(self):
        self.assertEqual(GOOD.blocks(80), 3)  # 3 * 128 * 168 registers of 65,536
        self.assertEqual(GOOD._replace(registers=169).blocks(80), 2)  # of which a warp gets 256 at a time
        self.assertEqual(GOOD._replace(registers=32).blocks(80), 6)  # by shared memory: 27 KiB of 164
        self.assertEqual(GOOD._replace(registers=32).blocks(90), 8)  # of 228
        self.assertEqual(GOOD._replace(registers=32, shared=0).blocks(80), 16)  # by threads: 128 of 2,048
        self.assertEqual(GOOD._replace(registers=16, shared=0, threads=32).blocks(80), 32)

    def test_a_kernel_as_it_was_recorded_is_no_problem(self):
        self.assertEqual(problems(GOOD), [])
        self.assertEqual(problems(GOOD._replace(registers=100, local=0)), [])

    def test_what_became_worse_is_said(self):
        for kernel, words in (
                (GOOD._replace(threads=None), "no __launch_bounds__"),
                (GOOD._replace(threads=1024), "cannot be launched with the 1024 threads"),
                (GOOD._replace(shared=60000), "60000 bytes of static shared memory"),
                (GOOD._replace(registers=200), "holds 2 blocks at once, 3 are recorded"),
                (GOOD._replace(local=28), "28 bytes of local memory a thread, 24 are recorded")):
            with self.subTest(words):
                self.assertIn(words, "\n".join(problems(kernel)))

    def test_kernels_and_record_are_the_same(self):
        self.assertIn("not recorded", list(subject.problems({(NAME, 80): GOOD}, {}))[0])
        self.assertEqual(list(subject.problems({}, {(NAME, 80): (3, 24)})),
                         ["it has no kernels", f"{NAME} for sm_80 is recorded, and not there"])

    def test_a_record_is_read_as_it_was_written(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "record"
            subject.write_record(path, {(NAME, 80): GOOD})
            self.assertEqual(subject.read_record(path), {(NAME, 80): (3, 24)})


if __name__ == "__main__":
    unittest.main()
