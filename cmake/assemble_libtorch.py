#!/usr/bin/env python3
"""Puts a LibTorch together that Maven's binaries can be linked against: DIR/lib from the jars, DIR/include from a wheel.

The jars of org.bytedeco carry no headers. The torch wheel of the same version does, but weighs half a gigabyte: range
requests take only its torch/include (about 10 MB). DIR appears complete or not at all.
"""

import argparse
import pathlib
import shutil
import sys
import zipfile

import wheel_files
from wheel_files import Failure

HEADERS = "torch/include/"


def fetch_headers(version, directory, url=None):
    url = url or wheel_files.wheel_urls(f"torch=={version}")["torch"][1]

    def place(name):
        return directory / name[len(HEADERS):] if name.startswith(HEADERS) else None

    if wheel_files.fetch("torch", version, url, directory.parent, place, "about 530 MB") == 0:
        raise Failure(f"The torch wheel holds no {HEADERS}. Point the build at an existing LibTorch: -Dmmpo.libtorch=/dir")


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
    with wheel_files.published(output) as partial:
        if partial is None:
            return
        print(f"Assembling LibTorch {version} in {output} (once for this user)", file=sys.stderr, flush=True)
        fetch_headers(version, partial / "include", url)
        unpack_libraries(jars, partial / "lib")
        (partial / "build-version").write_text(version + "\n")


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
