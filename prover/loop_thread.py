"""An event loop in a thread of its own, for callers with an event loop and without one."""

from __future__ import annotations

import asyncio
import functools
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ..data.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")


class LoopThread:
    """Runs coroutines for callers in any thread; ends with its owner, or with the program.

    at_end: done in the loop before it ends. It may not refer to the owner.
    """

    def __init__(self, at_end: Callable[[], Awaitable[None]] | None = None) -> None:
        self._loop = loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=_run, args=(loop, at_end), name="lakatos-session", daemon=True
        )
        self._thread.start()
        self._stop = weakref.finalize(self, loop.call_soon_threadsafe, loop.stop)

    def close(self) -> None:
        """End the loop; what runs in it is cancelled. Once more does nothing."""
        self._stop()
        self._thread.join()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Block until the work is done; a KeyboardInterrupt cancels it."""
        if threading.current_thread() is self._thread:
            work.close()
            raise UsageError("called in the session's own loop: await the method with the `a`")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the work in the caller's loop; a cancellation reaches the work."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


def _run(loop: asyncio.AbstractEventLoop, at_end: Callable[[], Awaitable[None]] | None) -> None:
    async def end() -> None:
        if at_end is not None:
            await at_end()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        loop.run_forever()
        runner.run(end())


class HasLoop(Protocol):
    """What has a loop for its coroutines."""

    @property
    def loop(self) -> LoopThread:
        """Where they run. Raises UsageError when it is closed."""
        ...


S = TypeVar("S", bound=HasLoop)


def blocking(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], T]:
    """The method as one that blocks: for scripts, threads and notebooks."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.loop.wait(method(self, *args, **kwargs))

    return call


def awaitable(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """The method as one to be awaited in any event loop."""

    @functools.wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.loop.awaited(method(self, *args, **kwargs))

    return call
