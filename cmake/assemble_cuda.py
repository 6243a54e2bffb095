#!/usr/bin/env python3
"""What a CUDA build needs and a machine without CUDA lacks, from Python wheels, so that it compiles and links anywhere.

  assemble_cuda.py toolkit  --version 13.0.3.0 --output DIR   nvcc, the CUDA runtime and CCCL, laid out as a CUDA toolkit
                                                              (105 MB to fetch, 270 MB on disk)
  assemble_cuda.py libtorch --version 2.13.0 --output DIR     libc10_cuda.so of the torch wheel (1 MB)
  assemble_cuda.py cuobjdump --version 13.2.86 --output DIR   what reads a library's machine code (0.3 MB)

DIR appears complete or not at all, under a lock (wheel_files.py).
"""

import argparse
import pathlib
import sys

import wheel_files

ROOT = "nvidia/cu13/"
CUOBJDUMP = "nvidia-cuda-cuobjdump"
TOOLKIT = ("nvidia-cuda-nvcc", "nvidia-cuda-crt", "nvidia-nvvm", "nvidia-cuda-runtime", "nvidia-cuda-cccl")
LIBRARY = "torch/lib/libc10_cuda.so"


def under_root(directory):
    """Where a file of a wheel goes: as it lies below the wheel's toolkit."""
    return lambda name: directory / name[len(ROOT):] if name.startswith(ROOT) else None


def fetch_toolkit(version, directory):
    place = under_root(directory)
    urls = wheel_files.wheel_urls(f"cuda-toolkit[nvcc,cudart,cccl]=={version}", with_dependencies=True)
    for package in TOOLKIT:
        wheel_files.fetch(package, *urls[package], directory, place, "at most 60 MB")
    # As an installed toolkit has it: what links names libcudart.so, and looks in lib64.
    runtime = next((directory / "lib").glob("libcudart.so.*"))
    (directory / "lib" / "libcudart.so").symlink_to(runtime.name)
    (directory / "lib64").symlink_to("lib")


def fetch_libtorch(version, directory):
    def place(name):
        return directory / "lib" / pathlib.PurePosixPath(name).name if name == LIBRARY else None

    urls = wheel_files.wheel_urls(f"torch=={version}")
    if wheel_files.fetch("torch", *urls["torch"], directory, place, "about 530 MB") == 0:
        raise wheel_files.Failure(f"The torch {version} wheel that pip finds here has no CUDA libraries. Build against an "
                                  "installed torch that has: -Dmmpo.libtorch=/dir")


def fetch_cuobjdump(version, directory):
    urls = wheel_files.wheel_urls(f"{CUOBJDUMP}=={version}")
    wheel_files.fetch(CUOBJDUMP, *urls[CUOBJDUMP], directory, under_root(directory), "0.3 MB")


# What is fetched, and what it takes.
FETCHED = {
    "toolkit": (fetch_toolkit, "105 MB, 270 MB on disk"),
    "libtorch": (fetch_libtorch, "1 MB"),
    "cuobjdump": (fetch_cuobjdump, "0.3 MB"),
}


def assemble(what, version, output):
    """Fetches it into the directory output, unless that is there."""
    fetch, size = FETCHED[what]
    with wheel_files.published(output) as partial:
        if partial is not None:
            print(f"Fetching CUDA's {what} {version} into {output} ({size}; once for this user)", file=sys.stderr, flush=True)
            fetch(version, partial)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(FETCHED))
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        assemble(arguments.what, arguments.version, arguments.output)
    except wheel_files.Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"{arguments.output} could not be assembled: {error}. "
                 "Free some disk space (300 MB are needed) or set XDG_CACHE_HOME to a directory that can hold it.")


if __name__ == "__main__":
    main()
