"""`lakatos serve`: its options, its help, and how it starts its work."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

from typer import Context, Option

from ..help_page import ADVANCED, BUDGET, COMMON, VerbHelp
from ..options import Axioms, CheckTimeOption, Db, LeanOptions, Workers

if TYPE_CHECKING:
    from ...session import RunConfig
    from ..resources import Environment

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
    from ...session import RunConfig

    if not (options.http or options.mcp):
        raise UsageError("say what to serve: --http or --mcp")
    config = RunConfig(
        prover=ProverConfig(wall_s=options.time),
        workers=options.workers,
        allow_axioms=tuple(options.allow_axiom or ()),
        check_s=options.check_time,
    )
    for package in ("mcp",) * options.mcp + ("fastapi", "prometheus_client") * options.http:
        if find_spec(package) is None:
            raise UsageError(f"serve needs {package}: pip install 'lakatos[serve]'")
    serve = _serve_http if options.http else _serve_mcp
    return serve(context.obj, options, config)


def _serve_mcp(environment: Environment, options: ServeOptions, config: RunConfig) -> int:
    """Serve MCP over standard input and output."""
    from .. import console
    from ..event_loop import run_async
    from ..serve_mcp import McpSetup, serve_stdio

    if sys.stdin.isatty():
        console.note("waiting for an agent's client, which starts this command: docs/agents.md")
    with environment.open_store(options.db) as store:
        return run_async(serve_stdio(McpSetup(environment, options, config, store)))


def _serve_http(environment: Environment, options: ServeOptions, config: RunConfig) -> int:
    """Serve over HTTP, with MCP at /mcp if it is asked for."""
    from ....data.report.attempt import html_page
    from ...serving.http_app import ServerConfig, make_app
    from ...serving.http_session import SessionLimits
    from ...serving.run_server import run_server
    from ...session import open_lean
    from .. import console

    key, host = environment.server_key, options.host
    if key is None and host not in ("127.0.0.1", "::1", "localhost"):
        where = f"everybody who reaches {host} can run programs here"
        console.note(f"warning: {where}: set LAKATOS_SERVER_KEY")
    toolchain = environment.find_toolchain(options.lean)

    def attempt_page(number: int) -> str:
        with environment.open_store_to_read(options.db) as store:
            return html_page(store.load_attempt(number))

    server = ServerConfig(
        key=key,
        most_waiting=options.most_waiting,
        body_bytes=options.body_kb * 1024,
        judge=options.judge,
        run=config,
        session=SessionLimits(options.session_idle, options.most_sessions),
        attempt_page=attempt_page,
    )

    def ready(url: str) -> None:
        also = f", MCP at {url}/mcp" if options.mcp else ""
        console.standard_output().print(f"serving at {url}, its pages at {url}/docs{also}")

    if not options.mcp:
        app = make_app(lambda: open_lean(toolchain, config, environment.cache), server)
        return run_server(app, host, options.port, ready)
    from ...serving.mcp_app import McpRoute, lean_with_mcp
    from ..serve_mcp import McpSetup

    with environment.open_store(options.db) as store:
        setup = McpSetup(environment, options, config, store)
        start = setup.start()
        tools = setup.tools(start)
        app = make_app(lambda: lean_with_mcp(tools, start), server)
        both = McpRoute(app, tools, host=host, key=key, body_bytes=server.body_bytes)
        return run_server(both, host, options.port, ready)
