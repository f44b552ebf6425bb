"""What a benchmark of several processes measures."""

import resource
import time
from collections.abc import Callable


def cpu_time() -> float:
    """The CPU time of this process and of those that it has waited for."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, who))


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the CPU time of something, and the time that passed."""
    cpu, passed = cpu_time(), time.perf_counter()
    work()
    return cpu_time() - cpu, time.perf_counter() - passed


def memory() -> float:
    """The largest memory of this process, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
