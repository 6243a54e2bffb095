"""The folders of the core depend on each other in one direction: what each may include, and nothing else.

Reads the #include lines of native/src and native/cuda. The table below is the architecture of docs/architecture.md; an arrow that it does
not have fails, and so does a table that has a circle.
"""
import pathlib
import re
import tempfile
import unittest

NATIVE = pathlib.Path(__file__).resolve().parent.parent

# From the bottom up. "mmpo" is the C ABI's header. What "cuda" defines is declared beside what asks for it.
ALLOWED = {
    "mmpo": set(),
    "common": {"mmpo"},
    "loss": {"common", "mmpo"},
    "kernels": {"common"},
    "optim": {"common", "kernels", "mmpo"},
    "dist": {"common", "mmpo"},
    "logprob": {"common", "kernels"},
    "model": {"common", "kernels", "logprob", "mmpo"},
    "generate": {"common", "kernels", "model", "mmpo"},
    "train": {"common", "dist", "kernels", "logprob", "loss", "model", "optim"},
    "c_api": {"common", "dist", "generate", "kernels", "model", "mmpo", "train"},
    "cuda": {"common", "generate", "kernels", "loss"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_0-9]+)/[^"]+"', re.MULTILINE)


def arrows(native):
    """(folder, folder that it includes) -> a file that does."""
    found = {}
    sources = [(path.relative_to(native / "src").parts[0], path) for path in (native / "src").rglob("*.*")]
    sources += [("cuda", path) for path in (native / "cuda").rglob("*.*")]
    for folder, path in sorted(sources):
        if path.suffix not in (".h", ".cpp", ".cu", ".cuh"):
            continue
        for included in INCLUDE.findall(path.read_text()):
            if included != folder:
                found.setdefault((folder, included), path)
    return found


def forbidden(native):
    return [
        f"{path.relative_to(native)} includes a header of '{included}', which '{folder}' may not know"
        for (folder, included), path in arrows(native).items()
        if included not in ALLOWED.get(folder, set())
    ]


class IncludeDirections(unittest.TestCase):
    def test_every_include_points_where_it_may(self):
        self.assertEqual(forbidden(NATIVE), [])

    def test_the_table_has_no_circle_and_no_arrow_that_nobody_takes(self):
        below = set()
        for folder, allowed in sorted(ALLOWED.items(), key=lambda item: len(closure(item[0]))):
            self.assertLessEqual(allowed, below, f"'{folder}' may include what may include it")
            below.add(folder)
        taken = set(arrows(NATIVE))
        unused = [arrow for folder, allowed in ALLOWED.items() for arrow in ((folder, other) for other in allowed)
                  if arrow not in taken]
        self.assertEqual(unused, [])

    def test_a_planted_arrow_is_found(self):
        with tempfile.TemporaryDirectory() as directory:
            native = pathlib.Path(directory)
            for folder, header in (("kernels", "train/trainer.h"), ("train", "kernels/kernels.h")):
                (native / "src" / folder).mkdir(parents=True)
                (native / "src" / folder / "planted.cpp").write_text(f'#include <vector>\n#include "{header}"\n')
            (native / "cuda").mkdir()
            self.assertEqual(forbidden(native),
                             ["src/kernels/planted.cpp includes a header of 'train', which 'kernels' may not know"])


def closure(folder):
    """Every folder that can be reached from this one, itself included; a circle ends here, not in a recursion."""
    reached, ahead = set(), [folder]
    while ahead:
        here = ahead.pop()
        if here not in reached:
            reached.add(here)
            ahead.extend(ALLOWED[here])
    return reached


if __name__ == "__main__":
    unittest.main()
