"""`lakatos serve --mcp` as a process, asked by the official client."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import anyio
import psutil
from anyio.from_thread import start_blocking_portal
from mcp import Client, StdioServerParameters, stdio_client

LAKATOS = str(Path(sys.executable).parent / "lakatos")


class Door:
    """A client in a thread of its own. progress: what the last call was told."""

    def __init__(self, portal, client):
        self.portal = portal
        self.client = client
        self.progress = []

    def call(self, tool, **arguments):
        """What a tool answers, as an object."""
        result = self.result(tool, **arguments)
        assert not result.is_error, result.content[0].text
        return result.structured_content

    def error(self, tool, **arguments):
        """The line of a tool's error."""
        result = self.result(tool, **arguments)
        assert result.is_error, result
        return result.content[0].text

    def result(self, tool, **arguments):
        self.progress.clear()

        async def note(*news):
            self.progress.append(news)

        return self.portal.call(
            lambda: self.client.call_tool(tool, arguments, progress_callback=note)
        )

    def cancelled(self, tool, begun, **arguments):
        """Call a tool, and cancel the call when `begun`, a coroutine function, has returned."""

        async def go():
            async with anyio.create_task_group() as group:
                group.start_soon(self.client.call_tool, tool, arguments)
                await begun()
                group.cancel_scope.cancel()

        self.portal.call(go)

    def judge(self, case):
        """Of a case of the exam: for each theorem None, or the kinds of the reasons against it."""
        if case.proof is None:
            texts = {"original_text": case.original, "text": case.submission}
            answer = self.call("verify", **texts)
        else:
            holes = self.call("holes", text=case.original)["holes"]
            state = next(h for h in holes if h["theorem"] == case.theorem)["states"][0]["state"]
            answer = self.call("verify_proof", state=state, proof=case.proof)
        return {
            each["theorem"]: None if each["accepted"] else [r["kind"] for r in each["reasons"]]
            for each in answer["verdicts"]
        }


@contextmanager
def door(connection):
    """A client of `connection`: a transport of the package `mcp`."""
    with start_blocking_portal() as portal:
        client = Client(connection)
        with portal.wrap_async_context_manager(client):
            yield Door(portal, client)


@contextmanager
def stdio_door(folder, *options):
    """A server that the client starts. folder: of its database, and of what it says (log.txt)."""
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        started = StdioServerParameters(
            command=LAKATOS, args=["serve", "--mcp", *options], env=environ(folder), cwd=folder
        )
        with door(stdio_client(started, errlog=log)) as opened:
            yield opened


def environ(folder):
    """The environment of a server with a database of its own."""
    return {**os.environ, "LAKATOS_DB": str(folder / "attempts.db")}


def processes_of(pid):
    """The processes below a server."""
    return psutil.Process(pid).children(recursive=True)


def have_ended(processes, within_s=20):
    """Whether all of them end."""
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not alive
