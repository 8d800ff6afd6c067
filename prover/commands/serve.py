"""What `lakatos serve` does: a Lean that starts at once, and beside that the server it is for.

The packages of the servers take longer to import than Lean takes to start.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from socket import socket
from typing import TYPE_CHECKING

from ...lean_env.worker_command import Toolchain
from ..lean_parts import LeanConfig, LeanParts, open_lean
from ..serving.lean_start import LeanStart
from ..serving.listening import listening
from ..serving.standard_input import InterruptibleInput

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ...data.store.store import Store
    from ..config import ProverConfig
    from ..serving.http_app import ServerConfig
    from ..serving.mcp_app import ProofServer
    from ..session import RunConfig
    from .resources import Environment
    from .verbs.serve import ServeOptions

LOG = logging.getLogger("lakatos")


@dataclass(frozen=True)
class ServeSetup:
    """What a server is made of.

    lean, prover: how its Lean is started, and how it proves. stack: ends what it opens. found: its
    Lean, once that is set up.
    """

    environment: Environment
    options: ServeOptions
    lean: LeanConfig
    prover: ProverConfig
    stack: ExitStack
    found: list[Toolchain] = field(default_factory=list)

    @cached_property
    def run_config(self) -> RunConfig:
        """Lean and prover."""
        from ..session import RunConfig

        lean = self.lean
        return RunConfig(lean.workers, lean.allow_axioms, lean.check_s, prover=self.prover)

    @cached_property
    def store(self) -> Store:
        """The database, opened when a tool first needs it. Raises StoreError."""
        return self.stack.enter_context(self.environment.open_store(self.options.db))

    def start(self) -> LeanStart:
        """What starts its Lean."""
        options = self.options
        return LeanStart(self._open, most_waiting=options.most_waiting, judge=options.judge)

    def tools(self, start: LeanStart) -> ProofServer:
        """The server of MCP with its tools. Takes a second: the package `mcp` is imported."""
        from ..serving.mcp_app import ProofServer
        from ..serving.mcp_proving import AttemptRecords, ProvingTools
        from ..serving.mcp_tools import LeanTools

        logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
        logging.getLogger("lakatos").setLevel(logging.INFO)
        records = AttemptRecords(lambda: self.store, self._begin)
        return ProofServer(LeanTools(start), ProvingTools(start, lambda: self.run_config, records))

    def server_config(self) -> ServerConfig:
        """How requests over HTTP are taken."""
        from ..serving.http_app import ServerConfig
        from ..serving.http_session import SessionLimits

        options = self.options
        return ServerConfig(
            key=self.environment.server_key,
            body_bytes=options.body_kb * 1024,
            run=self.run_config,
            session=SessionLimits(options.session_idle, options.most_sessions),
            attempt_page=self._attempt_page,
        )

    def app(self, start: LeanStart) -> ASGIApp:
        """The server over HTTP. Takes a second: its packages are imported."""
        from ..serving.http_app import make_app

        config = self.server_config()
        if not self.options.mcp:
            return make_app(start.held, config)
        tools = self.tools(start)
        from ..serving.mcp_route import McpRoute, lean_with_mcp

        app = make_app(lambda: lean_with_mcp(tools, start), config)
        host, key = self.options.host, config.key
        return McpRoute(app, tools, host=host, key=key, body_bytes=config.body_bytes)

    def _attempt_page(self, number: int) -> str:
        from ...data.report.attempt import html_page

        with self.environment.open_store_to_read(self.options.db) as store:
            return html_page(store.load_attempt(number))

    def _begin(self, config: RunConfig) -> int:
        from .resume import begin

        return begin(self.store, self.environment.command, config, self.found[0])

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[LeanParts]:
        find = self.environment.find_toolchain
        self.found[:] = [await asyncio.to_thread(find, self.options.lean)]
        async with open_lean(self.found[0], self.lean, self.environment.cache) as parts:
            yield parts


async def serve_stdio(setup: ServeSetup) -> int:
    """Serve MCP over standard input and output until the input ends or a signal comes.

    The exit code.
    """
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    with InterruptibleInput() as standard_input:

        def interrupt() -> None:
            interrupted.set()
            standard_input.end()

        loop.add_signal_handler(signal.SIGTERM, standard_input.end)
        loop.add_signal_handler(signal.SIGINT, interrupt)
        async with setup.start() as start:
            tools = await asyncio.to_thread(setup.tools, start)
            try:
                await tools.serve_stdio()
            except* BrokenPipeError:
                LOG.info("the client is gone")
            await tools.finish()
    return 130 if interrupted.is_set() else 0


async def serve_http(setup: ServeSetup, ready: Callable[[str], None]) -> int:
    """Serve over HTTP until a signal comes; the exit code. ready: told the address.

    Raises UsageError where it cannot listen, and what hinders the start of its Lean.
    """

    def load() -> tuple[ASGIApp, Callable[[ASGIApp, socket], Awaitable[int]]]:
        from ..serving.run_server import run_server

        return setup.app(start), run_server

    with listening(setup.options.host, setup.options.port) as (listener, url):
        async with setup.start() as start:
            app, run_server = await asyncio.to_thread(load)
            await start.lean()
            ready(url)
            return await run_server(app, listener)
