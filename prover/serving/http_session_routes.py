"""`/session` of the HTTP server: open a text, try tactics at its states, check proofs, close."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, ValidationError, model_validator

from .http_session import Sessions, TacticWords

MOST_TACTICS = 1_000

ClientOf = Callable[[Request], Awaitable[str]]
"""The name of the client that sent a request; raises HTTPException where it may not."""


class OpenRequest(BaseModel):
    """A Lean text. Each of its `sorry`s is a theorem of the session."""

    code: str


class ApplyRequest(BaseModel):
    """Tactics to try at a state: `tactic` or `tactics`.

    goal: which goal of the state they are for. timeout_s: seconds for each. heartbeats: Lean's own
    limit for each, in thousands. draft: they may have `sorry`s, of which each becomes a state.
    """

    state: int
    tactic: str | None = None
    tactics: list[str] | None = Field(None, max_length=MOST_TACTICS)
    goal: int = 0
    timeout_s: float | None = Field(None, gt=0, le=600)
    heartbeats: int | None = Field(None, ge=1, le=100_000_000)
    draft: bool = False

    @model_validator(mode="after")
    def one_of_two(self) -> ApplyRequest:
        """One of the two is there."""
        if (self.tactic is None) == (self.tactics is None):
            raise ValueError("give either `tactic` or `tactics`")
        return self

    @property
    def texts(self) -> list[str]:
        """The tactics."""
        return [self.tactic] if self.tactic is not None else self.tactics or []

    @property
    def words(self) -> TacticWords:
        """How to try them."""
        return TacticWords(self.goal, self.timeout_s, self.heartbeats, self.draft)


class ProofRequest(BaseModel):
    """A proof in the place of a theorem's `sorry`: a tactic block, or a term where one stands."""

    theorem: str
    proof: str


class DirectRoute(APIRoute):
    """A route whose function takes the request as it is, and gives the response.

    FastAPI's own way to the arguments of a function takes as long as a small tactic.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


APPLY_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ApplyRequest.model_json_schema()}},
    },
    "parameters": [
        {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
    ],
}
"""What the page of the routes says of a request for `apply`."""


async def sessions_of(request: Request) -> Sessions:
    """The sessions of the server."""
    sessions = request.app.state.service.sessions
    assert isinstance(sessions, Sessions)
    return sessions


def _apply_request(body: bytes) -> ApplyRequest:
    """Read a request. Raises RequestValidationError, as FastAPI does."""
    try:
        return ApplyRequest.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise RequestValidationError([f | {"loc": ("body", *f["loc"])} for f in faults]) from None


def _add_apply(router: APIRouter, client_of: ClientOf) -> None:
    async def apply(request: Request) -> Any:
        """Try a tactic, or a list of them, at a state: one result for each, in order."""
        await client_of(request)
        asked = _apply_request(await request.body())
        sessions, name = await sessions_of(request), request.path_params["name"]
        found = await sessions.apply(name, asked.state, asked.texts, asked.words)
        return JSONResponse({"results": found})

    router.add_api_route(
        "/{name}/apply",
        apply,
        methods=["POST"],
        openapi_extra=APPLY_BODY,
        route_class_override=DirectRoute,
    )


def session_routes(client_of: ClientOf) -> APIRouter:
    """The routes. client_of: gives the client's name, if it has the key."""
    router = APIRouter(prefix="/session", tags=["session"])
    _add_apply(router, client_of)
    held, known = Depends(sessions_of), Depends(client_of)

    @router.post("", status_code=201)
    async def open_session(
        asked: OpenRequest, client: str = known, sessions: Sessions = held
    ) -> Any:
        """Open a text: its messages, its theorems, and the states to begin with."""
        return JSONResponse(await sessions.open(client, asked.code), 201)

    @router.get("/{name}")
    async def show_session(name: str, _: str = known, sessions: Sessions = held) -> Any:
        """The theorems of a session, and how many states it has."""
        return JSONResponse(sessions.show(name))

    @router.post("/{name}/check")
    async def check(
        name: str, asked: ProofRequest, _: str = known, sessions: Sessions = held
    ) -> Any:
        """Judge a proof of one of the theorems."""
        return JSONResponse(await sessions.check(name, asked.theorem, asked.proof))

    @router.delete("/{name}", status_code=204)
    async def close_session(name: str, _: str = known, sessions: Sessions = held) -> Response:
        """Close a session; what it keeps is given free."""
        await sessions.close(name)
        return Response(status_code=204)

    return router
