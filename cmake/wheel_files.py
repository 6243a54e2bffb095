"""Files out of Python wheels, and directories that appear complete or not at all: what the assemble_*.py scripts share.

A wheel is a zip file, so HTTP range requests take only the files that are wanted; where a server refuses ranges, pip
downloads the whole wheel. Every file is checked against the wheel's RECORD.
"""

import base64
import contextlib
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
            raise Failure(f"The build's files are found with pip, which {sys.executable} does not have. "
                          "Install it: sudo apt-get install -y python3-pip") from error
        raise Failure(f"pip could not find a wheel (command: {sys.executable} -m pip {' '.join(arguments)}): "
                      f"{error.stderr.strip()} If this machine has no package index, point the build at an existing "
                      "LibTorch (-Dmmpo.libtorch=/dir) and, for CUDA, install nvcc 13.") from error


def wheel_urls(*requirements, with_dependencies=False):
    """Where pip would take the wheels from: package name -> (version, URL)."""
    options = [] if with_dependencies else ["--no-deps"]
    report = json.loads(pip("install", "--quiet", "--dry-run", *options, "--ignore-installed", "--report", "-", *requirements))
    return {package["metadata"]["name"]: (package["metadata"]["version"], package["download_info"]["url"])
            for package in report["install"]}


def recorded_hashes(wheel):
    """The wheel's RECORD: file name -> sha256 in unpadded URL-safe base64."""
    record = next(name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
    rows = csv.reader(io.TextIOWrapper(wheel.open(record), encoding="utf-8"))
    return {row[0]: row[1].partition("sha256=")[2] for row in rows if row}


def extract(wheel, package, place):
    """Writes the members for which place(name) is a path. Returns how many; a damaged or strange one is a Failure."""
    hashes = recorded_hashes(wheel)
    members = [(m, place(m.filename)) for m in wheel.infolist() if not m.is_dir()]
    members = [(m, target) for m, target in members if target is not None]
    for member, target in sorted(members, key=lambda pair: pair[0].header_offset):
        if ".." in pathlib.PurePosixPath(member.filename).parts:
            raise Failure(f"The {package} wheel holds {member.filename}, a path that leads outside its directory; not used.")
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with wheel.open(member) as source, open(target, "wb") as sink:
                while data := source.read(1 << 20):
                    digest.update(data)
                    sink.write(data)
        except zipfile.BadZipFile as error:
            raise Failure(f"{member.filename} of the {package} wheel arrived damaged: {error}. Run the same command again.") from error
        found = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        if found != hashes.get(member.filename):
            raise Failure(f"{member.filename} of the {package} wheel has sha256 {found}, its RECORD says "
                          f"{hashes.get(member.filename)}. Run the same command again.")
        if member.external_attr >> 16 & 0o100:
            target.chmod(0o755)
    return len(members)


def fetch(package, version, url, directory, place, size):
    """extract() from the wheel at url. directory: on the disk that the files go to; size: of the whole wheel, in words."""
    try:
        if not url.startswith(("http://", "https://")):
            raise RangesRefused(f"{url} is not on a web server")
        with zipfile.ZipFile(io.BufferedReader(RemoteFile(url), 1 << 16)) as wheel:
            return extract(wheel, package, place)
    except (RangesRefused, zipfile.BadZipFile) as reason:
        print(f"{reason}; downloading the whole wheel instead ({size}).", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=directory) as downloads:
            pip("download", "--quiet", "--no-deps", "--dest", downloads, f"{package}=={version}")
            with zipfile.ZipFile(next(pathlib.Path(downloads).glob("*.whl"))) as wheel:
                return extract(wheel, package, place)


@contextlib.contextmanager
def published(output):
    """A directory to fill that becomes output when the block ends well, under a lock; None where output is there already."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output.parent / f".{output.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if output.is_dir():
            yield None
            return
        for leftover in output.parent.glob(f".{output.name}.partial-*"):
            shutil.rmtree(leftover)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=f".{output.name}.partial-", dir=output.parent))
        try:
            yield partial
            partial.chmod(0o755)
            partial.rename(output)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
