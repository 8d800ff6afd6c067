"""The one place where a command starts an event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from .streams import Interrupted

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end. Raises Interrupted where a second Ctrl-C cancelled it."""
    import asyncio

    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise Interrupted from None
