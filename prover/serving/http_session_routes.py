"""`/session` of the HTTP server: open a text, try tactics at its states, check proofs, close."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, model_validator

from .http_session import Sessions, TacticWords

MOST_TACTICS = 1_000


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


def session_routes(client_of: Any) -> APIRouter:
    """The routes. client_of: a dependency that gives the client's name, if it has the key."""
    router = APIRouter(prefix="/session", tags=["session"])

    async def sessions_of(request: Request) -> Sessions:
        sessions = request.app.state.service.sessions
        assert isinstance(sessions, Sessions)
        return sessions

    held = Depends(sessions_of)

    @router.post("", status_code=201)
    async def open_session(
        asked: OpenRequest, client: str = client_of, sessions: Sessions = held
    ) -> Any:
        """Open a text: its messages, its theorems, and the states to begin with."""
        return JSONResponse(await sessions.open(client, asked.code), 201)

    @router.get("/{name}")
    async def show_session(name: str, _: str = client_of, sessions: Sessions = held) -> Any:
        """The theorems of a session, and how many states it has."""
        return JSONResponse(sessions.show(name))

    @router.post("/{name}/apply")
    async def apply(
        name: str, asked: ApplyRequest, _: str = client_of, sessions: Sessions = held
    ) -> Any:
        """Try a tactic, or a list of them, at a state: one result for each, in order."""
        found = await sessions.apply(name, asked.state, asked.texts, asked.words)
        return JSONResponse({"results": found})

    @router.post("/{name}/check")
    async def check(
        name: str, asked: ProofRequest, _: str = client_of, sessions: Sessions = held
    ) -> Any:
        """Judge a proof of one of the theorems."""
        return JSONResponse(await sessions.check(name, asked.theorem, asked.proof))

    @router.delete("/{name}", status_code=204)
    async def close_session(name: str, _: str = client_of, sessions: Sessions = held) -> Response:
        """Close a session; what it keeps is given free."""
        await sessions.close(name)
        return Response(status_code=204)

    return router
