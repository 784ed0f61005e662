"""How the contenders in Python measure themselves."""

import resource
import sys
import time


def figure(name, value):
    print(name, value)


class Start:
    """Time from here on, of the clock and of the CPU."""

    def __init__(self):
        self._cpu = time.process_time()
        self._time = time.perf_counter()

    def seconds(self):
        return time.perf_counter() - self._time

    def cpu(self):
        return time.process_time() - self._cpu


def peak_memory():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def median(values):
    return sorted(values)[len(values) // 2]


def main(**jobs):
    """Runs the job that the first argument names, with the others."""
    arguments = [int(text) if text.isdigit() else text for text in sys.argv[2:]]
    jobs[sys.argv[1]](*arguments)
