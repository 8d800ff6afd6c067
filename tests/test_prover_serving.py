"""The HTTP server on real Lean, asked by Kimina's own client and by plain requests."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
import uvicorn
from lakatos.prover.config import ProverConfig
from lakatos.prover.lean_parts import open_lean
from lakatos.prover.serving.fair_queue import FairQueue, QueueFull
from lakatos.prover.serving.http_app import ServerConfig, make_app
from lakatos.prover.serving.lean_start import LeanStart
from lakatos.prover.session import RunConfig
from lakatos.tests.kimina import AsyncKiminaClient, Infotree, KiminaClient, Snippet, SnippetStatus

RUN = RunConfig(prover=ProverConfig(wall_s=30.0), workers=1)
SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry\n"


@contextmanager
def serving(toolchain, most_waiting=256, **words):
    @asynccontextmanager
    async def served():
        lean = LeanStart(lambda: open_lean(toolchain, RUN), most_waiting=most_waiting)
        async with lean as start:
            yield await start.lean()

    app = make_app(served, ServerConfig(run=RUN, **words))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def url(toolchain):
    with serving(toolchain) as url:
        yield url


def statuses(response):
    return {each.id: each.analyze().status for each in response.results}


@pytest.mark.lean
def test_kiminas_client_runs_unchanged(url):
    client = KiminaClient(api_url=url)
    assert client.health() == {"status": "ok"}
    client.test()  # its own: what `#check Nat` says, and where
    snippets = [
        Snippet(id="valid", code="theorem t : 1 + 1 = 2 := by decide"),
        Snippet(id="sorry", code=SWAP),
        Snippet(id="lean error", code="theorem t : 1 + 1 = 3 := by decide"),
        Snippet(id="no module", code="import Nosuch\ntheorem t : True := trivial"),
        Snippet(id="axiom", code="axiom no : False\ntheorem t : 1 = 2 := no.elim"),
    ]
    found = client.check(snippets, show_progress=False)
    assert statuses(found) == {
        "valid": SnippetStatus.valid,
        "sorry": SnippetStatus.sorry,
        "lean error": SnippetStatus.lean_error,
        "no module": SnippetStatus.lean_error,
        "axiom": SnippetStatus.lean_error,
    }
    by_id = {each.id: dict(each.response or {}) for each in found.results}
    assert "t is refused: axiom" in by_id["axiom"]["messages"][-1]["data"]
    hole = by_id["sorry"]["sorries"][0]
    assert hole["goal"] == "p q : Prop\nh : p ∧ q\n⊢ q ∧ p"
    assert hole["pos"] == {"line": 1, "column": 52}
    assert hole["endPos"] == {"line": 1, "column": 57}


@pytest.mark.lean
def test_kiminas_client_of_asyncio_and_its_time_limit(url):
    slow = "theorem t : True := by\n  repeat (have : 1 + 1 = 2 := by decide)\n"

    async def ask():
        client = AsyncKiminaClient(api_url=url)
        try:
            snippets = [Snippet(id="slow", code=slow)]
            return await client.check(snippets, timeout=1, show_progress=False)
        finally:
            await client.close()

    (result,) = asyncio.run(ask()).results
    assert result.analyze().status in (SnippetStatus.timeout_error, SnippetStatus.lean_error)
    client = KiminaClient(api_url=url)
    found = client.check("#check Nat", infotree=Infotree.tactics, show_progress=False)
    assert "info trees are not served" in found.results[0].error


@pytest.mark.lean
def test_older_clients(url):
    codes = [{"custom_id": 7, "proof": "#check Nat"}, {"custom_id": "b", "code": "#check nosuch"}]
    found = httpx.post(f"{url}/verify", json={"codes": codes, "timeout": 60}).json()["results"]
    assert [each["custom_id"] for each in found] == ["7", "b"]
    assert found[0]["response"]["messages"][0]["data"] == "Nat : Type"
    assert found[0]["response"]["time"] > 0
    assert found[1]["response"]["messages"][0]["severity"] == "error"


@pytest.mark.lean
def test_prove_and_verify_against(url):
    found = httpx.post(f"{url}/prove", json={"code": SWAP}, timeout=60).json()
    (attempt,) = found["attempts"]
    assert (attempt["theorem"], attempt["proved"]) == ("swap", True)
    proved = SWAP.replace("sorry", attempt["proof"].strip())
    pairs = {"right": proved, "weaker": proved.replace("q ∧ p :=", "True :="), "open": SWAP}
    answers = {
        name: httpx.post(
            f"{url}/verify-against", json={"original": SWAP, "submission": text}, timeout=60
        ).json()
        for name, text in pairs.items()
    }
    assert {name: each["accepted"] for name, each in answers.items()} == {
        "right": True, "weaker": False, "open": False,
    }  # fmt: skip
    assert answers["open"]["verdicts"][0]["reasons"][0]["kind"] == "sorry"
    wrong = httpx.post(f"{url}/prove", json={"code": SWAP, "theorems": ["swop"]}, timeout=60)
    assert (wrong.status_code, wrong.json()) == (
        400, {"detail": "no theorem swop with a sorry; did you mean swap?"},
    )  # fmt: skip


@pytest.mark.lean
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/check", "not json"),
        ("/api/check", "{}"),
        ("/api/check", '{"snippets": []}'),
        ("/api/check", '{"snippets": [{"id": "a", "code": ""}, {"id": "a", "code": ""}]}'),
        ("/api/check", '{"snippets": [{"custom_id": "a", "code": ""}]}'),
        ("/api/check", '{"snippets": [{"id": "a", "code": ""}], "timeout": -1}'),
        ("/verify", '{"codes": [{"custom_id": 1}]}'),
        ("/prove", '{"code": 1}'),
        ("/verify-against", '{"original": ""}'),
    ],
)
def test_a_wrong_request_is_422(url, path, body):
    assert httpx.post(url + path, content=body).status_code == 422


@pytest.mark.lean
def test_key_size_queue_and_metrics(toolchain):
    with serving(toolchain, key="secret", body_bytes=1_000, most_waiting=1) as url:
        assert httpx.get(f"{url}/health").status_code == 200
        body = {"snippets": [{"id": "a", "code": "#check Nat"}]}
        for key, status in ((None, 401), ("wrong", 401), ("secret", 200)):
            headers = {"authorization": f"Bearer {key}"} if key else {}
            answer = httpx.post(f"{url}/api/check", json=body, headers=headers, timeout=60)
            assert answer.status_code == status
        headers = {"authorization": "Bearer secret"}
        large = {"snippets": [{"id": "a", "code": "-" * 2_000}]}
        answer = httpx.post(f"{url}/api/check", json=large, headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (
            413, "a request may have 1,000 bytes",
        )  # fmt: skip
        many = {"snippets": [{"id": str(n), "code": "#check Nat"} for n in range(4)]}
        answer = httpx.post(f"{url}/api/check", json=many, headers=headers, timeout=60)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        counts = httpx.get(f"{url}/metrics").text
        assert 'lakatos_requests_total{path="/api/check",status="401"} 2.0' in counts
        assert "lakatos_check_seconds_count 1.0" in counts or "_count 2.0" in counts


@pytest.mark.lean
def test_many_clients_at_once(url):
    def ask(n):
        body = {"snippets": [{"id": "a", "code": f"theorem t{n % 4} : {n} = {n} := rfl"}]}
        answer = httpx.post(f"{url}/api/check", json=body, timeout=300)
        return answer.status_code, "error" in answer.text

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(ask, range(16))) == [(200, False)] * 16


def test_places_go_to_the_clients_in_turn():
    async def go():
        queue, order = FairQueue(1, 8), []

        async def work(client, n):
            async with queue.place(client):
                order.append(f"{client}{n}")
                await asyncio.sleep(0)

        jobs = [("a", n) for n in range(4)] + [("b", 0), ("c", 0), ("b", 1)]
        tasks = [asyncio.create_task(work(*job)) for job in jobs]
        await asyncio.sleep(0)
        tasks[2].cancel()  # a2 gives up
        await asyncio.gather(*tasks, return_exceptions=True)
        return order, queue.waiting

    assert asyncio.run(go()) == (["a0", "a1", "b0", "c0", "a3", "b1"], 0)


def test_a_full_queue_refuses_at_once_and_a_place_given_up_goes_on():
    async def go():
        queue = FairQueue(1, 1)
        async with queue.place("a"):
            waiting = asyncio.create_task(queue.place("b").__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(QueueFull):
                async with queue.place("c"):
                    pass
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with queue.place("d"):
            return queue.waiting

    assert asyncio.run(go()) == 0
