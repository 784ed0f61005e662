import asyncio

from common import Start, figure, main


async def value(i):
    return i


def spawn_join(n):
    async def run():
        start = Start()
        tasks = [asyncio.create_task(value(i)) for i in range(n)]
        total = 0
        for task in tasks:
            total += await task
        figure("seconds", start.seconds() / n)
        assert total == n * (n - 1) // 2

    asyncio.run(run())


main(spawn_join)
