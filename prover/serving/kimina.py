"""The wire of Kimina's Lean server: requests and answers of `/api/check` and `/verify`.

After project-numina/kimina-lean-server, so that its clients run unchanged.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, model_validator

from .repl_json import message_json, place
from .snippets import Checked


class Snippet(BaseModel):
    """A text to check."""

    id: str
    code: str


class CheckRequest(BaseModel):
    """Texts to check. timeout: seconds for each."""

    snippets: list[Snippet] = Field(min_length=1)
    timeout: float = Field(30, gt=0, le=3600)
    debug: bool = False
    reuse: bool = True
    infotree: str | None = None

    @model_validator(mode="after")
    def unique(self) -> CheckRequest:
        """Each has an id of its own."""
        if len({each.id for each in self.snippets}) < len(self.snippets):
            raise ValueError("the ids of snippets must differ")
        return self


class Code(BaseModel):
    """A text to check, as older clients send it."""

    custom_id: str | int
    proof: str | None = None
    code: str | None = None

    @model_validator(mode="after")
    def has_text(self) -> Code:
        """One of the two is there."""
        if self.proof is None and self.code is None:
            raise ValueError("a code needs `proof` or `code`")
        return self

    @property
    def text(self) -> str:
        """The text."""
        return self.proof if self.proof is not None else self.code or ""


class VerifyRequest(BaseModel):
    """Texts to check, as older clients send them."""

    codes: list[Code] = Field(min_length=1)
    timeout: float = Field(300, gt=0, le=3600)
    infotree_type: str | None = None
    disable_cache: bool = False


def repl_response(checked: Checked) -> dict[str, Any]:
    """What leanprover-community/repl would say of the text."""
    answer: dict[str, Any] = {"env": 0}
    if checked.messages:
        answer["messages"] = [message_json(each) for each in checked.messages]
    if checked.holes:
        answer["sorries"] = [
            {
                "pos": place(*each.start),
                "endPos": place(*each.stop),
                "goal": each.state.pretty,
            }
            for each in checked.holes
        ]
    return answer


def check_result(name: str, checked: Checked) -> dict[str, Any]:
    """One result of `/api/check`."""
    answer: dict[str, Any] = {"id": name, "time": checked.elapsed_s}
    return answer | (
        {"error": checked.error} if checked.error else {"response": repl_response(checked)}
    )


def verify_result(name: str | int, checked: Checked) -> dict[str, Any]:
    """One result of `/verify`."""
    if checked.error:
        return {"custom_id": str(name), "error": checked.error}
    response = repl_response(checked) | {"time": checked.elapsed_s}
    return {"custom_id": str(name), "response": response}
