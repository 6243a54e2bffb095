"""How steps are timed; bench/native/timed_steps.h has the same for mmpo's side."""

import time


def seconds_of(num_steps, step, synchronize):
    """Of steps 0 to num_steps - 1, which are gone through once before: what is compiled, tuned and allocated for the first pair of a
    length is no part of a figure. synchronize: waits for the device."""
    for number in range(num_steps):
        step(number)
    synchronize()
    start = time.perf_counter()
    for number in range(num_steps):
        step(number)
    synchronize()
    return time.perf_counter() - start
