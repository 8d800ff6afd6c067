"""`/session` of the HTTP server on real Lean, its limits, and what is refused."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager

import httpx
import pytest
from lakatos.prover.lean_parts import LeanConfig, open_lean
from lakatos.prover.serving.fair_queue import FairQueue
from lakatos.prover.serving.http_session import (
    NotThere,
    SessionLimits,
    Sessions,
    TacticWords,
    TooMany,
)
from lakatos.prover.serving.snippets import SnippetChecker

from .test_prover_live_session import ENDLESS
from .test_prover_serving import SWAP, serving

pytestmark = pytest.mark.lean


@pytest.fixture(scope="module")
def client(toolchain):
    limits = SessionLimits(sessions=2, states=40)
    with (
        serving(toolchain, session=limits, attempt_page=page, body_bytes=5_000) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


def page(number):
    from lakatos.data.errors import UsageError

    if number != 1:
        raise UsageError(f"no attempt number {number}")
    return "<p>one</p>"


@pytest.fixture
def opened(client):
    answer = client.post("/session", json={"code": SWAP})
    assert answer.status_code == 201
    yield answer.json()
    client.delete(f"/session/{answer.json()['session']}")


def test_a_session_from_its_opening_to_its_end(client, opened):
    (theorem,) = opened["theorems"]
    assert (theorem["name"], theorem["line"]) == ("swap", 1)
    assert theorem["states"] == [{"state": 0, "goals": ["p q : Prop\nh : p ∧ q\n⊢ q ∧ p"]}]
    assert opened["messages"][0]["severity"] == "warning"
    place = f"/session/{opened['session']}"
    (split,) = client.post(f"{place}/apply", json={"state": 0, "tactic": "constructor"}).json()[
        "results"
    ]
    assert [each["state"] for each in split["states"]] == [1, 2]
    closed, wrong, slow = client.post(
        f"{place}/apply",
        json={"state": 1, "tactics": ["exact h.2", "exact h", "exact?"], "heartbeats": 4_000},
    ).json()["results"]
    assert closed == {"ok": True, "states": []}
    assert (wrong["ok"], wrong["kind"]) == (False, "elaboration")
    assert slow["suggestion"].startswith("exact ")
    (draft,) = client.post(
        f"{place}/apply",
        json={"state": 0, "tactic": "exact ⟨sorry, h.1⟩", "draft": True},
    ).json()["results"]
    assert draft["states"][0]["goals"][0].endswith("⊢ q")
    proofs = {"exact ⟨h.2, h.1⟩": True, "sorry": False}
    for proof, accepted in proofs.items():
        body = {"theorem": "swap", "proof": proof}
        verdict = client.post(f"{place}/check", json=body).json()
        assert (verdict["accepted"], "reasons" in verdict) == (accepted, not accepted)
    assert client.get(place).json() == {
        "session": opened["session"], "theorems": ["swap"], "states": 4,
    }  # fmt: skip
    assert client.delete(place).status_code == 204
    gone = client.post(f"{place}/apply", json={"state": 0, "tactic": "rfl"})
    assert (gone.status_code, gone.json()["detail"]) == (
        410, "the session is over: it was closed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        ("apply", {"state": 9, "tactic": "rfl"}, 404, "no state 9"),
        ("apply", {"state": 0}, 422, "either `tactic` or `tactics`"),
        ("apply", {"state": 0, "tactic": "rfl", "timeout_s": 0}, 422, "greater than 0"),
        ("apply", {"state": 0, "tactic": "rfl", "goal": 3}, 400, "no goal 3"),
        ("check", {"theorem": "swop", "proof": "rfl"}, 404, "did you mean swap"),
        ("check", {"theorem": "swap"}, 422, "Field required"),
        ("apply", {"state": 0, "tactic": "x" * 6_000}, 413, "5,000 bytes"),
    ],
)
def test_what_is_refused_is_one_line_in_the_log(client, opened, caplog, path, body, status, why):
    with caplog.at_level(logging.WARNING, "lakatos.serve"):
        answer = client.post(f"/session/{opened['session']}/{path}", json=body)
    assert answer.status_code == status
    assert why in answer.text
    (record,) = [each for each in caplog.records if each.name == "lakatos.serve"]
    line = record.getMessage()
    assert f"POST /session/{{name}}/{path}: {status}" in line
    assert why in line
    assert opened["session"] not in line
    assert "\n" not in line


def test_the_line_of_an_unknown_path_says_what_the_status_means(client, caplog):
    assert client.get("/nosuch").status_code == 404
    (record,) = [each for each in caplog.records if each.name == "lakatos.serve"]
    assert record.getMessage() == "127.0.0.1 GET /nosuch: 404 Not Found"


def test_an_unknown_session_and_bad_json(client):
    assert client.get("/session/nosuch").status_code == 404
    answer = client.post("/session", content="not json")
    assert answer.status_code == 422
    assert client.post("/session", json={"code": "import Nosuch"}).status_code == 400


def test_a_client_has_so_many_sessions_and_a_session_so_many_states(client, opened):
    other = client.post("/session", json={"code": SWAP}).json()["session"]
    refused = client.post("/session", json={"code": SWAP})
    assert (refused.status_code, "2 sessions" in refused.text) == (429, True)
    client.delete(f"/session/{other}")
    tactics = [f"have x : {n} = {n} := rfl" for n in range(50)]
    place = f"/session/{opened['session']}/apply"
    refused = client.post(place, json={"state": 0, "tactics": tactics})
    assert (refused.status_code, "40 states" in refused.text) == (429, True)


def test_what_a_client_asked_ends_with_it(client, opened):
    path = f"/session/{opened['session']}/apply"
    endless = {"state": 0, "tactic": ENDLESS, "timeout_s": 600, "heartbeats": 10**8}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{client.base_url}{path}", json=endless, timeout=0.5)
    # there is one worker: else this would wait for ten minutes
    assert client.post(path, json={"state": 0, "tactic": "constructor"}).json()["results"][0]["ok"]
    assert 'path="/session/{name}/apply",status="499"} 1.0' in client.get("/metrics").text


def test_a_client_that_goes_in_mid_body_is_told_so(client, caplog):
    with socket.create_connection((client.base_url.host, client.base_url.port)) as half:
        half.sendall(b"POST /session HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{")
    gone = 'path="/session",status="499"'
    assert any(gone in client.get("/metrics").text for _ in range(1_000))
    lines = [each.getMessage() for each in caplog.records if each.name == "lakatos.serve"]
    assert lines == ["127.0.0.1 POST /session: 499 the client is gone"]


def test_pages_of_attempts(client):
    found = client.get("/attempts/1")
    assert (found.text, found.headers["content-type"]) == ("<p>one</p>", "text/html; charset=utf-8")
    assert client.get("/attempts/2").status_code == 404
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/session", "/session/{name}/apply", "/attempts/{number}"} <= set(paths)


@asynccontextmanager
async def sessions_of(toolchain, limits, clock):
    async with open_lean(toolchain, LeanConfig(workers=1)) as lean:
        yield Sessions(lean, SnippetChecker(lean), FairQueue(1, 8), limits, clock)


def test_an_idle_session_ends_and_one_in_use_does_not(toolchain):
    now = [0.0]

    async def go():
        limits = SessionLimits(idle_s=10)
        async with sessions_of(toolchain, limits, lambda: now[0]) as sessions:
            first, second = [(await sessions.open("a", SWAP))["session"] for _ in "12"]
            now[0] = 6.0
            await sessions.apply(second, 0, ["constructor"], TacticWords())
            now[0] = 12.0
            await sessions.close_idle()
            with pytest.raises(NotThere, match="idle for 10 s") as found:
                sessions.show(first)
            assert found.value.status == 410
            # the text that both have open is still there for the other one
            assert (await sessions.apply(second, 1, ["exact h.2"], TacticWords()))[0]["ok"]
            return sessions.count

    assert asyncio.run(go()) == 1


def test_the_limit_of_sessions_counts_those_that_are_being_opened(toolchain):
    async def go():
        async with sessions_of(toolchain, SessionLimits(sessions=1), lambda: 0.0) as sessions:
            found = await asyncio.gather(
                *(sessions.open(who, SWAP) for who in "aab"), return_exceptions=True
            )
            return [isinstance(each, TooMany) for each in found]

    assert asyncio.run(go()) == [False, True, False]
