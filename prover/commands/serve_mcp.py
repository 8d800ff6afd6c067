"""What `lakatos serve --mcp` serves: its tools, a Lean for them, and the database they write to."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...lean_env.worker_command import Toolchain
from ..serving.lean_start import LeanStart
from ..serving.standard_input import InterruptibleInput
from ..session import LeanParts, RunConfig, open_lean
from .resume import begin

if TYPE_CHECKING:
    from ...data.store.store import Store
    from ..serving.mcp_app import ProofServer
    from .resources import Environment
    from .verbs.serve import ServeOptions


@dataclass(frozen=True)
class McpSetup:
    """What a server of MCP is made of. found: its Lean, once that is set up."""

    environment: Environment
    options: ServeOptions
    config: RunConfig
    store: Store
    found: list[Toolchain] = field(default_factory=list)

    def start(self) -> LeanStart:
        """What starts its Lean."""
        options = self.options
        return LeanStart(self._open, most_waiting=options.most_waiting, judge=options.judge)

    def tools(self, start: LeanStart) -> ProofServer:
        """The server with its tools. Takes a second: the package `mcp` is imported."""
        from ..serving.mcp_app import ProofServer
        from ..serving.mcp_proving import AttemptRecords, ProvingTools
        from ..serving.mcp_tools import LeanTools

        logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
        logging.getLogger("lakatos").setLevel(logging.INFO)
        records = AttemptRecords(self.store, self._begin)
        return ProofServer(LeanTools(start), ProvingTools(start, self.config, records))

    def _begin(self, config: RunConfig) -> int:
        return begin(self.store, self.environment.command, config, self.found[0])

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[LeanParts]:
        find = self.environment.find_toolchain
        self.found[:] = [await asyncio.to_thread(find, self.options.lean)]
        async with open_lean(self.found[0], self.config, self.environment.cache) as parts:
            yield parts


async def serve_stdio(setup: McpSetup) -> int:
    """Serve over standard input and output until the input ends or a signal comes; the exit code.

    Lean comes up while the package `mcp` is imported.
    """
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    with InterruptibleInput() as standard_input:

        def interrupt() -> None:
            interrupted.set()
            standard_input.end()

        loop.add_signal_handler(signal.SIGTERM, standard_input.end)
        loop.add_signal_handler(signal.SIGINT, interrupt)
        start = setup.start()
        async with start:
            tools = await asyncio.to_thread(setup.tools, start)
            await tools.serve_stdio()
            await tools.finish()
    return 130 if interrupted.is_set() else 0
