"""Reads what an OpenAI-compatible server answers, streamed or whole, and says what went wrong.

Chunks are taken as plain JSON: the typed ones of the package `openai` cost four times the time.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import Completion, Generated

if TYPE_CHECKING:
    import openai

SHOWN_CHARS = 200
"""Most of a server's own words in an error."""

PASSING = {408, 409, 425, 429}
"""HTTP statuses that may pass; so may all from 500 on except UNKNOWN."""
UNKNOWN = 501


class Broken(Exception):
    """No answer, an answer that ended early, or one that is not of this interface.

    is_elsewhere: nothing there looks like a model server, so none may ever answer.
    """

    def __init__(self, text: str, is_elsewhere: bool = False) -> None:
        super().__init__(text)
        self.is_elsewhere = is_elsewhere


class Empty(Exception):
    """An answer whose completions have no text, all of them."""

    def __init__(self, answer: Generated) -> None:
        count = len(answer.completions)
        super().__init__(f"{count} of {count} completions are empty")
        self.answer = answer


class ServerRefusal(Exception):
    """An answer with an error status. retry_after_s: 0 if not given. is_final: do not wait."""

    def __init__(self, status: int, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"HTTP {status}: {text}" if text else f"HTTP {status}")
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s
        self.is_final = "insufficient_quota" in text

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be taken later."""
        return self.status in PASSING or (self.status >= 500 and self.status != UNKNOWN)


@dataclass(slots=True)
class _Choice:
    """One completion being read."""

    text: list[str] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    finish: str | None = None


@contextmanager
def plain_errors(url: str, timeout_s: float) -> Iterator[None]:
    """Turn what the package `openai` raises into Refusal and Broken."""
    import openai

    # Amid a stream some versions let the errors of the HTTP package below through: httpx or httpx2.
    client = openai.DefaultAsyncHttpxClient.__mro__[1]
    http: Any = import_module(client.__module__.partition(".")[0])
    try:
        yield
    except openai.APIStatusError as error:
        raise refusal(error) from error
    except (openai.APITimeoutError, http.TimeoutException) as error:
        raise Broken(f"no answer in {timeout_s:g} s") from error
    except (openai.APIConnectionError, http.TransportError) as error:
        raise _unconnected(error, url) from error
    except openai.APIError as error:
        text = json.dumps(error.body) if error.body else str(error)
        raise Broken(f"the answer broke off: {text}"[:SHOWN_CHARS]) from error


def _unconnected(error: BaseException, url: str) -> Broken:
    causes = list(_causes(error))
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return Broken(f"no server at {url} (connection refused); is it started?", True)
    if any(isinstance(each, socket.gaierror) for each in causes):
        return Broken(f"no server at {url} (its name is not known); is it spelled right?", True)
    texts = [" ".join(str(each).split()) for each in causes if str(each).strip()]
    return Broken((texts[-1] if texts else "the connection broke off")[:SHOWN_CHARS])


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, the first cause last."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    elif deeper := error.__cause__ or error.__context__:
        yield from _causes(deeper)


def refusal(error: openai.APIStatusError) -> ServerRefusal:
    """What a response of error status says."""
    body, headers = error.body, error.response.headers
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body
    elif "text/html" in headers.get("content-type", ""):
        body = "it answered text/html"
    text = " ".join(str(body or "").split())[:SHOWN_CHARS]
    if error.code == "insufficient_quota":
        text = f"insufficient_quota: {text}"
    return ServerRefusal(error.status_code, text, _retry_after_s(headers))


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds to wait; a date counts from the server's own clock."""
    header = headers.get("retry-after", "")
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(header)
        return max(0.0, (until - parsedate_to_datetime(headers["date"])).total_seconds())
    except (ValueError, KeyError, TypeError):
        return 0.0


async def read_answer(stream: openai.AsyncStream[object], n: int) -> Generated:
    """The completions of an answer, in order. Raises Broken, Empty, and what `openai` raises."""
    choices: dict[int, _Choice] = {}
    usage: dict[str, Any] = {}
    is_whole = False
    try:
        async for event in _events(stream):
            is_whole |= "choices" in event
            usage = event.get("usage") or usage
            for part in event.get("choices") or ():
                _add(choices.setdefault(int(part.get("index", 0)), _Choice()), part)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken(f"an answer that is not of this interface: {error}"[:SHOWN_CHARS]) from error
    if not choices and is_whole:
        raise Broken("it answered without completions")
    if not choices or any(choice.finish is None for choice in choices.values()):
        raise Broken("the answer broke off")
    drawn = [choices[index] for index in sorted(choices)][:n]
    shares = _shares(int(usage.get("completion_tokens") or 0), drawn)
    completions = tuple(_completion(*pair) for pair in zip(drawn, shares, strict=True))
    answer = Generated(completions, prompt_tokens=int(usage.get("prompt_tokens") or 0))
    if not any(completion.text.strip() for completion in completions):
        raise Empty(answer)
    return answer


async def _events(stream: openai.AsyncStream[object]) -> AsyncIterator[Any]:
    """The JSON objects of an event stream, or the one of a plain answer."""
    kind = stream.response.headers.get("content-type", "")
    if "event-stream" in kind:
        async for event in stream:
            yield event
        return
    body = await stream.response.aread()
    if "text/html" in kind:
        raise Broken(f"{stream.response.url}: it answered text/html", True)
    yield json.loads(body)


def _add(choice: _Choice, part: dict[str, Any]) -> None:
    turn = part.get("delta") or part.get("message") or {}
    choice.text.append(part.get("text") or turn.get("content") or "")
    log_probs = part.get("logprobs") or {}
    tokens = [each["logprob"] for each in log_probs.get("content") or ()]
    choice.log_probs += [
        p for p in tokens + (log_probs.get("token_logprobs") or []) if p is not None
    ]
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
