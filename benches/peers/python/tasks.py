import asyncio

import common
from common import Start, figure


async def value(i):
    return i


async def spawn_join(n):
    start = Start()
    tasks = [asyncio.create_task(value(i)) for i in range(n)]
    total = 0
    for task in tasks:
        total += await task
    figure("seconds", start.seconds() / n)
    assert total == n * (n - 1) // 2


async def spawn_await(n):
    start = Start()
    total = 0
    for i in range(n):
        total += await asyncio.create_task(value(i))
    figure("seconds", start.seconds() / n)
    assert total == n * (n - 1) // 2


async def cancel(n):
    ended = 0

    async def sleeper():
        nonlocal ended
        try:
            await asyncio.sleep(3600)
        finally:
            ended += 1

    tasks = [asyncio.create_task(sleeper()) for _ in range(n)]
    await asyncio.sleep(0)
    start = Start()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    figure("seconds", start.seconds() / n)
    assert ended == n


common.main(
    spawn_join=lambda n: asyncio.run(spawn_join(n)),
    spawn_await=lambda n: asyncio.run(spawn_await(n)),
    cancel=lambda n: asyncio.run(cancel(n)),
)
