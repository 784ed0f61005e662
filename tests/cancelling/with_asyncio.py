"""The cases of tests/cancelling.rs in Python, so that asyncio itself says what it does."""
import asyncio
import sys
from asyncio import TaskGroup
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "common"))
from cases import child, log, run_all, turns


@asynccontextmanager
async def group():
    """A TaskGroup that logs what comes out of it."""
    try:
        async with TaskGroup() as tg:
            yield tg
    except* ValueError as errors:
        log.append(f"errors [{', '.join(map(str, errors.exceptions))}]")
    else:
        log.append("left")


def spawn_or_say(tg, *args):
    coroutine = child(*args)
    try:
        tg.create_task(coroutine)
    except RuntimeError:
        coroutine.close()
        log.append("refused")


async def leaving_waits_for_all():
    async with group() as tg:
        tg.create_task(child("a", 4))
        tg.create_task(child("b", 2))
        log.append("body")


async def leaving_an_empty_group():
    async with group():
        log.append("body")


async def children_spawn_children():
    async def parent(tg):
        await child("a", 1)
        tg.create_task(child("b", 2))
        await turns(1)
        tg.create_task(child("c", 5))

    async with group() as tg:
        tg.create_task(parent(tg))


async def results_are_there_afterwards():
    async with group() as tg:
        a = tg.create_task(child("a", 2))
        b = tg.create_task(child("b", 1))
    log.append(f"{a.result()} {b.result()}")


async def results_are_there_in_the_body():
    async with group() as tg:
        log.append(await tg.create_task(child("a", 2)))


async def a_failure_cancels_the_siblings():
    async with group() as tg:
        tg.create_task(child("a", 1000))
        tg.create_task(child("b", 3, True))
        tg.create_task(child("a", 1000))


async def a_failure_leaves_alone_what_has_ended():
    async with group() as tg:
        tg.create_task(child("a", 1))
        tg.create_task(child("b", 5, True))


async def a_failure_cancels_the_body():
    async with group() as tg:
        tg.create_task(child("a", 3, True))
        await child("body", 1000)


async def a_failure_cancels_the_siblings_and_then_the_body():
    async def waits(name):
        try:
            await asyncio.Event().wait()
        finally:
            log.append(f"{name}x")

    async def sibling():
        log.append("sibling+")
        await waits("sibling")

    async with group() as tg:
        tg.create_task(sibling())
        tg.create_task(child("a", 3, True))
        await waits("body")


async def the_body_fails():
    async with group() as tg:
        tg.create_task(child("a", 1000))
        tg.create_task(child("a", 1000))
        await child("body", 3, True)


async def two_fail_in_one_turn():
    async with group() as tg:
        tg.create_task(child("a", 3, True))
        tg.create_task(child("b", 3, True))
        tg.create_task(child("c", 1000))


async def a_grandchild_fails():
    async def parent(tg):
        tg.create_task(child("b", 3, True))
        await child("a", 1000)

    async with group() as tg:
        tg.create_task(parent(tg))


async def a_group_in_a_group():
    async def inner():
        async with TaskGroup() as tg:
            tg.create_task(child("b", 3, True))
            tg.create_task(child("a", 1000))

    try:
        async with TaskGroup() as tg:
            tg.create_task(child("a", 1000))
            tg.create_task(inner())
    except* ValueError as errors:
        (inner_errors,) = errors.exceptions
        log.append(f"errors [[{inner_errors.exceptions[0]}]]")


async def cancelling_one_child():
    async with group() as tg:
        a = tg.create_task(child("a", 1000))
        tg.create_task(child("b", 8))
        await turns(2)
        a.cancel()
        log.append("asked")


async def cancelling_a_child_before_it_starts():
    async with group() as tg:
        tg.create_task(child("a", 1)).cancel()
        tg.create_task(child("b", 1))


async def cancelling_the_group():
    async def main():
        async with group() as tg:
            tg.create_task(child("a", 1000))
            tg.create_task(child("a", 1000))

    task = asyncio.create_task(main())
    await turns(3)
    task.cancel()
    log.append("asked")
    await turns(5)
    log.append("later")


async def spawning_after_the_end_is_refused():
    async with group() as tg:
        tg.create_task(child("a", 1))
    spawn_or_say(tg, "b", 1)


async def spawning_while_it_shuts_down_is_refused():
    async def spawns_at_its_end(tg):
        try:
            await turns(1000)
        finally:
            spawn_or_say(tg, "b", 1)

    async with group() as tg:
        tg.create_task(spawns_at_its_end(tg))
        tg.create_task(child("a", 3, True))


async def spawning_from_elsewhere_while_it_waits():
    async def main(groups):
        async with group() as tg:
            groups.append(tg)
            tg.create_task(child("a", 6))

    groups = []
    task = asyncio.create_task(main(groups))
    await turns(3)
    groups[0].create_task(child("b", 9))
    await task


async def all_tasks_lists_those_that_have_not_ended():
    def names():
        return " ".join(sorted(task.get_name() for task in asyncio.all_tasks()))

    asyncio.current_task().set_name("main")
    a = asyncio.create_task(turns(1), name="a")
    b = asyncio.create_task(turns(1000), name="b")
    log.append(f"[{names()}]")
    await a
    log.append(f"[{names()}]")
    b.cancel()
    log.append(f"[{names()}]")
    await turns(3)
    log.append(f"[{names()}]")


run_all(dict(globals()))
