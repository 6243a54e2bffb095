#!/usr/bin/env python3
"""assemble_cuda.py against wheels of its own: laid out as a toolkit; cut short, nothing is left."""

import base64
import contextlib
import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import assemble_cuda as subject  # noqa: E402
import check_cuda_library  # noqa: E402
import wheel_files  # noqa: E402

FILES = {"nvidia/cu13/bin/nvcc": b"compiler", "nvidia/cu13/lib/libcudart.so.13": b"runtime", "elsewhere/notes": b"not wanted"}


def make_wheel(files, recorded=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        record = []
        for name, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256((recorded or {}).get(name, data)).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")
            member = zipfile.ZipInfo(name)
            member.external_attr = (0o755 if "/bin/" in name else 0o644) << 16
            wheel.writestr(member, data)
        wheel.writestr("package-1.dist-info/RECORD", "".join(record))
    return out.getvalue()


class AssembleCudaTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.output = self.directory / "cache" / "cuda"

    def assemble(self, wheel, what="toolkit"):
        urls = {name: ("1", f"https://index/{name}") for name in (*subject.TOOLKIT, subject.CUOBJDUMP, "torch")}
        arguments = ["assemble_cuda.py", what, "--version", "1", "--output", str(self.output)]
        with unittest.mock.patch.object(wheel_files, "wheel_urls", lambda *_, **__: urls), \
                unittest.mock.patch.object(wheel_files, "RemoteFile", lambda url: io.BytesIO(wheel)), \
                unittest.mock.patch.object(sys, "argv", arguments), contextlib.redirect_stderr(io.StringIO()):
            subject.main()

    def test_a_toolkit_as_an_installed_one_is_laid_out(self):
        self.assemble(make_wheel(FILES))
        self.assertEqual((self.output / "bin/nvcc").read_bytes(), b"compiler")
        self.assertTrue((self.output / "bin/nvcc").stat().st_mode & 0o100)
        self.assertEqual((self.output / "lib64/libcudart.so").read_bytes(), b"runtime")
        self.assertFalse((self.output / "notes").exists())

    def test_of_libtorch_one_library(self):
        self.assemble(make_wheel({subject.LIBRARY: b"c10", "torch/lib/libtorch_cuda.so": b"large"}), "libtorch")
        self.assertEqual([path.name for path in self.output.rglob("*.so")], ["libc10_cuda.so"])

    def test_of_cuobjdump_the_program(self):
        self.assemble(make_wheel({"nvidia/cu13/bin/cuobjdump": b"program", "elsewhere/notes": b"not wanted"}), "cuobjdump")
        self.assertEqual([path.name for path in self.output.rglob("*") if path.is_file()], ["cuobjdump"])

    def test_a_torch_without_cuda_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "no CUDA libraries"):
            self.assemble(make_wheel({"torch/lib/libtorch_cpu.so": b"cpu"}), "libtorch")
        self.assertFalse(self.output.exists())

    def test_a_damaged_file_leaves_nothing(self):
        with self.assertRaisesRegex(SystemExit, "nvcc of the nvidia-cuda-nvcc wheel has sha256"):
            self.assemble(make_wheel(FILES, {"nvidia/cu13/bin/nvcc": b"other"}))
        self.assertEqual([path.name for path in self.output.parent.iterdir()], [".cuda.lock"])


class CheckCudaLibraryTest(unittest.TestCase):
    def test_a_library_without_the_cuda_side_is_told_apart(self):
        directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        library = directory / "libmmpo.so"
        subprocess.run(["cc", "-shared", "-o", str(library), "-xc", "-"], input=b"int mmpo_abi_version(void) { return 0; }", check=True)
        with contextlib.redirect_stdout(io.StringIO()):
            found = "\n".join(check_cuda_library.problems(str(library), 1))
        for part in ("exported symbols differ", "does not ask for", "1 .cu files, but 0 fat binaries", "0 kernels"):
            self.assertIn(part, found)


if __name__ == "__main__":
    unittest.main()
