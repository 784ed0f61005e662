import asyncio
import selectors
import sys
import types
from bisect import insort
from collections import deque
from functools import partial
from time import time

import common
from common import Start, figure


def by_addition(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def fib(n):
    def fib(n):
        return fib(n - 1) + fib(n - 2) if n > 1 else n

    start = Start()
    value = fib(n)
    figure("seconds", start.seconds())
    assert value == by_addition(n)


def coroutine(n):
    async def fib(n):
        await asyncio.sleep(0)
        return await fib(n - 1) + await fib(n - 2) if n > 1 else n

    async def run():
        start = Start()
        value = await fib(n)
        figure("seconds", start.seconds())
        assert value == by_addition(n)

    asyncio.run(run())


class sleep_for_seconds(object):
    def __init__(self, wait_time):
        self._wait_time = wait_time


class EventLoop(object):
    """The article's loop, as it is there."""

    def __init__(self, *tasks):
        self._running = False
        self._selector = selectors.DefaultSelector()
        self._tasks = deque(tasks)
        self._tasks_waiting_on_stdin = []
        self._timers = []
        self._selector.register(sys.stdin, selectors.EVENT_READ)

    def resume_task(self, coroutine, value=None, stack=()):
        result = coroutine.send(value)
        if isinstance(result, types.GeneratorType):
            self.schedule(result, None, (coroutine, stack))
        elif isinstance(result, sleep_for_seconds):
            self.schedule(coroutine, None, stack, time() + result._wait_time)
        elif result is sys.stdin:
            self._tasks_waiting_on_stdin.append((coroutine, stack))
        elif stack:
            self.schedule(stack[0], result, stack[1])

    def schedule(self, coroutine, value=None, stack=(), when=None):
        task = partial(self.resume_task, coroutine, value, stack)
        if when:
            insort(self._timers, (when, task))
        else:
            self._tasks.append(task)

    def stop(self):
        self._running = False

    def run_forever(self):
        self._running = True
        while self._running:
            for key, mask in self._selector.select(0):
                line = key.fileobj.readline().strip()
                for task, stack in self._tasks_waiting_on_stdin:
                    self.schedule(task, line, stack)
                self._tasks_waiting_on_stdin.clear()
            if self._tasks:
                task = self._tasks.popleft()
                task()
            while self._timers and self._timers[0][0] < time():
                task = self._timers[0][1]
                del self._timers[0]
                task()
        self._running = False


def article(n):
    def fib(n):
        if n <= 1:
            yield n
        else:
            a = yield fib(n - 1)
            b = yield fib(n - 2)
            yield a + b

    def read_input():
        yield sys.stdin

    def run(loop):
        start = Start()
        value = yield fib(n)
        figure("seconds", start.seconds())
        assert value == by_addition(n)
        loop.stop()
        yield

    loop = EventLoop()
    loop.schedule(read_input())
    loop.schedule(run(loop))
    loop.run_forever()


common.main(fib=fib, coroutine=coroutine, article=article)
