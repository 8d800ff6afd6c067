"""What a server keeps for its clients, without Lean: files, states, and the start of a Lean."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest
from lakatos.data.errors import EnvironmentFault, UsageError
from lakatos.data.records import Advanced, Origin, ProofState, Rejected, Step, Theorem
from lakatos.lean_env.opened_file import OpenedFile
from lakatos.prover.serving.http_app import ServerConfig, make_app
from lakatos.prover.serving.kept_states import KeptStates
from lakatos.prover.serving.lean_start import LeanStart
from lakatos.prover.serving.mcp_route import lean_with_mcp


def file_of(text):
    state = ProofState(f"key of {text}", root=f"root of {text}")
    theorem = Theorem("t", text, "F.lean", 0, 5, 1, 0, "tactic", state)
    return OpenedFile("F.lean", text, (), (), (theorem,))


class Texts:
    """Opens texts as a SnippetChecker does. open: those that are."""

    def __init__(self):
        self.open = []

    @asynccontextmanager
    async def opened(self, text):
        await asyncio.sleep(0)
        self.open.append(text)
        yield file_of(text)
        self.open.remove(text)


def left_by(parent, tactic, count):
    """A step that leaves so many states."""
    return Step(
        tactic, 1.0,
        Advanced(tuple(
            ProofState(f"{tactic}{n}", origin=Origin(parent.record, tactic, n, (n,)))
            for n in range(count)
        )),
    )  # fmt: skip


def test_the_oldest_texts_are_closed_and_their_states_forgotten():
    async def go():
        texts = Texts()
        kept = KeptStates(texts, files=2)
        names = []
        for text in ("a", "b", "a", "c"):
            file = await kept.open(text)
            names.append(kept.roots(file, file.theorems[0])[0].name)
        assert texts.open == ["a", "c"]
        assert names[0] == names[2]
        assert kept.get(names[0]).file.source == "a"
        with pytest.raises(UsageError, match="ask for the holes of the file again"):
            kept.get(names[1])
        await kept.close()
        assert texts.open == []

    asyncio.run(go())


def test_a_text_that_two_open_at_once_is_open_once():
    async def go():
        texts = Texts()
        kept = KeptStates(texts)
        first, second = await asyncio.gather(kept.open("a"), kept.open("a"))
        assert first is second
        assert texts.open == ["a"]

    asyncio.run(go())


def test_the_oldest_states_are_forgotten():
    async def go():
        kept = KeptStates(Texts(), states=2)
        file = await kept.open("a")
        root = kept.roots(file, file.theorems[0])[0]
        first, second = kept.after(root, left_by(root, "constructor", 2))
        assert kept.get(second.name) is second
        with pytest.raises(UsageError, match="no state"):
            kept.get(root.name)
        assert kept.after(root, Step("rfl", 1.0, Rejected("no"))) == []
        assert kept.get(first.name).whole_proof is None

    asyncio.run(go())


def test_a_proof_is_put_together_from_what_closes_its_states():
    async def go():
        kept = KeptStates(Texts())
        file = await kept.open("a")
        root = kept.roots(file, file.theorems[0])[0]
        first, second = kept.after(root, left_by(root, "constructor", 2))
        kept.after(second, left_by(second, "exact b", 0))
        assert root.whole_proof is None
        kept.after(first, left_by(first, "exact a", 0))
        assert second.whole_proof == "constructor\n· exact a\n· exact b"
        kept.after(first, left_by(first, "exact c", 0))
        assert first.whole_proof == "constructor\n· exact c\n· exact b"

    asyncio.run(go())


class Parts(SimpleNamespace):
    """What is started: nothing."""

    def __init__(self):
        pool = SimpleNamespace(workers=1, restarts=0, open=self.nothing, close_file=print)
        judge = SimpleNamespace(open_ahead=self.nothing, judge_text=self.nothing)
        super().__init__(premises=None, pool=pool, verifier=judge)

    async def nothing(self, *given):
        """A worker opens a file; a judge does."""
        raise EnvironmentFault("no Lean here")


def test_a_start_that_fails_is_told_and_tried_again():
    tries = []

    @asynccontextmanager
    async def start():
        tries.append("begun")
        if len(tries) == 1:
            raise EnvironmentFault("no disk")
        yield Parts()
        tries.append("ended")

    async def go():
        async with LeanStart(start, most_waiting=0) as lean_start:
            with pytest.raises(EnvironmentFault, match="no disk"):
                await lean_start.lean()
            lean = await lean_start.lean()
            assert await lean_start.lean() is lean
            async with lean.place("a"):
                with pytest.raises(UsageError, match="busy: 0 requests wait"):
                    async with lean.place("b"):
                        pass

    asyncio.run(go())
    assert tries == ["begun", "begun", "ended"]


def test_http_waits_where_an_agent_is_served():
    """One queue for both."""

    @asynccontextmanager
    async def start():
        yield Parts()

    @asynccontextmanager
    async def managed():
        yield

    async def finish():
        """There is nothing to finish."""

    async def go():
        async with LeanStart(start, most_waiting=0) as lean_start:
            server = SimpleNamespace(session_manager=SimpleNamespace(run=managed))
            tools = SimpleNamespace(server=server, finish=finish)
            app = make_app(lambda: lean_with_mcp(tools, lean_start), ServerConfig())
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://server") as client,
                (await lean_start.lean()).place("an agent"),
            ):
                body = {"snippets": [{"id": "a", "code": ""}]}
                return await client.post("/api/check", json=body)

    answer = asyncio.run(go())
    assert (answer.status_code, answer.json()) == (429, {"detail": "busy: 0 texts wait"})
