"""A language model behind any server that speaks OpenAI's HTTP interface.

Chats go to /chat/completions, texts to /completions, through the package `openai`. What a server
does not know is left out and asked without; what it cannot do now is tried again with growing
pauses. These tries are counted here, so that each can be reported, and a stream that breaks off is
tried again too, which the package does not do.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ...data.errors import ModelUnavailable, UsageError
from ..concurrency import run_all
from .base import Generated, Prompt, Sampling
from .openai_stream import Broken, Empty, ServerRefusal, plain_errors, read_answer
from .server_watch import Servers

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]
Body = dict[str, Any]

CONNECT_S = 10.0
SHORTEN = "give it fewer --premises, or a shorter answer (--model-option max_tokens=N)"
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
_OPTIONAL = ("stream_options", "logprobs", "seed")
_TOO_LONG = re.compile(
    r"context.?(length|window|size)|maximum.{0,20}(length|tokens)|too (long|many tokens|large)"
)
_ONE_ONLY = re.compile(r"\b(n|best_of)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is asked."""

    api: str = "auto"
    """`chat`, `completions`, or `auto`: by the prompt."""
    timeout_s: float = 120.0
    """Longest silence before a request is given up."""
    tries: int = 6
    """Requests made for one answer before the server counts as unavailable."""
    patience_s: float = 300.0
    """Longest wait for a server that answered before and now answers no request."""
    at_once: int = 64
    """Most requests under way."""

    def __post_init__(self) -> None:
        if self.api not in ("auto", "chat", "completions"):
            raise UsageError(f"api is auto, chat or completions, not {self.api!r}")
        for name in ("timeout_s", "tries", "at_once"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.patience_s < 0:
            raise UsageError(f"patience_s must be at least 0, not {self.patience_s}")


class OpenAIServer:
    """One model of one server. servers: its key, sent as a bearer token and never printed, and who
    counts what it does.
    """

    def __init__(
        self,
        model: str,
        url: str,
        servers: Servers | None = None,
        options: ServerOptions | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet. url: up to `/v1`. Raises UsageError without the package."""
        try:
            import openai
        except ImportError as error:
            raise UsageError("a model server needs openai: pip install 'lakatos[llm]'") from error
        servers = servers or Servers()
        key = servers.key
        if key and not (key.isascii() and key.isprintable()):
            raise UsageError("no server can have this key: only printable ASCII can be sent")
        self._model = model
        self._options = options or ServerOptions()
        self._url = url.rstrip("/")
        self._has_key = bool(key)
        self._monitor = servers.monitor
        self._answers = 0
        self._sleep = sleep
        self._slots = asyncio.Semaphore(self._options.at_once)
        self._without: set[str] = set()
        self._most = 0  # choices that the server gives to one request; 0: any number
        self._chats_only = self._options.api == "chat"
        self._is_checked = True
        silence = openai.Timeout(self._options.timeout_s, connect=CONNECT_S, pool=None)
        try:
            self._client = openai.AsyncOpenAI(
                api_key=key or "none", base_url=self._url, timeout=silence, max_retries=0
            )
        except ValueError as error:
            raise UsageError(f"no server can have this URL: {url}: {error}") from error

    @property
    def name(self) -> str:
        """The model's, with the server's address."""
        return f"openai:{self._model}@{self._url}"

    async def check(self) -> None:
        """Try out server, key and model before anything depends on them.

        Raises ModelUnavailable, at once where no model server is, or UsageError for a key or a
        model that it refuses.
        """
        self._is_checked = False
        known = await self._models()
        if self._model not in known:  # some servers answer to any name
            await self.generate([Prompt("1")], Sampling(n=1, max_tokens=1))
        self._is_checked = True

    async def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generated]:
        """Continue each prompt, in order, all at once; cancelling ends their requests.

        A prompt that is too long for the model gets no completion. Raises ModelUnavailable after
        all tries, UsageError for what the server will never take.
        """
        if sampling.beam:
            raise UsageError("a server has no beam search: leave the option beam away")
        return await run_all([self._continue(prompt, sampling) for prompt in prompts])

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _continue(self, prompt: Prompt, sampling: Sampling) -> Generated:
        try:
            first = await self._choices(prompt, sampling, 0)
            least = len(first.completions)
            if least < sampling.n:
                self._most = max(1, least)
            offsets = range(max(1, least), sampling.n, max(1, least))
            rest = await run_all([self._choices(prompt, sampling, at) for at in offsets])
        except ServerRefusal as refused:
            if _TOO_LONG.search(refused.text.lower()):
                why = f"the prompt is too long: {refused}; {SHORTEN}"
                self._monitor.too_long(why)
                return Generated((), refused=why)
            raise UsageError(f"{self.name}: {refused}") from refused
        drawn = [each for part in (first, *rest) for each in part.completions]
        return Generated(tuple(drawn[: sampling.n]), prompt_tokens=first.prompt_tokens)

    async def _choices(self, prompt: Prompt, sampling: Sampling, offset: int) -> Generated:
        """Completions from number `offset` on, as many as the server gives at once."""
        while True:
            is_chat = bool(prompt.messages) or self._chats_only
            n = sampling.n - offset
            n = min(n, self._most) if self._most else n
            body = self._body(prompt, sampling, n, sampling.seed + offset)
            try:
                return await self._request("/chat/completions" if is_chat else "/completions", body)
            except ServerRefusal as refused:
                if refused.status in (404, 405):
                    await self._explain(refused)
                    if is_chat or self._options.api != "auto":
                        raise
                    self._chats_only = True
                elif not self._drop(refused, body):
                    raise

    def _body(self, prompt: Prompt, sampling: Sampling, n: int, seed: int) -> Body:
        turns = [{"role": m.role, "content": m.text} for m in prompt.messages]
        body: Body = {
            "model": self._model,
            "n": n,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if turns or self._chats_only:
            body["messages"] = turns or [{"role": "user", "content": prompt.text}]
            body["logprobs"] = True
        else:
            body["prompt"] = prompt.text
            body["logprobs"] = 1
        if sampling.stop:
            body["stop"] = list(sampling.stop[:4])  # the interface knows no more
        if "max_tokens" in self._without:
            body["max_completion_tokens"] = body["max_tokens"]
        return {key: value for key, value in body.items() if key not in self._without}

    def _drop(self, refused: ServerRefusal, body: Body) -> bool:
        """Whether to ask again, without what this server does not know."""
        if refused.status not in (400, 422):
            return False
        text = refused.text.lower()
        if "max_completion_tokens" in text and "max_tokens" in body:
            self._without.add("max_tokens")
            return True
        for name in _OPTIONAL:
            if name in text and name in body:
                self._without.add(name)
                return True
        if body["n"] > 1 and _ONE_ONLY.search(text) and not _TOO_LONG.search(text):
            self._most = 1
            return True
        return False

    async def _request(self, path: str, body: Body) -> Generated:
        import openai

        async def send() -> Generated:
            async with self._slots:
                stream = await self._client.post(
                    path,
                    cast_to=object,
                    body=body,
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
                async with stream:
                    return await read_answer(stream, body["n"])

        try:
            answer = await self._persist(send)
        except Empty as empty:
            answer = empty.answer
        self._answers += 1
        self._monitor.answered(answer)
        return answer

    async def _models(self) -> list[str]:
        """The models the server lists; none if it keeps no list."""

        async def send() -> Any:
            return await self._client.get("/models", cast_to=object)

        try:
            listed = await self._persist(send)
            self._monitor.answered(None)
            return [str(each["id"]) for each in listed["data"]]
        except (ServerRefusal, ValueError, KeyError, TypeError):
            return []

    async def _persist(self, send: Callable[[], Awaitable[T]]) -> T:
        """Send, and send again while that makes sense.

        Raises Refusal when it does not, ModelUnavailable and Empty after all tries.
        """
        with self._monitor.request() as request:
            waits = _Waits(self._options, self._answers)
            while True:
                began_s = self._monitor.clock()
                try:
                    request.send()
                    with plain_errors(self._url, self._options.timeout_s):
                        return await send()
                except ServerRefusal as refused:
                    self._check_key(refused)
                    if not refused.may_pass:
                        self._monitor.refused()
                        raise
                    why, wait_s = str(refused), max(waits.pause_s, refused.retry_after_s)
                    is_over = refused.is_final or wait_s > LONGEST_PAUSE_S
                except Broken as broken:
                    why, wait_s, is_over = str(broken), waits.pause_s, False
                    if broken.is_elsewhere and not self._is_checked:
                        raise ModelUnavailable(why) from broken
                except Empty as empty:
                    why, wait_s, is_over = str(empty), waits.pause_s, False
                    if waits.tries + 1 >= self._options.tries:
                        raise
                waits.failed(self._monitor.clock() - began_s)
                if is_over or waits.are_over(self._answers):
                    request.failed(why, "given up")
                    raise ModelUnavailable(f"{self.name}: {why} (tries: {waits.tries})")
                request.failed(why, waits.suggestion)
                await self._sleep(wait_s)
                waits.next(wait_s)

    def _check_key(self, refused: ServerRefusal) -> None:
        if refused.status in (401, 403):
            what = "refuses the key" if self._has_key else "wants a key"
            suggestion = "set OPENAI_API_KEY or LAKATOS_API_KEY"
            raise UsageError(f"{self.name}: the server {what}: {suggestion}") from refused

    async def _explain(self, refused: ServerRefusal) -> None:
        """Raise UsageError when it is the model that was not found."""
        known = await self._models()
        if known and self._model not in known:
            near = difflib.get_close_matches(self._model, known, n=3, cutoff=0.4) or known[:5]
            text = f"{self._url} has no model {self._model}; it has: {', '.join(near)}"
            raise UsageError(text) from refused


class _Waits:
    """How long one request is sent again and again. answers: of the server before it."""

    def __init__(self, options: ServerOptions, answers: int) -> None:
        self._options = options
        self._answers = answers
        self._waited_s = 0.0
        self.tries = 0
        self.pause_s = FIRST_PAUSE_S

    def failed(self, took_s: float) -> None:
        """One more try failed."""
        self.tries += 1
        self._waited_s += took_s

    def next(self, waited_s: float) -> None:
        """It waited before the next one."""
        self._waited_s += waited_s
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)

    def are_over(self, answers: int) -> bool:
        """Whether to give up. answers: of the server by now; none since means that it is away."""
        is_away = 0 < self._answers == answers
        return self.tries >= self._options.tries and not (
            is_away and self._waited_s < self._options.patience_s
        )

    @property
    def suggestion(self) -> str:
        """What is done about it."""
        most = self._options.tries
        if self.tries < most:
            return f"trying again ({self.tries + 1} of {most})"
        return f"waiting for it, {self._waited_s:.0f} of {self._options.patience_s:g} s"
