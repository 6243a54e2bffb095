#!/usr/bin/env python3
"""Puts a LibTorch together that Maven's binaries can be linked against: DIR/lib from the jars, DIR/include from a wheel.

The jars of org.bytedeco carry no headers. The torch wheel of the same version does, but weighs half a gigabyte. A wheel is
a zip file, so HTTP range requests take only its torch/include (about 10 MB); where a server refuses ranges, pip downloads
the whole wheel. Every header is checked against the wheel's RECORD. DIR appears complete or not at all.
"""

import argparse
import base64
import csv
import fcntl
import hashlib
import http.client
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile

HEADERS = "torch/include/"
BLOCK_BYTES = 4 << 20
ATTEMPTS = 4
TIMEOUT_SECONDS = 60


class Failure(Exception):
    """Its message is the paragraph that the user reads."""


class RangesRefused(Exception):
    """The server does not answer range requests."""


class RemoteFile(io.RawIOBase):
    """A seekable view of a URL that fetches blocks as they are read, and keeps the two latest."""

    def __init__(self, url):
        self._url = url
        self._position = 0
        self._blocks = {}
        self._size = int(self._fetch(0, 1)[1].rpartition("/")[2])

    def _fetch(self, begin, end):
        request = urllib.request.Request(self._url, headers={"Range": f"bytes={begin}-{end - 1}"})
        for attempt in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                    content_range = response.headers.get("Content-Range", "")
                    if response.status != 206 or not content_range.startswith(f"bytes {begin}-"):
                        raise RangesRefused(f"{self._url} answered a range request with status {response.status}")
                    data = response.read()
                if len(data) == end - begin:
                    return data, content_range
                problem = f"{len(data)} of {end - begin} bytes arrived"
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise RangesRefused(f"{self._url} answered a range request with status {error.code}") from error
                problem = str(error)
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            time.sleep(0.25 * 4**attempt)
        raise Failure(f"Fetching {self._url} failed {ATTEMPTS} times, at byte {begin}: {problem}. "
                      "Check the network (proxy settings included) and run the same command again.")

    def _block(self, index):
        if index not in self._blocks:
            begin = index * BLOCK_BYTES
            block = self._fetch(begin, min(begin + BLOCK_BYTES, self._size))[0]
            while len(self._blocks) > 1:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[index] = block
        return self._blocks[index]

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        self._position = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence] + offset
        return self._position

    def readinto(self, buffer):
        if self._position >= self._size or not buffer:
            return 0
        block = self._block(self._position // BLOCK_BYTES)
        piece = block[self._position % BLOCK_BYTES:][:len(buffer)]
        buffer[:len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def pip(*arguments):
    try:
        return subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        if "No module named pip" in error.stderr:
            raise Failure(f"LibTorch's headers are found with pip, which {sys.executable} does not have. "
                          "Install it: sudo apt-get install -y python3-pip") from error
        raise Failure(f"pip could not find the torch wheel (command: {sys.executable} -m pip {' '.join(arguments)}): "
                      f"{error.stderr.strip()} If this machine has no package index, point the build at an existing "
                      "LibTorch: -Dmmpo.libtorch=/dir") from error


def wheel_url(version):
    report = json.loads(pip("install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-",
                            f"torch=={version}"))
    return report["install"][0]["download_info"]["url"]


def recorded_hashes(wheel):
    """The wheel's RECORD: file name -> sha256 in unpadded URL-safe base64."""
    record = next(name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
    rows = csv.reader(io.TextIOWrapper(wheel.open(record), encoding="utf-8"))
    return {row[0]: row[1].partition("sha256=")[2] for row in rows if row}


def extract_headers(wheel, directory):
    hashes = recorded_hashes(wheel)
    members = [m for m in wheel.infolist() if m.filename.startswith(HEADERS) and not m.is_dir()]
    if not members:
        raise Failure(f"The torch wheel holds no {HEADERS}. Point the build at an existing LibTorch: -Dmmpo.libtorch=/dir")
    for member in sorted(members, key=lambda m: m.header_offset):
        target = directory / member.filename[len(HEADERS):]
        if ".." in target.parts:
            raise Failure(f"The torch wheel holds {member.filename}, a path that leads outside its directory; not used.")
        try:
            data = wheel.read(member)
        except zipfile.BadZipFile as error:
            raise Failure(f"{member.filename} of the torch wheel arrived damaged: {error}. Run the same command again.") from error
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if digest != hashes.get(member.filename):
            raise Failure(f"{member.filename} of the torch wheel has sha256 {digest}, its RECORD says "
                          f"{hashes.get(member.filename)}. Run the same command again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def fetch_headers(version, directory, url=None):
    url = url or wheel_url(version)
    try:
        if not url.startswith(("http://", "https://")):
            raise RangesRefused(f"{url} is not on a web server")
        with zipfile.ZipFile(io.BufferedReader(RemoteFile(url), 1 << 16)) as wheel:
            extract_headers(wheel, directory)
    except (RangesRefused, zipfile.BadZipFile) as reason:
        print(f"{reason}; downloading the whole wheel instead (about 530 MB).", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=directory.parent) as downloads:
            pip("download", "--quiet", "--no-deps", "--dest", downloads, f"torch=={version}")
            with zipfile.ZipFile(next(pathlib.Path(downloads).glob("torch-*.whl"))) as wheel:
                extract_headers(wheel, directory)


def unpack_libraries(jars, directory):
    """Shared libraries lie in the jars at org/bytedeco/<project>/<platform>/; LibTorch's lib/ is flat. JNI glue stays out."""
    directory.mkdir(parents=True)
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for member in archive.infolist():
                name = member.filename.rpartition("/")[2]
                if ".so" in name and not name.startswith("libjni"):
                    with archive.open(member) as source, open(directory / name, "wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)


def assemble(version, jars, output, url=None):
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output.parent / f".{output.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if output.is_dir():
            return
        for leftover in output.parent.glob(f".{output.name}.partial-*"):
            shutil.rmtree(leftover)
        print(f"Assembling LibTorch {version} in {output} (once for this user)", file=sys.stderr, flush=True)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=f".{output.name}.partial-", dir=output.parent))
        try:
            fetch_headers(version, partial / "include", url)
            unpack_libraries(jars, partial / "lib")
            (partial / "build-version").write_text(version + "\n")
            partial.chmod(0o755)
            partial.rename(output)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", required=True, help="of torch, e.g. 2.13.0")
    parser.add_argument("--jar", action="append", default=[], type=pathlib.Path, help="with shared libraries; repeatable")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--wheel-url", help="instead of asking pip where the wheel is")
    arguments = parser.parse_args()
    try:
        assemble(arguments.version, arguments.jar, arguments.output, arguments.wheel_url)
    except Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"LibTorch could not be assembled in {arguments.output}: {error}. "
                 "Free some disk space (500 MB are needed) or set XDG_CACHE_HOME to a directory that can hold it.")


if __name__ == "__main__":
    main()
