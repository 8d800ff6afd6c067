"""`lakatos serve`: its options, its help, and how it starts its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Context, Option

from ..help_page import ADVANCED, BUDGET, COMMON, VerbHelp
from ..options import Axioms, CheckTimeOption, Db, LeanOptions, Workers

HELP = VerbHelp(
    details="POST /api/check and /verify speak as Kimina's Lean server does, so its clients run "
    "unchanged; what Lean takes goes to the judge too. POST /prove searches proofs, POST "
    "/verify-against judges a text against another one; /session keeps one open, for tactics at "
    "its states. /attempts/N shows a stored attempt. /docs describes every field, /metrics "
    "counts for Prometheus. Clients must send the key in $LAKATOS_SERVER_KEY, if that is set. A "
    "Lean file can run programs: let only those send texts who may run programs as you. SIGTERM "
    "lets the requests under way end. It needs: pip install 'lakatos[serve]'.",
    examples=(
        ("Serve on this machine, at port 8000", "lakatos serve --http"),
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
    from ....data.report.attempt import html_page
    from ...config import ProverConfig
    from ...session import RunConfig, open_lean
    from .. import console

    if not options.http:
        raise UsageError("say what to serve: --http")
    try:
        from ...serving.http_app import ServerConfig, make_app
        from ...serving.http_session import SessionLimits
        from ...serving.run_server import run_server
    except ModuleNotFoundError as error:
        raise UsageError(f"serve --http needs {error.name}: pip install 'lakatos[serve]'") from None
    config = RunConfig(
        prover=ProverConfig(wall_s=options.time),
        workers=options.workers,
        allow_axioms=tuple(options.allow_axiom or ()),
        check_s=options.check_time,
    )
    key = context.obj.server_key
    if key is None and options.host not in ("127.0.0.1", "::1", "localhost"):
        where = f"everybody who reaches {options.host} can run programs here"
        console.note(f"warning: {where}: set LAKATOS_SERVER_KEY")
    toolchain = context.obj.find_toolchain(options.lean)

    def attempt_page(number: int) -> str:
        with context.obj.open_store_to_read(options.db) as store:
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
    app = make_app(lambda: open_lean(toolchain, config, context.obj.cache), server)

    def ready(url: str) -> None:
        console.standard_output().print(f"serving at {url}, its pages at {url}/docs")

    return run_server(app, options.host, options.port, ready)
