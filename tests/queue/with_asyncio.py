"""Plays the cases of tests/queue.rs with asyncio's queue."""
import asyncio
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "common"))
from cases import log, run_all, turns


async def task(queue, name):
    try:
        log.append(f"{name}?")
        if name.isdigit():
            await queue.put(int(name))
            log.append(f"+{name}")
        elif name.islower():
            log.append(f"{name}={await queue.get()}")
        else:
            await queue.join()
            log.append(name)
    except asyncio.CancelledError:
        log.append(f"{name}x")
        raise


def case(capacity, steps):
    """The steps are described in tests/queue.rs."""
    async def play():
        queue, tasks = asyncio.Queue(capacity), {}
        for step in steps.split():
            if step == ".":
                await turns(3)
            elif step == "=":
                log.append(f"={await queue.get()}")
            elif step == "!":
                log.append(f"!{queue.get_nowait()}")
            elif step == "done":
                try:
                    queue.task_done()
                    log.append("done")
                except ValueError:
                    log.append("error")
            elif step[0] == "+":
                await queue.put(int(step[1:]))
                log.append(step)
            elif step[0] == "-":
                tasks[step[1:]].cancel()
            else:
                tasks[step] = asyncio.create_task(task(queue, step))
    return play


table = Path(__file__).parents[1] / "queue.rs"
rows = [line.strip().split(" | ") for line in table.read_text().splitlines()]
rows = [row for row in rows if len(row) == 4]
run_all({name: case(int(capacity), steps) for name, capacity, steps, _ in rows})
