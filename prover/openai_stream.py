"""Reads the answers of OpenAI's HTTP interface: streamed or whole, chats or completions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .model import Completion, Generated

if TYPE_CHECKING:
    import httpx

SHOWN_CHARS = 200
"""Most of a server's own words in an error."""


class Broken(Exception):
    """An answer that ended early, or is none of ours."""


class Refusal(Exception):
    """An answer with an error status. retry_after_s: 0 when not told. is_final: no use to wait."""

    def __init__(self, status: int, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"HTTP {status}: {text}" if text else f"HTTP {status}")
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s
        self.is_final = "insufficient_quota" in text


@dataclass(slots=True)
class _Choice:
    """One completion being read."""

    text: list[str] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    finish: str | None = None


async def refusal(response: httpx.Response) -> Refusal:
    """What a response of error status says."""
    raw = (await response.aread()).decode("utf-8", "replace")
    try:
        said = json.loads(raw)
        error = said.get("error") or said if isinstance(said, dict) else said
        text = error.get("message") or error.get("detail") or error if _is_map(error) else error
        if _is_map(error) and error.get("code") == "insufficient_quota":
            text = f"insufficient_quota: {text}"
    except ValueError:
        text = raw
    line = " ".join(str(text).split())[:SHOWN_CHARS]
    return Refusal(response.status_code, line, _retry_after_s(response))


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds to wait; a date counts from the server's own clock."""
    told = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(told)
        return max(0.0, (until - parsedate_to_datetime(response.headers["date"])).total_seconds())
    except (ValueError, KeyError, TypeError):
        return 0.0


async def read_answer(response: httpx.Response, n: int) -> Generated:
    """The completions of an answer, in order. Raises Refusal, Broken."""
    if response.is_error:
        raise await refusal(response)
    choices: dict[int, _Choice] = {}
    usage: dict[str, Any] = {}
    try:
        async for event in _events(response):
            if event.get("error"):
                raise Broken(f"the answer broke off: {json.dumps(event['error'])[:SHOWN_CHARS]}")
            usage = event.get("usage") or usage
            for part in event.get("choices") or ():
                _add(choices.setdefault(int(part.get("index", 0)), _Choice()), part)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken(f"an answer that is not of this interface: {error}"[:SHOWN_CHARS]) from error
    if not choices or any(choice.finish is None for choice in choices.values()):
        raise Broken("the answer broke off")
    drawn = [choices[index] for index in sorted(choices)][:n]
    shares = _shares(int(usage.get("completion_tokens") or 0), drawn)
    completions = tuple(_completion(*pair) for pair in zip(drawn, shares, strict=True))
    return Generated(completions, prompt_tokens=int(usage.get("prompt_tokens") or 0))


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of an event stream, or the one of a plain answer."""
    if "event-stream" not in response.headers.get("content-type", ""):
        yield json.loads(await response.aread())
        return
    async for line in response.aiter_lines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            yield json.loads(data)


def _add(choice: _Choice, part: dict[str, Any]) -> None:
    turn = part.get("delta") or part.get("message") or {}
    choice.text.append(part.get("text") or turn.get("content") or "")
    told = part.get("logprobs") or {}
    tokens = [each["logprob"] for each in told.get("content") or ()]
    choice.log_probs += [p for p in tokens + (told.get("token_logprobs") or []) if p is not None]
    choice.finish = part.get("finish_reason") or choice.finish


def _shares(tokens: int, choices: list[_Choice]) -> list[int]:
    """Tokens of each choice: as counted, else an equal part of all."""
    if all(choice.log_probs for choice in choices):
        return [len(choice.log_probs) for choice in choices]
    each, over = divmod(tokens, len(choices))
    return [each + (i < over) for i in range(len(choices))]


def _completion(choice: _Choice, tokens: int) -> Completion:
    log_prob = sum(choice.log_probs) if choice.log_probs else None
    return Completion("".join(choice.text), log_prob, tokens, choice.finish != "length")
