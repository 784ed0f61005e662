import asyncio

import common
from common import Start, figure


async def sleepers(n):
    memory, start = common.peak_memory(), Start()
    tasks = [asyncio.create_task(asyncio.sleep(seconds(i))) for i in range(n)]
    await asyncio.gather(*tasks)
    wall, cpu = start.seconds(), start.cpu()
    longest = max(map(seconds, range(n)))
    assert wall >= longest - 0.001  # asyncio looks whether "now + resolution" is there
    figure("cpu", cpu)
    figure("late", wall - longest)
    figure("bytes", (common.peak_memory() - memory) / n)


def seconds(i):
    return 1 + i * 2654435761 % 1_000_000 / 1e6


common.main(sleepers=lambda n: asyncio.run(sleepers(n)))
