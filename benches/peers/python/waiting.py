import asyncio

import common
from common import Start, figure


async def ready(i):
    return i


async def yields(i):
    await asyncio.sleep(0)
    return i


async def sum_gather(child, n):
    return sum(await asyncio.gather(*(child(i) for i in range(n))))


async def sum_as_completed(child, n):
    total = 0
    for next_one in asyncio.as_completed([child(i) for i in range(n)]):
        total += await next_one
    return total


def waiting(sum_of):
    async def run(few, many):
        for child in ready, yields:
            for n, of, times in (few, "few", 3), (many, "many", 1):
                seconds = []
                for _ in range(times):
                    start = Start()
                    assert await sum_of(child, n) == n * (n - 1) // 2
                    seconds.append(start.seconds() / n)
                figure(f"{child.__name__}_{of}", common.median(seconds))

    return lambda few, many: asyncio.run(run(few, many))


common.main(gather=waiting(sum_gather), as_completed=waiting(sum_as_completed))
