#!/usr/bin/env python3
"""Whether a libmmpo.so built with CUDA is whole, as far as that can be seen without a GPU: check_cuda_library.py LIBRARY NUM_CU_FILES

It exports the C ABI and nothing else, needs LibTorch's CUDA libraries and CUDA's runtime, has found every function of the CUDA
side that the core refers to, and carries for each .cu file machine code for sm_80 and sm_90 and PTX for sm_90.
"""

import collections
import pathlib
import re
import struct
import subprocess
import sys

HEADERS = sorted((pathlib.Path(__file__).resolve().parents[1] / "native/include/mmpo").glob("*.h"))
NEEDED = {"libtorch_cpu.so", "libtorch_cuda.so", "libc10.so", "libc10_cuda.so", "libcudart.so.13"}
# A fat binary's header (magic, version, size of the header, size of what follows), and the start of each of its entries: kind,
# size of the header and of the code, compute capability.
FATBIN = struct.Struct("<IHHQ")
ENTRY = struct.Struct("<HHIQ12xI")
FATBIN_MAGIC = 0xBA55ED50
KINDS = {1: "PTX", 2: "SASS"}
WANTED = {("SASS", 80), ("SASS", 90), ("PTX", 90)}


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def section(library, name):
    for line in lines("readelf", "--wide", "--section-headers", library):
        fields = re.sub(r"^\s*\[\s*\d+\]", "", line).split()
        if fields and fields[0] == name:
            offset, size = int(fields[3], 16), int(fields[4], 16)
            return pathlib.Path(library).read_bytes()[offset:offset + size]
    return b""


def fat_binaries(data):
    """What each fat binary holds: a list of sets of (kind, compute capability)."""
    binaries = []
    position = data.find(struct.pack("<I", FATBIN_MAGIC))
    while position >= 0:
        _, _, header, size = FATBIN.unpack_from(data, position)
        end = position + header + size
        position += header
        held = set()
        while position + ENTRY.size <= end:
            kind, _, header, size, capability = ENTRY.unpack_from(data, position)
            held.add((KINDS.get(kind, kind), capability))
            position += header + size
        binaries.append(held)
        position = data.find(struct.pack("<I", FATBIN_MAGIC), end)
    return binaries


def problems(library, num_files):
    declared = set(re.findall(r"^MMPO_API [^(]*?(mmpo_\w+)\(", "\n".join(header.read_text() for header in HEADERS), re.MULTILINE))
    exported = {line.split()[-1] for line in lines("nm", "--dynamic", "--defined-only", library)}
    if exported != declared:
        yield f"the headers and the exported symbols differ in {sorted(exported ^ declared)}"
    needed = set(re.findall(r"Shared library: \[(.*?)\]", "\n".join(lines("readelf", "--dynamic", library))))
    if not NEEDED <= needed:
        yield f"it does not ask for {sorted(NEEDED - needed)}"
    unresolved = [line for line in lines("nm", "--demangle", "--undefined-only", library) if "mmpo::" in line]
    if unresolved:
        yield f"the core refers to what the CUDA side does not define: {unresolved}"
    binaries = fat_binaries(section(library, ".nv_fatbin"))
    if len(binaries) != num_files:
        yield f"{num_files} .cu files, but {len(binaries)} fat binaries"
    for held in binaries:
        if held != WANTED:
            yield f"a fat binary holds {sorted(held)}, wanted are {sorted(WANTED)}"
    kernels = [line for line in lines("nm", library) if "__device_stub__" in line]
    if len(kernels) < num_files:
        yield f"{len(kernels)} kernels in {num_files} .cu files"
    print(f"{library}: {len(exported)} exported functions, {len(kernels)} kernels in {len(binaries)} fat binaries for "
          + ", ".join(f"{kind} sm_{capability}" for kind, capability in sorted(collections.Counter(set().union(*binaries)))))


def main():
    library, num_files = sys.argv[1], int(sys.argv[2])
    found = list(problems(library, num_files))
    for problem in found:
        print(f"{library}: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
