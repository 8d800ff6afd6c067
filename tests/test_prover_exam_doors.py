"""The exam through each door: HTTP and the REPL refuse what the verifier refuses."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest
from lakatos.prover.lean_parts import LeanConfig, open_lean
from lakatos.prover.serving.repl_session import ReplLimits, ReplSession

from .exam_doors import SLOW, chosen_cases
from .test_prover_serving import serving

CASES = chosen_cases()
PROOFS = {name: case for name, case in CASES.items() if case.proof is not None}
FILES = [n for n, case in CASES.items() if not case.allow and not (case.is_honest and case.proof)]
ALONE = [n for n in FILES if n not in SLOW and (CASES[n].shows_alone or CASES[n].is_honest)]

pytestmark = pytest.mark.lean


@pytest.fixture(scope="module")
def toolchain(own_toolchain):
    """Attacks leave what they did in a worker."""
    return own_toolchain


@pytest.fixture(scope="module")
def http(toolchain):
    with serving(toolchain) as url, httpx.Client(base_url=url, timeout=600) as client:
        yield client


@pytest.fixture(scope="module")
def repl(toolchain):
    with asyncio.Runner() as runner:
        lean = open_lean(toolchain, LeanConfig(workers=1))
        parts = runner.run(lean.__aenter__())

        def ask(*asked):
            session = ReplSession(parts, limits=ReplLimits(command_s=120.0))
            return [runner.run(session.answer(json.dumps(each))) for each in asked]

        yield ask
        runner.run(lean.__aexit__(None, None, None))


def is_valid(answer):
    """Whether a harness takes an answer of the REPL for a proof: no error, no sorry."""
    messages = answer.get("messages", ())
    errors = [m for m in messages if m["severity"] == "error"]
    sorry = [m for m in messages if "declaration uses `sorry`" in m["data"]]
    return not (errors or sorry or answer.get("sorries") or "message" in answer)


@pytest.mark.parametrize("name", FILES)
def test_verify_against_says_what_the_verifier_says(http, name):
    case = CASES[name]
    body = {"original": case.original, "submission": case.submission}
    answer = http.post("/verify-against", json=body)
    assert answer.status_code == 200, answer.text
    found = {each["theorem"]: each for each in answer.json()["verdicts"]}
    verdict = found.get(case.theorem) or next(iter(found.values()))
    if case.is_honest:
        assert verdict["accepted"], verdict
    else:
        assert not answer.json()["accepted"]
        assert not verdict["accepted"]


@pytest.mark.parametrize("name", ALONE)
def test_check_and_a_command_of_the_repl_find_what_a_text_alone_shows(http, repl, name):
    case = CASES[name]
    body = {"snippets": [{"id": "a", "code": case.submission}], "timeout": 120}
    (result,) = http.post("/api/check", json=body).json()["results"]
    by_http = "response" in result and is_valid(result["response"])
    by_repl = is_valid(repl({"cmd": case.submission})[0])
    if not case.is_honest:
        assert (by_http, by_repl) == (False, False), "the attack was accepted"
    elif "sorry" not in case.submission:
        assert (by_http, by_repl) == (True, True), result


@pytest.mark.parametrize("name", PROOFS)
def test_a_proof_is_judged_in_a_session_and_as_a_tactic_of_the_repl(http, repl, name):
    case = PROOFS[name]
    opened = http.post("/session", json={"code": case.original})
    assert opened.status_code == 201, opened.text
    session = opened.json()["session"]
    body = {"theorem": case.theorem, "proof": case.proof}
    verdict = http.post(f"/session/{session}/check", json=body).json()
    http.delete(f"/session/{session}")
    assert verdict["accepted"] == case.is_honest, verdict
    names = [each["name"] for each in opened.json()["theorems"]]
    place = {"proofState": names.index(case.theorem), "tactic": case.proof}
    _, answer = repl({"cmd": case.original}, place)
    if not case.is_honest:
        assert answer.get("proofStatus") != "Completed", "the attack was accepted"


def test_prove_has_no_proof_of_a_false_statement(http):
    text = "theorem no : ∀ n : Nat, n < 5 := by sorry\n"
    (attempt,) = http.post("/prove", json={"code": text, "time_s": 2}).json()["attempts"]
    assert not attempt["proved"]


def test_the_sample_has_attacks_and_honest_proofs():
    kinds = {(case.is_honest, case.proof is None) for case in CASES.values()}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}
    assert replace(next(iter(CASES.values())), kinds=frozenset()).is_honest
