import asyncio

import common
from common import Start, figure


async def queue(n):
    for workers in 2, 8:
        start = Start()
        values = asyncio.Queue(maxsize=100)

        async def worker():
            total = 0
            while (value := await values.get()) is not None:
                total += value
            return total

        tasks = [asyncio.create_task(worker()) for _ in range(workers)]
        for i in range(n):
            await values.put(i)
        for _ in range(workers):
            await values.put(None)
        total = sum(await asyncio.gather(*tasks))
        figure(f"workers_{workers}", start.seconds() / n)
        assert total == n * (n - 1) // 2


common.main(queue=lambda n: asyncio.run(queue(n)))
