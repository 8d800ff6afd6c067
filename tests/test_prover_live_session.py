"""`lakatos.Session` on real Lean: from scripts, threads, a running event loop, and its errors."""

import asyncio
import gc
import json
import weakref
from concurrent.futures import ThreadPoolExecutor

import lakatos
import psutil
import pytest
from lakatos.data.records import Accepted, Expansion, Refused, Status
from lakatos.prover.loop_thread import LoopThread

BOOLS = "abcdefghijklmno"
ENDLESS = f"have : ∀ {' '.join(BOOLS)} : Bool, a = a := by " + (
    f"intro {' '.join(BOOLS)}; " + " <;> ".join(f"cases {b}" for b in BOOLS) + " <;> rfl"
)
SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry\n"
FILE = SWAP + "\ntheorem two (a b : Nat) : a + b = b + a := by sorry\n"

pytestmark = pytest.mark.lean


@pytest.fixture(scope="module")
def lean(toolchain):
    with lakatos.Session(toolchain=toolchain, workers=1) as session:
        yield session


def targets(result):
    return [[goal.target for goal in state.goals] for state in result.states]


def test_a_state_takes_tactics_and_says_what_came_of_them(lean):
    state = lean.theorem(SWAP).state
    assert str(state) == "p q : Prop\nh : p ∧ q\n⊢ q ∧ p"
    result = state.apply("constructor")
    assert (result.ok, result.closes, result.error) == (True, False, None)
    assert targets(result) == [["q"], ["p"]]
    assert [each.tactics for each in result.states] == [("constructor",)] * 2
    wrong, right, slow = state.apply_all(["exact h", "exact ⟨h.2, h.1⟩", ENDLESS], heartbeats=1_000)
    assert not wrong.ok
    assert "Type mismatch" in wrong.error
    assert wrong.messages[0].severity == "error"
    assert right.closes
    assert "heartbeats" in slow.error
    found = state.apply("exact?")
    assert found.closes
    assert found.suggestion == found.step.tactic != "exact?"


def test_a_draft_leaves_a_state_for_each_sorry(lean):
    state = lean.theorem(SWAP).state
    result = state.draft("have hp : p := sorry\nexact ⟨sorry, hp⟩")
    assert targets(result) == [["p"], ["q"]]
    assert not state.apply("exact ⟨sorry, h.1⟩").ok


def test_a_file_its_theorems_and_a_verdict(lean, tmp_path):
    place = tmp_path / "F.lean"
    place.write_text(FILE + "#check (nosuch)\n", encoding="utf-8")
    file = lean.open(place)
    assert [theorem.name for theorem in file.theorems] == ["swap", "two"]
    assert [m.severity for m in file.messages if m.severity == "error"] == ["error"]
    two = file.theorem("two")
    assert isinstance(two.check("exact Nat.add_comm a b"), Accepted)
    assert isinstance(two.check("rfl"), Refused)
    (attempt,) = lean.prove(two)
    assert attempt.theorem.name == "two"
    assert attempt.is_proved
    assert [a.theorem.name for a in lean.prove(place, theorems=["swap"])] == ["swap"]


class Constructors:
    """A policy of somebody else's."""

    name = "constructors"

    async def propose(self, queries):
        tactics = ("constructor", "exact h.1", "exact h.2")
        return [lakatos.PolicyOutput(tuple(lakatos.Proposal(t, 0.5) for t in tactics))] * len(
            queries
        )


def test_prove_takes_a_policy_by_word_or_as_an_object(lean):
    theorem = lean.theorem(SWAP)
    (attempt,) = lean.prove(theorem, policy=Constructors())
    assert attempt.proof.strip().startswith("constructor")
    assert attempt.is_proved
    (attempt,) = lean.prove(theorem, policy="hammer")
    assert attempt.is_proved
    with pytest.raises(lakatos.UsageError, match="nosuch"):
        lean.prove(theorem, policy="nosuch")


def test_a_search_of_the_package_can_be_driven_by_hand(lean):
    theorem = lean.theorem(SWAP)
    search = lakatos.best_first(theorem.state.record)
    known = {theorem.state.record: theorem.state}
    while search.status is Status.OPEN:
        for asked in search.ask(1):
            results = known[asked].apply_all(["constructor", "exact h.1", "exact h.2"])
            known |= {state.record: state for result in results for state in result.states}
            search.tell([Expansion(asked, tuple(r.step for r in results), 0.5)])
    assert search.status is Status.PROVED
    assert isinstance(theorem.check(theorem.text_of(search.proof())), Accepted)


