#!/usr/bin/env python3
"""assemble_libtorch.py against a web server of its own: good, without ranges, cut short, damaged, killed half-way."""

import base64
import functools
import hashlib
import http.server
import io
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock
import zipfile

sys.dont_write_bytecode = True
SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "assemble_libtorch.py"
sys.path.insert(0, str(SCRIPT.parent))
import assemble_libtorch as subject  # noqa: E402
import wheel_files  # noqa: E402

HEADERS = {f"torch/include/part{i}/file{i}.h": bytes([i]) * 1000 for i in range(20)}
FILLER = {"torch/lib/libtorch_cpu.so": bytes(300_000)}  # what must not be fetched


def make_wheel(damaged=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as wheel:
        record = []
        for name, data in {**FILLER, **HEADERS}.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")
            wheel.writestr(name, b"other bytes" if name == damaged else data)
        wheel.writestr("torch-9.9.dist-info/RECORD", "".join(record))
    return out.getvalue()


def make_jar(path):
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("org/bytedeco/pytorch/linux-x86_64/libtorch_cpu.so", b"elf")
        jar.writestr("org/bytedeco/pytorch/linux-x86_64/libjnitorch.so", b"glue")
        jar.writestr("org/bytedeco/pytorch/linux-x86_64/lib.h", b"")
    return path


class Server:
    """Serves one wheel. mode: ranges | plain (ignores Range) | short (half of each answer) | short_once | stall (then silence)"""

    def __init__(self, wheel, mode="ranges"):
        self.wheel, self.mode, self.sent = wheel, mode, 0
        self.release, self.stalled = threading.Event(), threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *arguments: None  # a client that was killed
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/torch-9.9-py3-none-any.whl"

    def answer(self, handler):
        begin, end = (int(part) for part in handler.headers["Range"][len("bytes="):].split("-"))
        data = self.wheel[begin:end + 1]
        if self.mode == "plain":
            handler.send_response(200)
            data = self.wheel
        else:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{end}/{len(self.wheel)}")
        promised = len(data)
        if self.mode.startswith("short") and len(data) > 1:
            data = data[:len(data) // 2]
            self.mode = "ranges" if self.mode == "short_once" else self.mode
        if self.mode == "stall" and len(data) > 1:
            self.stalled.set()
            self.release.wait(30)
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(data)
        self.sent += len(data)

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


class AssembleLibTorchTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.jar = make_jar(self.directory / "pytorch.jar")
        self.output = self.directory / "cache" / "libtorch-9.9"
        # small blocks, so that the filler is really left out; no waiting between attempts
        for name, value in {"BLOCK_BYTES": 4096, "time": unittest.mock.Mock()}.items():
            patch = unittest.mock.patch.object(wheel_files, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def assemble(self, url):
        subject.assemble("9.9", [self.jar], self.output, url)

    def assert_complete(self):
        include = self.output / "include"
        found = {f"torch/include/{p.relative_to(include)}": p.read_bytes() for p in include.rglob("*.h")}
        self.assertEqual(found, HEADERS)
        self.assertEqual([p.name for p in (self.output / "lib").iterdir()], ["libtorch_cpu.so"])
        self.assertEqual((self.output / "build-version").read_text(), "9.9\n")

    def assert_nothing_left(self):
        self.assertEqual([p.name for p in self.output.parent.iterdir()], [".libtorch-9.9.lock"])

    def test_fetches_only_the_headers(self):
        with Server(make_wheel()) as server:
            self.assemble(server.url)
            self.assert_complete()
            self.assertLess(server.sent, len(server.wheel) / 2)
            self.assemble("http://127.0.0.1:1/never-asked-again")

    def test_a_request_cut_short_is_repeated(self):
        with Server(make_wheel(), "short_once") as server:
            self.assemble(server.url)
        self.assert_complete()

    def test_requests_always_cut_short_fail_and_leave_nothing(self):
        with Server(make_wheel(), "short") as server:
            with self.assertRaisesRegex(wheel_files.Failure, "failed 4 times.*IncompleteRead.*run the same command again"):
                self.assemble(server.url)
        self.assert_nothing_left()

    def test_without_ranges_the_whole_wheel_is_downloaded(self):
        def download(*arguments):
            self.assertEqual(arguments[0], "download")
            target = pathlib.Path(arguments[arguments.index("--dest") + 1])
            (target / "torch-9.9-py3-none-any.whl").write_bytes(make_wheel())

        with Server(make_wheel(), "plain") as server, unittest.mock.patch.object(wheel_files, "pip", download):
            self.assemble(server.url)
        self.assert_complete()

    def test_a_damaged_header_is_named_and_nothing_is_left(self):
        with Server(make_wheel(damaged="torch/include/part3/file3.h")) as server:
            with self.assertRaisesRegex(wheel_files.Failure, "part3/file3.h.*RECORD"):
                self.assemble(server.url)
        self.assert_nothing_left()

    def test_killed_half_way_the_next_run_starts_clean(self):
        with Server(make_wheel(), "stall") as server:
            command = [sys.executable, SCRIPT, "--version", "9.9", "--jar", self.jar, "--output", self.output]
            process = subprocess.Popen([*command, "--wheel-url", server.url], stderr=subprocess.DEVNULL)
            self.assertTrue(server.stalled.wait(30))
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertFalse(self.output.exists())
            self.assertEqual(len(list(self.output.parent.glob("*.partial-*"))), 1)
        with Server(make_wheel()) as server:
            self.assemble(server.url)
        self.assert_complete()
        self.assertEqual(list(self.output.parent.glob("*.partial-*")), [])

    def test_two_at_once_fetch_once(self):
        with Server(make_wheel()) as server:
            threads = [threading.Thread(target=functools.partial(self.assemble, server.url)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertLess(server.sent, len(server.wheel) / 2)
        self.assert_complete()

    def test_without_pip_the_message_says_how_to_install_it(self):
        error = subprocess.CalledProcessError(1, "pip", stderr="/usr/bin/python3: No module named pip")
        with unittest.mock.patch.object(wheel_files.subprocess, "run", side_effect=error):
            with self.assertRaisesRegex(wheel_files.Failure, "sudo apt-get install -y python3-pip"):
                wheel_files.wheel_urls("torch==9.9")


if __name__ == "__main__":
    unittest.main()
