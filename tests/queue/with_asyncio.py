"""The cases of tests/queue.rs in Python, so that asyncio itself says what it does."""
import asyncio
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "common"))
from cases import log, run_all, turns


def start(coroutine):
    return asyncio.create_task(coroutine)


async def put(queue, value):
    try:
        log.append(f"{value}?")
        await queue.put(value)
        log.append(f"+{value}")
    except asyncio.CancelledError:
        log.append(f"{value}x")
        raise


async def get(queue, name):
    try:
        log.append(f"{name}?")
        log.append(f"{name}={await queue.get()}")
    except asyncio.CancelledError:
        log.append(f"{name}x")
        raise


async def first_in_first_out():
    queue = asyncio.Queue()
    for value in range(5):
        await queue.put(value)
    log.append(f"{queue.qsize()}")
    for _ in range(5):
        log.append(f"{await queue.get()}")


async def nothing_waits_where_it_need_not():
    queue = asyncio.Queue(2)
    task = start(get(queue, "a"))
    await queue.put(1)
    await queue.put(2)
    log.append(f"{await queue.get()}")
    log.append("main")
    await task


async def nowait_is_refused():
    queue = asyncio.Queue(1)
    log.append(f"{queue.empty()} {queue.full()}".lower())
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty:
        log.append("empty")
    queue.put_nowait(1)
    log.append(f"{queue.empty()} {queue.full()}".lower())
    try:
        queue.put_nowait(2)
    except asyncio.QueueFull:
        log.append("full")
    log.append(f"{queue.get_nowait()}")


async def putters_wait_for_room_in_order():
    queue = asyncio.Queue(2)
    for value in range(1, 6):
        start(put(queue, value))
    await turns(3)
    for _ in range(5):
        log.append(f"={await queue.get()}")
        await turns(2)


async def getters_wait_for_values_in_order():
    queue = asyncio.Queue()
    for name in "abc":
        start(get(queue, name))
    await turns(3)
    for value in range(1, 4):
        await queue.put(value)
        log.append(f"+{value}")
    await turns(3)


async def one_at_a_time():
    queue = asyncio.Queue(1)

    async def produce():
        for value in range(1, 5):
            await put(queue, value)

    task = start(produce())
    for _ in range(4):
        await get(queue, "a")
    await task


async def a_getter_that_waits_is_cancelled():
    queue = asyncio.Queue()
    a, b = start(get(queue, "a")), start(get(queue, "b"))
    await turns(3)
    a.cancel()
    await turns(3)
    await queue.put(1)
    await b


async def a_getter_that_was_woken_is_cancelled():
    queue = asyncio.Queue()
    a, b = start(get(queue, "a")), start(get(queue, "b"))
    await turns(3)
    await queue.put(1)
    a.cancel()
    await b


async def a_putter_that_waits_is_cancelled():
    queue = asyncio.Queue(1)
    await put(queue, 0)
    a, b = start(put(queue, 1)), start(put(queue, 2))
    await turns(3)
    a.cancel()
    await turns(3)
    await get(queue, "a")
    await b
    await get(queue, "b")


async def a_putter_that_was_woken_is_cancelled():
    queue = asyncio.Queue(1)
    await put(queue, 0)
    a, b = start(put(queue, 1)), start(put(queue, 2))
    await turns(3)
    await get(queue, "a")
    a.cancel()
    await b
    await get(queue, "b")


async def nowait_takes_a_value_that_another_waiter_was_woken_for():
    queue = asyncio.Queue()
    a = start(get(queue, "a"))
    await turns(3)
    await put(queue, 1)
    log.append(f"{queue.get_nowait()}")
    await turns(3)
    await put(queue, 2)
    await a


async def join_waits_for_the_last_task_done():
    queue = asyncio.Queue()
    await queue.join()
    log.append("at once")

    async def join(name):
        await queue.join()
        log.append(name)

    queue.put_nowait(1)
    queue.put_nowait(2)
    start(join("a"))
    start(join("b"))
    for _ in range(2):
        await turns(3)
        log.append(f"={await queue.get()}")
        await turns(3)
        queue.task_done()
        log.append("done")
    await turns(3)


async def join_ends_though_more_is_put():
    queue = asyncio.Queue()
    queue.put_nowait(1)
    task = start(queue.join())
    await turns(3)
    queue.task_done()
    queue.put_nowait(2)
    await task
    log.append("joined")


async def task_done_too_often():
    queue = asyncio.Queue()
    queue.put_nowait(1)
    queue.task_done()
    try:
        queue.task_done()
    except ValueError:
        log.append("error")


run_all(dict(globals()))
