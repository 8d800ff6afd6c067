"""What the tools of the MCP server share: arguments, who calls, who is told of progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Self

from mcp.server.mcpserver import Context
from pydantic import Field

from ...data.errors import UsageError
from ...data.records import Attempt, Expansion, Theorem
from ...data.source import SourceFile, read_source
from ..agent.recorder import AttemptObserver

AnyContext = Context[Any, Any]
"""Of a call: who calls, and who is told of progress."""

PathArgument = Annotated[
    str | None,
    Field(description="A .lean file on the server's machine, best as an absolute path."),
]
TextArgument = Annotated[str | None, Field(description="A Lean text, in place of a path.")]

PROGRESS_PAUSE_S = 0.5
"""Between two notifications of progress."""


def read_lean(path: str | None, text: str | None) -> SourceFile:
    """What is meant: a .lean file, or a text. Raises UsageError where it is not one of them."""
    if (path is None) == (text is None):
        raise UsageError("give either `path` or `text`")
    if text is not None:
        return SourceFile("text", text.encode(errors="surrogatepass"))
    place = Path(str(path)).expanduser()
    if place.resolve().suffix != ".lean":
        raise UsageError(f"{path}: only .lean files are read")
    return read_source(str(place))


def client_of(context: AnyContext) -> str:
    """Whose turn it is: the client's address; empty over standard input."""
    request = context.request_context.request
    return str(getattr(getattr(request, "client", None), "host", ""))


class ProgressReport(AttemptObserver):
    """Tells a client how a search goes on. theorems: how many are tried."""

    def __init__(self, context: AnyContext, theorems: int = 0) -> None:
        self._context = context
        self.theorems = theorems
        self._over = self._tactics = 0
        self._news = asyncio.Event()

    def expansions(self, theorem: Theorem, expansions: list[Expansion]) -> None:
        """Count the tactics."""
        self._tactics += sum(len(each.steps) for each in expansions)
        self._news.set()

    def finish_attempt(self, attempt: Attempt) -> None:
        """Count the theorem, if it is none of the search's own."""
        self._over += attempt.theorem.negates is None
        self._news.set()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Self]:
        """Meanwhile, tell."""
        sender = asyncio.create_task(self._send())
        try:
            yield self
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self) -> None:
        told = -1
        while True:
            if (progress := self._over + self._tactics) > told:
                told = progress
                words = f"{self._over} of {self.theorems} theorems, {self._tactics} tactics tried"
                await self._context.report_progress(progress, None, words)
            await asyncio.sleep(PROGRESS_PAUSE_S)
            await self._news.wait()
            self._news.clear()
