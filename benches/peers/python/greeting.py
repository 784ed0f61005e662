import asyncio
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from common import figure, main


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def compute(end):
    """One number after the other, for as long as it is to take."""
    while time.monotonic() < end:
        assert fib(20) == 6765


def greeting(fibs, seconds):
    async def run(pool):
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, fib, 20) for _ in range(fibs)))
        start = loop.time()
        end = start + float(seconds)
        answers = [
            loop.run_in_executor(pool, compute, end) for _ in range(fibs)
        ]
        latest = 0
        due = start
        # asyncio has no interval. This one does not drift.
        while loop.time() < end:
            due += 0.01
            await asyncio.sleep(due - loop.time())
            latest = max(latest, loop.time() - due)
        await asyncio.gather(*answers)
        figure("seconds", latest)

    # In processes: threads of one would wait for each other.
    with ProcessPoolExecutor(fibs, multiprocessing.get_context("fork")) as pool:
        asyncio.run(run(pool))


main(greeting)
