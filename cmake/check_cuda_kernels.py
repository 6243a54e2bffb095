#!/usr/bin/env python3
"""Whether the kernels of a libmmpo.so built with CUDA can be launched, and keep what they compute in registers:
check_cuda_kernels.py LIBRARY RECORD [--write]

Read from the machine code itself, by cuobjdump. Each kernel says how many threads a block has at most (__launch_bounds__); that many
have the registers of one multiprocessor and the static shared memory of one block. RECORD has for each kernel and architecture how many
blocks a multiprocessor holds at once and how many bytes of local memory a thread has, which is where registers are spilled to and arrays
lie that cannot be in registers. Fewer blocks, or more bytes, are a problem: look at what changed, and record it with --write where it is
meant.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing

import assemble_cuda
import wheel_files

CUOBJDUMP_VERSION = "13.2.86"
WARP = 32
# Registers go to a warp so many at a time.
WARP_REGISTERS = 256
# Of one multiprocessor: registers, threads, blocks and shared memory, of which each block takes 1 KiB for itself; of sm_80 (A100) and sm_90
# (H100) in the tables of compute capabilities in CUDA's programming guide.
MULTIPROCESSORS = {80: (65536, 2048, 32, 164 << 10), 90: (65536, 2048, 32, 228 << 10)}
BLOCK_SHARED = 1 << 10
STATIC_SHARED = 48 << 10


class Kernel(typing.NamedTuple):
    """What one kernel takes: registers and local bytes of a thread, threads (None where nothing bounds them) and shared bytes of a block."""

    registers: int
    threads: int | None
    shared: int
    local: int

    def blocks(self, architecture):
        """How many of its blocks a multiprocessor holds at once."""
        registers, threads, blocks, shared = MULTIPROCESSORS[architecture]
        warps = -(-self.threads // WARP)
        of_warp = -(-self.registers * WARP // WARP_REGISTERS) * WARP_REGISTERS
        return min(registers // (of_warp * warps), threads // (warps * WARP), blocks, shared // (self.shared + BLOCK_SHARED))


def cuobjdump():
    """The one of PATH, CUDA_HOME or /usr/local/cuda, else pip's in the cache."""
    for candidate in ("cuobjdump", f"{os.environ.get('CUDA_HOME', '')}/bin/cuobjdump", "/usr/local/cuda/bin/cuobjdump"):
        if found := shutil.which(candidate):
            return found
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mmpo"
    directory = cache / f"cuobjdump-{CUOBJDUMP_VERSION}"
    assemble_cuda.assemble("cuobjdump", CUOBJDUMP_VERSION, directory)
    return str(directory / "bin/cuobjdump")


