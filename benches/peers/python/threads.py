import asyncio
import threading

import common
from common import Start, figure


async def value(i):
    return i


def thread_call(one_by_one, at_once):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def call(i):
        return asyncio.run_coroutine_threadsafe(value(i), loop)

    n = one_by_one
    start = Start()
    total = 0
    for i in range(n):
        total += call(i).result()
    figure("latency", start.seconds() / n)
    assert total == n * (n - 1) // 2

    n = at_once
    start = Start()
    futures = [call(i) for i in range(n)]
    total = sum(future.result() for future in futures)
    figure("rate", start.seconds() / n)
    assert total == n * (n - 1) // 2

    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


common.main(thread_call=thread_call)
