"""hello_smol on asyncio: `hello.py SECONDS`. It computes in processes: threads of one would wait for each other."""

import asyncio
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


async def greet(period):
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:  # asyncio has no interval; this one does not drift
        print(f"{int(time.time())} - Hello world!", flush=True)
        due += period
        await asyncio.sleep(due - loop.time())


async def compute(queue, pool):
    loop = asyncio.get_running_loop()
    while True:
        n = await queue.get()
        start = time.perf_counter()
        value = await loop.run_in_executor(pool, fib, n)
        took = time.perf_counter() - start
        print(f"Executing fib took {took:.2f} seconds.\nfib({n}) = {value}", flush=True)
        queue.task_done()


async def read_numbers(queue):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        text = line.decode().strip()
        if text == "exit":
            return
        if text.isdigit():
            await queue.put(int(text))
        else:
            print(f"{text!r} is no number", file=sys.stderr)
    await queue.join()


async def main(period):
    queue = asyncio.Queue(1_000)
    cores = os.cpu_count()
    with ProcessPoolExecutor(cores) as pool:
        others = [greet(period), *(compute(queue, pool) for _ in range(cores))]
        tasks = [asyncio.create_task(other) for other in others]
        await read_numbers(queue)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