def test_a_state_goes_to_another_session_as_text(lean, toolchain):
    state = lean.theorem(SWAP).state
    reached = state.apply("constructor").states[1]
    (drafted,) = state.draft("exact ⟨h.2, sorry⟩").states
    with lakatos.Session(toolchain=toolchain, workers=1) as other:
        for each in (state, reached, drafted):
            loaded = other.loads(each.dumps())
            assert loaded.record == each.record
            assert loaded.tactics == each.tactics
        assert other.loads(reached.dumps()).apply("exact h.1").closes
        broken = json.loads(reached.dumps()) | {"steps": [["rfl", 0, False]]}
        with pytest.raises(lakatos.UsageError, match="does not come to the state"):
            other.loads(json.dumps(broken))
        for text in ("", "{}", "[1]", '{"format": 1}'):
            with pytest.raises(lakatos.UsageError, match="no state of a session"):
                other.loads(text)
        with pytest.raises(lakatos.UsageError, match="format 7"):
            other.loads(json.dumps(json.loads(state.dumps()) | {"format": 7}))


def test_premises_of_a_state(lean):
    premises = lean.premises(lean.theorem(SWAP).state, 5)
    assert len(premises) == 5
    assert any(each.name.startswith("And") for each in premises)
    assert all(each.text for each in premises)


def test_the_same_session_serves_threads_and_event_loops(lean):
    async def go():
        theorem = await lean.atheorem(SWAP)
        results = await asyncio.gather(
            *(theorem.state.aapply(tactic) for tactic in ("constructor", "exact h"))
        )
        verdict = await theorem.acheck("exact ⟨h.2, h.1⟩")
        return [result.ok for result in results], verdict

    assert asyncio.run(go()) == ([True, False], Accepted())
    assert asyncio.run(go())[0] == [True, False]  # in a second event loop
    state = lean.theorem(SWAP).state
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: state.apply(f"have x : {n} = {n} := rfl").ok, range(8)))
    assert found == [True] * 8

    async def inside():  # as in a notebook, whose loop runs while a cell blocks it
        return state.apply("constructor").ok

    assert asyncio.run(inside())


def test_what_is_cancelled_ends_in_lean_too(lean):
    state = lean.theorem(SWAP).state

    async def go():
        slow = asyncio.create_task(state.aapply(ENDLESS, timeout_s=60, heartbeats=10**7))
        await asyncio.wait({slow}, timeout=0.2)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow

    asyncio.run(go())
    assert state.apply("constructor").ok


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("theorem t : 1 = 1 := rfl", "has 0 holes"),
        (FILE, "has 2 holes"),
        ("theorem t : No.such := by sorry", "error before the sorry.*No.such"),
        ("import Nosuch\n" + SWAP, "Nosuch"),
    ],
)
def test_a_text_that_is_not_one_theorem_is_the_callers_fault(lean, text, why):
    with pytest.raises(lakatos.UsageError, match=why):
        lean.theorem(text)


def test_a_file_that_is_not_there_and_a_name_that_is_not(lean, tmp_path):
    with pytest.raises(lakatos.UsageError, match=r"nosuch\.lean"):
        lean.open(tmp_path / "nosuch.lean")
    with pytest.raises(lakatos.UsageError, match="did you mean swap"):
        lean.read(FILE).theorem("swp")
    with pytest.raises(lakatos.UsageError, match="no goal 3"):
        lean.theorem(SWAP).state.apply("rfl", goal=3)


def test_a_closed_session_says_so(toolchain):
    session = lakatos.Session(toolchain=toolchain, workers=1)
    state = session.theorem(SWAP).state
    session.close()
    session.close()
    with pytest.raises(lakatos.UsageError, match="session is closed"):
        state.apply("constructor")

    async def go():
        async with lakatos.Session(toolchain=toolchain, workers=1) as other:
            pass
        with pytest.raises(lakatos.UsageError, match="session is closed"):
            await other.atheorem(SWAP)

    asyncio.run(go())


def test_the_processes_of_a_session_that_nobody_closes_end_with_it(toolchain):
    before = set(psutil.Process().children(recursive=True))
    session = lakatos.Session(toolchain=toolchain, workers=1)
    session.theorem(SWAP)
    mine = set(psutil.Process().children(recursive=True)) - before
    assert mine
    loop = weakref.ref(session.loop)
    del session
    gc.collect()
    assert loop() is None
    _, alive = psutil.wait_procs(mine, timeout=30)
    assert not alive


def test_a_blocking_call_in_the_sessions_own_loop_is_refused():
    loop = LoopThread()

    async def nothing():
        return 1

    async def call():
        with pytest.raises(lakatos.UsageError, match="own loop"):
            loop.wait(nothing())
        return await loop.awaited(nothing())

    assert loop.wait(call()) == 1
    loop.close()
    loop.close()
