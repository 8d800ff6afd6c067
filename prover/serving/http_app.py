"""The HTTP server: Kimina's endpoints, and proving and judging of our own.

Not covered: TLS and users; a proxy in front does that. A Lean file can run programs, so whoever
may send texts may do so, as this server's user, inside what the embedded Lean reaches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, Field

from ...data.errors import EnvironmentFault, LakatosError, UsageError
from ...data.records import Attempt
from ..concurrency import run_all
from ..session import RunConfig, run_on
from ..theorem_names import select
from . import kimina
from .fair_queue import QueueFull
from .http_key import key_fault
from .http_middleware import BodyLimit, EndWithClient, RequestLog
from .http_session import NotThere, SessionLimits, Sessions, TooMany, verdict_json
from .http_session_routes import ClientOf, session_routes
from .lean_start import ServedLean
from .repl_json import NO_INFOTREE
from .snippets import Checked

OpenLean = Callable[[], AbstractAsyncContextManager[ServedLean]]
"""What the server asks while it runs: entered when it starts, left when it stops."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How requests are taken.

    Args:
        key: what clients must send as `Authorization: Bearer KEY`; None: nothing.
        body_bytes: of one request; larger ones are refused with status 413.
        run: how `/prove` proves, its time for a theorem being the most that a client may ask for.
        session: what a `/session` may be.
        attempt_page: the page of a stored attempt, by its number; None: no `/attempts`.
    """

    key: str | None = None
    body_bytes: int = 2**20
    run: RunConfig = field(default_factory=RunConfig)
    session: SessionLimits = field(default_factory=SessionLimits)
    attempt_page: Callable[[int], str] | None = None


class ProveRequest(BaseModel):
    """A Lean text whose `sorry`s are to be proved."""

    code: str
    theorems: list[str] = []
    time_s: float = Field(60, gt=0)


class VerifyAgainstRequest(BaseModel):
    """Does the submission prove the theorems of the original?"""

    original: str
    submission: str


class _Service:
    """What the routes share, while the server runs."""

    def __init__(self, lean: ServedLean, config: ServerConfig) -> None:
        self.lean = lean
        self.config = config
        self.checker = lean.checker
        self.queue = lean.queue
        self.sessions = Sessions(lean.parts, self.checker, self.queue, config.session)
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lakatos_requests", "Requests by path and status", ["path", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "lakatos_check_seconds", "Wall time of one checked text", registry=self.registry
        )
        waiting = Gauge("lakatos_waiting", "Texts that wait for Lean", registry=self.registry)
        waiting.set_function(lambda: self.queue.waiting)
        restarts = Gauge("lakatos_worker_restarts", "Workers replaced", registry=self.registry)
        restarts.set_function(lambda: lean.parts.pool.restarts)
        sessions = Gauge("lakatos_sessions", "Open sessions", registry=self.registry)
        sessions.set_function(lambda: self.sessions.count)

    def count(self, path: str, status: int) -> None:
        """Count a request."""
        self.requests.labels(path, str(status)).inc()

    async def check_all(
        self, client: str, texts: Sequence[str], timeout_s: float, tree: str | None
    ) -> list[Checked]:
        """Check texts, each within so many seconds, in order. tree: the info tree asked for."""
        if tree is not None:
            return [Checked(error=NO_INFOTREE)] * len(texts)
        return await run_all([self._check(client, text, timeout_s) for text in texts])

    async def _check(self, client: str, code: str, timeout_s: float) -> Checked:
        """Check one text when its client's turn comes."""
        async with self.queue.place(client):
            checked = await self.checker.check(code, timeout_s)
        self.seconds.observe(checked.elapsed_s)
        return checked

    async def prove(self, client: str, asked: ProveRequest) -> list[Attempt]:
        """Search proofs of a text's theorems."""
        config = self.config.run
        prover = replace(config.prover, wall_s=min(asked.time_s, config.prover.wall_s))
        async with (
            self.queue.place(client),
            self.checker.opened(asked.code) as opened,
            run_on(self.lean.parts, replace(config, prover=prover)) as run,
        ):
            return await run.prove([opened], select([opened], asked.theorems))


def make_app(open_lean: OpenLean, config: ServerConfig) -> FastAPI:
    """The server as an ASGI app, on a Lean that others may serve too."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_lean() as lean:
            app.state.service = service = _Service(lean, config)
            watching = asyncio.create_task(service.sessions.watch())
            yield
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    app = FastAPI(title="Lakatos", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    app.add_middleware(BodyLimit, most=config.body_bytes)
    app.add_middleware(EndWithClient)
    app.add_middleware(RequestLog, count=lambda *found: app.state.service.count(*found))
    _tell_errors(app)
    _add_open_routes(app)
    _add_kimina(app, config)
    _add_own(app, config)
    app.include_router(session_routes(_client_of(config)))
    _add_attempts(app, config)
    return app


async def service_of(request: Request) -> _Service:
    """What the routes share. As a coroutine, for FastAPI calls functions in threads."""
    service = request.app.state.service
    assert isinstance(service, _Service)
    return service


Service = Annotated[_Service, Depends(service_of)]


def _client_of(config: ServerConfig) -> ClientOf:
    """What gives the client's name, if it has the key."""

    async def client_of(request: Request) -> str:
        if fault := key_fault(request.headers, config.key):
            raise HTTPException(401, fault)
        return request.client.host if request.client else ""

    return client_of


