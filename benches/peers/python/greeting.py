import asyncio
import time
from concurrent.futures import ProcessPoolExecutor

from common import figure, main


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def compute(end):
    """One number after the other, for as long as it is to take."""
    while time.monotonic() < end:
        assert fib(20) == 6765


def latest(fibs, seconds):
    """How long after it was due the latest greeting came."""

    async def run(pool):
        loop = asyncio.get_running_loop()

        def start(function, argument):
            answers = (
                loop.run_in_executor(pool, function, argument) for _ in range(fibs)
            )
            return asyncio.gather(*answers)

        await start(fib, 20)  # and the processes are there
        due = loop.time()
        end = due + seconds
        answers = start(compute, end)
        latest = 0
        # asyncio has no interval. This one does not drift.
        while loop.time() < end:
            due += 0.01
            await asyncio.sleep(due - loop.time())
            latest = max(latest, loop.time() - due)
        await answers
        return latest

    # In processes: threads of one would wait for each other.
    with ProcessPoolExecutor(fibs) as pool:
        return asyncio.run(run(pool))


def greeting(seconds):
    figure("one", latest(1, float(seconds)))
    figure("two", latest(2, float(seconds)))


if __name__ == "__main__":
    main(greeting=greeting)
