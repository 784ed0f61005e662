"""What the cases in Python have in common, and how they are run.

tests/common/cases.rs is the same in Rust.
"""
import asyncio
import inspect

log = []


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def child(name, n, fails=False):
    """Ends after n turns of the loop, and says when it starts and how it ends."""
    log.append(f"{name}+")
    try:
        await turns(n)
    except asyncio.CancelledError:
        log.append(f"{name}x")
        raise
    if fails:
        log.append(f"{name}!")
        raise ValueError(name)
    log.append(f"{name}-")
    return name


def spawn(*args):
    return asyncio.get_running_loop().create_task(child(*args))


def show(result):
    return f"E({result})" if isinstance(result, Exception) else result


def run_all(module):
    """Prints `case: what it logged`, a line a case: every coroutine function without arguments."""
    for name, case in module.items():
        if inspect.iscoroutinefunction(case) and case.__code__.co_argcount == 0:
            log.clear()
            asyncio.run(case())
            print(f"{name}: {' '.join(log)}".replace("'", ""))
