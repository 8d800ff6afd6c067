"""What a Ray actor holds open: set up by one call that stays, asked for by the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from ...data.errors import LakatosError
from .wire import RemoteError

T = TypeVar("T")


class ActorResource(Generic[T]):
    """Something set up where the actor is. lost: told when its setup ended without a word."""

    def __init__(
        self, setup: Callable[[], AbstractAsyncContextManager[T]], lost: RemoteError
    ) -> None:
        self._setup = setup
        self._lost = lost
        self._held: T | None = None
        self._settled = asyncio.Event()
        self._closing = asyncio.Event()

    async def serve(self) -> None:
        """Set it up, and stay until `close`."""
        try:
            async with self._setup() as self._held:
                self._settled.set()
                await self._closing.wait()
        except LakatosError as error:
            self._lost = RemoteError.of(error)
        finally:
            self._held = None
            self._settled.set()

    async def held(self) -> T | RemoteError:
        """What was set up, once it is; or why it could not be."""
        await self._settled.wait()
        return self._lost if self._held is None else self._held

    def close(self) -> None:
        """Let `serve` end."""
        self._closing.set()
