"""`lakatos serve`: its options, its help, and how it starts its work."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

from typer import Context, Option

from ..help_page import ADVANCED, BUDGET, COMMON, VerbHelp
from ..options import Axioms, CheckTimeOption, Db, LeanOptions, Workers

if TYPE_CHECKING:
    from ..resources import Environment

LOOPBACK = ("127.0.0.1", "::1", "localhost")

HELP = VerbHelp(
    details="By MCP, agents check files, try tactics, search, prove, repair and judge; "
    "docs/agents.md says how to add it to their programs. Over HTTP, POST /api/check and /verify "
    "speak as Kimina's Lean server does, so its clients run unchanged; what Lean takes goes to "
    "the judge too. POST /prove searches proofs, POST /verify-against judges a text against "
    "another one, /session keeps one open for tactics, /attempts/N shows a stored attempt. /docs "
    "describes every field, /metrics counts for Prometheus. Clients must send the key in "
    "$LAKATOS_SERVER_KEY, if that is set. A Lean file can run programs: let only those send texts "
    "who may run programs as you. SIGTERM lets the requests under way end. It needs: pip install "
    "'lakatos[serve]'.",
    examples=(
        ("Serve on this machine, at port 8000", "lakatos serve --http"),
        ("Serve one agent by MCP; its client runs this command", "lakatos serve --mcp"),
        (
            "Serve a network; clients send the key in $LAKATOS_SERVER_KEY",
            "lakatos serve --http --host 0.0.0.0 --port 9000",
        ),
    ),
)


@dataclass(frozen=True)
class ServeOptions:
    """The options of `lakatos serve`."""

    lean: LeanOptions
    http: Annotated[bool, Option("--http", rich_help_panel=COMMON, help="Serve over HTTP.")] = False
    mcp: Annotated[
        bool,
        Option(
            "--mcp",
            rich_help_panel=COMMON,
            help="Serve the tools of an agent by MCP (Model Context Protocol): over standard "
            "input and output, or with --http at /mcp too.",
        ),
    ] = False
    host: Annotated[
        str,
        Option(metavar="ADDRESS", rich_help_panel=COMMON, help="Address to listen at."),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Option(
            metavar="N",
            min=0,
            max=65535,
            rich_help_panel=COMMON,
            help="Port to listen at; 0 takes a free one and prints it.",
        ),
    ] = 8000
    workers: Workers = None
    db: Db = None
    time: Annotated[
        float,
        Option(
            "--time",
            metavar="SECONDS",
            rich_help_panel=BUDGET,
            help="Time for one theorem that a client may ask for at most.",
        ),
    ] = 60.0
    check_time: CheckTimeOption = None
    allow_axiom: Axioms = None
    judge: Annotated[
        bool,
        Option(
            "--judge/--no-judge",
            rich_help_panel=ADVANCED,
            help="Whether a text without an error goes to the judge too; what it refuses is an "
            "error of the text. It takes about as long again.",
        ),
    ] = True
    most_waiting: Annotated[
        int,
        Option(
            metavar="N",
            min=0,
            rich_help_panel=ADVANCED,
            help="Number of texts that may wait; more are refused with status 429.",
        ),
    ] = 256
    body_kb: Annotated[
        int,
        Option(
            metavar="KB",
            min=1,
            rich_help_panel=ADVANCED,
            help="Size of a request, in kilobytes; larger ones are refused with status 413.",
        ),
    ] = 1024
    most_sessions: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            rich_help_panel=ADVANCED,
            help="Sessions that one client may have open at once; more are refused with status "
            "429.",
        ),
    ] = 16
    session_idle: Annotated[
        float,
        Option(
            metavar="SECONDS",
            min=0.001,
            rich_help_panel=ADVANCED,
            help="Time without a request after which a session ends.",
        ),
    ] = 600.0


def run(context: Context, options: ServeOptions) -> int:
    """Serve until a signal comes; the exit code."""
    from ....data.errors import UsageError
    from ...config import ProverConfig
    from ...lean_parts import LeanConfig
    from ..event_loop import run_async
    from ..serve import ServeSetup, serve_http, serve_stdio

    def ready(url: str) -> None:
        from .. import console

        also = f", MCP at {url}/mcp" if options.mcp else ""
        console.standard_output().print(f"serving at {url}, its pages at {url}/docs{also}")

    if not (options.http or options.mcp):
        raise UsageError("say what to serve: --http or --mcp")
    for package in ("mcp",) * options.mcp + ("fastapi", "prometheus_client") * options.http:
        if find_spec(package) is None:
            raise UsageError(f"serve needs {package}: pip install 'lakatos[serve]'")
    axioms = tuple(options.allow_axiom or ())
    lean = LeanConfig(options.workers, axioms, options.check_time)
    prover = ProverConfig(wall_s=options.time)
    _warn(context.obj, options)
    with ExitStack() as stack:
        setup = ServeSetup(context.obj, options, lean, prover, stack)
        return run_async(serve_http(setup, ready) if options.http else serve_stdio(setup))


def _warn(environment: Environment, options: ServeOptions) -> None:
    """Say what a user should know who starts such a server by hand."""
    note = ""
    if not options.http and sys.stdin.isatty():
        note = "waiting for an agent's client, which starts this command: docs/agents.md"
    elif options.http and environment.server_key is None and options.host not in LOOPBACK:
        where = f"everybody who reaches {options.host} can run programs here"
        note = f"warning: {where}: set LAKATOS_SERVER_KEY"
    if note:
        from .. import console  # slow to import

        console.note(note)
