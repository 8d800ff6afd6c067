"""The MCP server: which tools there are, how their errors are told, and what it speaks over.

After the Model Context Protocol (modelcontextprotocol.io), by its official package `mcp`.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version
from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool
from pydantic import ValidationError

from ...data.errors import LakatosError, unreachable
from .mcp_messages import answering_broken_messages
from .mcp_proving import ProvingTools
from .mcp_tools import LeanTools

LOG = logging.getLogger("lakatos")

INSTRUCTIONS = """\
Lakatos checks, proves and judges Lean 4 theorems with a real Lean. A hole is a `sorry`.
Check a file, list its holes, try tactics at their states, several at once, and go on from the
states that they leave; search for declarations; or let `prove` search. Let `refute` look at
statements that you doubt. A proof counts when `verify` or `verify_proof` accepts it.
No tool changes a file: write the proofs yourself. Paths are of .lean files, best absolute."""

ASKS_LEAN = ToolAnnotations(open_world_hint=False)
"""Of tools that elaborate a text, which may run programs: none is harmless."""

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class ProofServer:
    """An MCP server with the tools of two objects.

    Each call works in a task of its own, which is cancelled once when the call is: so what a
    worker does for it ends in order.
    """

    def __init__(self, lean: LeanTools, proving: ProvingTools) -> None:
        asking = (
            lean.check,
            lean.holes,
            lean.try_tactics,
            proving.prove,
            proving.repair,
            proving.refute,
            lean.verify,
            lean.verify_proof,
            lean.search,
        )
        found = [Tool.from_function(method, annotations=ASKS_LEAN) for method in asking]
        for method in (proving.list_attempts, proving.show_attempt):
            found.append(Tool.from_function(method, annotations=READS))
        self._tools = {tool.name: tool for tool in found}
        self._at_work: set[asyncio.Task[Any]] = set()
        self.server: Server[dict[str, Any]] = Server(
            "lakatos",
            title="Lakatos",
            version=version("lakatos"),
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def serve_stdio(self) -> None:
        """Serve over standard input and output, until the input ends.

        Meanwhile file descriptor 1 is standard error: nothing else gets between the messages.
        """
        async with stdio_server() as (read, write), answering_broken_messages(read, write) as taken:
            await self.server.run(taken, write, self.server.create_initialization_options())

    async def finish(self) -> None:
        """Cancel what is under way, and wait for its end."""
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def _list(
        self, context: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                ListedTool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.parameters,
                    output_schema=tool.output_schema,
                    annotations=tool.annotations,
                )
                for tool in self._tools.values()
            ]
        )

    async def _call(
        self, context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult:
        """Call a tool. What the caller, or the machine, did wrong is one line in the result."""
        try:
            if params.name not in self._tools:
                raise ToolError(f"no tool {params.name!r}: {', '.join(self._tools)}")
            tool, told = self._tools[params.name], Context(request_context=context)
            work = tool.run(params.arguments or {}, told, convert_result=True)
            result = await self._apart(work)
            assert isinstance(result, CallToolResult)
            return result
        except ToolError as error:
            line = _line(error)
            LOG.info("%s: %s", params.name, line)
            return CallToolResult(content=[TextContent(text=line)], is_error=True)

    async def _apart(self, work: Any) -> Any:
        task = asyncio.ensure_future(work)
        self._at_work.add(task)
        task.add_done_callback(self._over)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            raise

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._at_work.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone


def _line(error: ToolError) -> str:
    """An error as one line. Raises the cause of one that nobody expects."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        faults = cause.errors(include_url=False)
        return "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)
    if cause is not None:
        cause = unreachable(cause) or cause
        if not isinstance(cause, LakatosError):
            raise cause
    return " ".join(str(cause or error).split())