def _tell_errors(app: FastAPI) -> None:
    """Errors as an HTTP status and one line, in the answer and in the log."""

    def refused(request: Request, status: int, why: Any, **headers: str) -> JSONResponse:
        request.state.why = why
        return JSONResponse({"detail": why}, status, headers)

    @app.exception_handler(QueueFull)
    async def busy(request: Request, error: QueueFull) -> JSONResponse:
        waiting = app.state.service.queue.waiting
        return refused(request, 429, f"busy: {waiting} texts wait", **{"retry-after": "1"})

    @app.exception_handler(TooMany)
    async def too_many(request: Request, error: TooMany) -> JSONResponse:
        return refused(request, 429, str(error))

    @app.exception_handler(NotThere)
    async def not_there(request: Request, error: NotThere) -> JSONResponse:
        return refused(request, error.status, str(error))

    @app.exception_handler(LakatosError)
    async def fault(request: Request, error: LakatosError) -> JSONResponse:
        return refused(request, 503 if isinstance(error, EnvironmentFault) else 400, str(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return refused(request, error.status_code, error.detail)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
        return refused(request, 422, faults)


def _add_open_routes(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    @app.get("/health")
    @app.get("/health/", include_in_schema=False)
    async def health() -> dict[str, str]:
        """Whether the server is there."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics(service: Service) -> PlainTextResponse:
        """Counters for Prometheus."""
        return PlainTextResponse(generate_latest(service.registry).decode())


def _add_kimina(app: FastAPI, config: ServerConfig) -> None:
    client_of = Depends(_client_of(config))

    @app.post("/api/check")
    @app.post("/api/check/", include_in_schema=False)
    async def check(
        asked: kimina.CheckRequest, service: Service, client: str = client_of
    ) -> dict[str, Any]:
        """Check Lean texts, as Kimina's server does."""
        texts = [each.code for each in asked.snippets]
        found = await service.check_all(client, texts, asked.timeout, asked.infotree)
        pairs = zip(asked.snippets, found, strict=True)
        return {"results": [kimina.check_result(each.id, checked) for each, checked in pairs]}

    @app.post("/verify")
    @app.post("/one_pass_verify_batch", include_in_schema=False)
    async def verify(
        asked: kimina.VerifyRequest, service: Service, client: str = client_of
    ) -> dict[str, Any]:
        """Check Lean texts, as older clients of Kimina ask for it."""
        texts = [each.text for each in asked.codes]
        found = await service.check_all(client, texts, asked.timeout, asked.infotree_type)
        pairs = zip(asked.codes, found, strict=True)
        return {"results": [kimina.verify_result(c.custom_id, checked) for c, checked in pairs]}


def _add_own(app: FastAPI, config: ServerConfig) -> None:
    client_of = Depends(_client_of(config))

    @app.post("/prove")
    async def prove(
        asked: ProveRequest, service: Service, client: str = client_of
    ) -> dict[str, Any]:
        """Search proofs of the `sorry`s of a text; each is judged."""
        return {"attempts": _attempts(await service.prove(client, asked))}

    @app.post("/verify-against")
    async def verify_against(
        asked: VerifyAgainstRequest, service: Service, client: str = client_of
    ) -> dict[str, Any]:
        """Judge whether a text proves the theorems of another one, and nothing weaker."""
        async with service.queue.place(client):
            found = await service.checker.verdicts(asked.original, asked.submission)
        if not found:
            raise UsageError("the original has no theorem to prove")
        verdicts = [{"theorem": name, **verdict_json(verdict)} for name, verdict in found]
        return {"accepted": all(each["accepted"] for each in verdicts), "verdicts": verdicts}


def _add_attempts(app: FastAPI, config: ServerConfig) -> None:
    page_of = config.attempt_page
    if page_of is None:
        return
    client_of = Depends(_client_of(config))

    @app.get("/attempts/{number}", response_class=HTMLResponse)
    async def attempt(number: int, _: str = client_of) -> HTMLResponse:
        """The page of a stored attempt: its proof graph."""
        try:
            return HTMLResponse(await asyncio.to_thread(page_of, number))
        except UsageError as error:
            raise HTTPException(404, str(error)) from None


def _attempts(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    return [
        {
            "theorem": each.theorem.name,
            "line": each.theorem.line,
            "proved": each.is_proved,
            "stop": each.stop.value,
            "proof": each.proof,
            "wall_s": each.wall_s,
        }
        for each in attempts
    ]