def output_lines(*command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        yield from process.stdout
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with status {process.returncode}")


def bounds(lines):
    """(architecture, mangled name) -> the most threads of a block, from `cuobjdump -elf`."""
    found = {}
    architecture = name = None
    expects_value = False
    for line in lines:
        if line.startswith("arch = sm_"):
            architecture = int(line[len("arch = sm_"):])
        elif line.startswith(".nv.info."):
            name = line[len(".nv.info."):].split()[0]
        elif line.startswith("."):
            name = None
        elif name and "EIATTR_MAX_THREADS" in line:
            expects_value = True
        elif expects_value and "Value:" in line:
            x, y, z = (int(number, 16) for number in line.split("Value:")[1].split())
            found[architecture, name] = x * y * z
            expects_value = False
    return found


def resources(lines):
    """(architecture, mangled name) -> registers, shared and local bytes, from `cuobjdump --dump-resource-usage`."""
    found = {}
    architecture = name = None
    for line in lines:
        if line.startswith("arch = sm_"):
            architecture = int(line[len("arch = sm_"):])
        elif match := re.match(r"\s*Function (\S+):", line):
            name = match[1]
        elif name and "REG:" in line:
            numbers = {key: int(value) for key, value in re.findall(r"(\w+):(\d+)", line)}
            found[architecture, name] = (numbers["REG"], numbers["SHARED"], numbers["STACK"] + numbers["LOCAL"])
            name = None
    return found


def readable(mangled):
    """A kernel's file, name and template arguments. nvcc's names of anonymous namespaces have the file in them, and depend on its path."""
    file = re.search(r"_GLOBAL__N__[0-9a-f]+_\d+_(\w+?)_cu_", mangled)
    text = subprocess.run(["c++filt", mangled], capture_output=True, text=True, check=True).stdout.strip()
    text = text.removeprefix("void ").replace("(anonymous namespace)::", "").removeprefix("mmpo::").replace(" >", ">")
    # Parameters begin at the first parenthesis outside of template arguments.
    depth = 0
    for end, character in enumerate(text):
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "(" and depth == 0:
            text = text[:end]
            break
    return f"{file[1]}.cu {text}" if file else text


def kernels(library):
    """(readable name, architecture) -> Kernel."""
    program = cuobjdump()
    threads = bounds(output_lines(program, "-elf", library))
    return {(readable(name), architecture): Kernel(registers, threads.get((architecture, name)), shared, local)
            for (architecture, name), (registers, shared, local)
            in resources(output_lines(program, "--dump-resource-usage", library)).items()}


def problems(found, recorded):
    if not found:
        yield "it has no kernels"
    for (name, architecture), kernel in sorted(found.items()):
        where = f"{name} for sm_{architecture}"
        if kernel.threads is None:
            yield f"{where} has no __launch_bounds__, so nothing bounds its registers by the threads that it is launched with"
            continue
        if kernel.shared > STATIC_SHARED:
            yield f"{where} has {kernel.shared} bytes of static shared memory; a block may have {STATIC_SHARED}"
        blocks = kernel.blocks(architecture)
        if blocks == 0:
            yield (f"{where} cannot be launched with the {kernel.threads} threads of its bound: {kernel.registers} registers "
                   f"each and {kernel.shared} bytes of shared memory are more than a multiprocessor has")
        if (name, architecture) not in recorded:
            yield f"{where} is not recorded"
            continue
        recorded_blocks, recorded_local = recorded[name, architecture]
        if blocks < recorded_blocks:
            yield f"{where}: a multiprocessor holds {blocks} blocks at once, {recorded_blocks} are recorded"
        if kernel.local > recorded_local:
            yield f"{where}: {kernel.local} bytes of local memory a thread, {recorded_local} are recorded: registers are spilled"
    for name, architecture in sorted(recorded.keys() - found.keys()):
        yield f"{name} for sm_{architecture} is recorded, and not there"


def read_record(path):
    """(readable name, architecture) -> (blocks, local bytes)."""
    recorded = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            architecture, blocks, local, name = line.split(maxsplit=3)
            recorded[name, int(architecture)] = (int(blocks), int(local))
    return recorded


def write_record(path, found):
    lines = ["# Written and checked by cmake/check_cuda_kernels.py, from what nvcc 13.0 makes of native/cuda.",
             "# Architecture, blocks that a multiprocessor holds at once, bytes of local memory a thread (spilled registers), kernel."]
    lines += [f"{architecture} {kernel.blocks(architecture):2} {kernel.local:4} {name}"
              for (name, architecture), kernel in sorted(found.items()) if kernel.threads]
    path.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("record", type=pathlib.Path)
    parser.add_argument("--write", action="store_true", help="record what is found")
    arguments = parser.parse_args()
    try:
        found = kernels(arguments.library)
    except wheel_files.Failure as failure:
        sys.exit(str(failure))
    if arguments.write:
        write_record(arguments.record, found)
    wrong = list(problems(found, read_record(arguments.record)))
    for problem in wrong:
        print(f"{arguments.library}: {problem}", file=sys.stderr)
    spilling = sum(kernel.local > 0 for kernel in found.values())
    print(f"{arguments.library}: {len(found)} kernels, each for one architecture; {spilling} have local memory, "
          f"{max((kernel.local for kernel in found.values()), default=0)} bytes a thread at most")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
