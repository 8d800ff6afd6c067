"""Lines of standard input that are no messages of MCP: each is answered, and told in the log.

The package `mcp` passes over them, and their sender would wait.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

LOG = logging.getLogger("lakatos")

Item = SessionMessage | Exception
"""What comes in: a message, or why there is none."""


@asynccontextmanager
async def answering_broken_messages(
    read: ObjectReceiveStream[Item], write: ObjectSendStream[SessionMessage]
) -> AsyncIterator[ObjectReceiveStream[Item]]:
    """What remains to be read when broken messages are answered."""
    sender, receiver = anyio.create_memory_object_stream[Item](0)
    task = asyncio.create_task(_pass_on(read, write, sender))
    try:
        yield receiver
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        receiver.close()


async def _pass_on(
    read: ObjectReceiveStream[Item],
    write: ObjectSendStream[SessionMessage],
    to: ObjectSendStream[Item],
) -> None:
    async with to:
        async for item in read:
            if isinstance(item, Exception):
                await write.send(SessionMessage(_answer(item)))
            else:
                await to.send(item)


def _answer(error: Exception) -> JSONRPCError:
    first = error.errors()[0] if isinstance(error, ValidationError) else None
    name: str | int | None = None
    code, text = INVALID_REQUEST, "not a JSON-RPC message"
    if first is not None and first["type"] == "json_invalid":
        code, text = PARSE_ERROR, "not JSON: " + str(first["ctx"]["error"])
        with suppress(ValueError, TypeError, KeyError):  # such as half a surrogate pair
            name = json.loads(first["input"])["id"]
    LOG.warning("standard input: %s", text)
    return JSONRPCError(jsonrpc="2.0", id=name, error=ErrorData(code=code, message=text))
