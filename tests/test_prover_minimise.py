"""Proofs are shortened to what they need: by text alone, and by real Lean."""

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakatos.data.records import Accepted, Advanced
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.prover.agent.minimise import minimised


def shortened(block, accepts, most=100):
    """The result, and the candidates that were checked."""
    checked = []

    async def check(candidate):
        checked.append(candidate)
        return accepts(candidate)

    return asyncio.run(minimised(block, check, most)), checked


NESTED = """intro h
first
  | (have c := h 0; revert c; first | decide | (simp; done))
  | (have c := h 1; revert c; first | decide | (simp; done))
  | (have c := h 2; revert c; first | decide | (simp; done))"""


@pytest.mark.parametrize(
    ("block", "needs", "result"),
    [
        ("first | omega | simp_all | grind", r"simp_all", "simp_all"),
        ("exact ⟨b, by first | omega | grind⟩", r"exact ⟨b, by .*grind⟩", "exact ⟨b, by grind⟩"),
        (NESTED, r"intro h.*c := h 1; revert c;.*simp", "intro h\nhave c := h 1; revert c; simp"),
        ("cases h with\n| a => first | x | y\n| b => z", r"cases h with\n. a => .*y\n. b => z",
         "cases h with\n| a => y\n| b => z"),
        ("have a : p := by\n  simp\n  omega\nexact b", r"exact b", "exact b"),
        ("simp [a, b c, (d, e)]", r"\(d, e\)", "simp [(d, e)]"),
        ("grind [a, b]", r"grind", "grind"),
        ("simp only [a, b] at h", r"only.*b.* at h", "simp only [b] at h"),
        ("constructor <;> simp <;> omega", r"constructor.*omega", "constructor <;> omega"),
        ("try simp\nall_goals omega", r"omega", "omega"),
        ('exact "first | a | b"', r'"first \| a \| b"', 'exact "first | a | b"'),
    ],
)  # fmt: skip
def test_what_is_not_needed_goes(block, needs, result):
    found, checked = shortened(block, lambda candidate: re.search(needs, candidate, re.DOTALL))
    assert found == result
    assert len(checked) == len(set(checked))


@pytest.mark.parametrize("needed", [(), (3,), (0, 31, 79), (40, 41, 42), tuple(range(0, 80, 16))])
def test_of_many_steps_the_few_that_are_needed_are_found_soon(needed):
    lines = [f"have law{n} := a {n}" for n in range(80)] + ["grind"]
    kept = [lines[n] for n in needed] + ["grind"]
    found, checked = shortened("\n".join(lines), lambda text: set(kept) <= set(text.split("\n")))
    assert found == "\n".join(kept)
    assert len(checked) < len(lines)  # one by one it takes as many


def test_alternatives_that_different_goals_need_both_stay():
    def accepts(candidate):
        return "constructor <;> " in candidate and {"b", "d"} <= set(re.findall(r"\w+", candidate))

    found, _ = shortened("constructor <;> first | a | b | c | d | e", accepts)
    assert found == "constructor <;> first | b | d"


def test_among_many_alternatives_few_are_tried():
    block = "first | " + " | ".join(f"exact f {n}" for n in range(150))
    numbers = lambda text: re.findall(r"exact f (\d+)", text)  # noqa: E731
    found, checked = shortened(block, lambda candidate: "97" in numbers(candidate))
    assert found == "exact f 97"
    assert len(checked) < 20


def test_no_more_checks_are_made_than_allowed():
    block = "\n".join(f"have h{n} := {n}" for n in range(50))
    _, checked = shortened(block, lambda candidate: False, most=7)
    assert len(checked) == 7


PIECES = st.sampled_from(
    ["first", "|", "(", ")", "[", "]", ",", ";", "<;>", " ", "\n", "\n  ", "simp", "grind", "only",
     "try ", "a", "b", "·", "⟨", "⟩", '"', "--", "=>"]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=40).map("".join), st.integers(0, 3))
def test_any_text_ends_and_never_grows(block, seed):
    accepted = {block}

    def accepts(candidate):
        is_good = (len(candidate) * 7 + seed) % 3 == 0
        accepted.update([candidate] * is_good)
        return is_good

    found, checked = shortened(block, accepts)
    assert len(found) <= len(block)
    assert len(checked) <= 100
    assert found in accepted


FILE = """theorem one (a b : Nat) (h : a = b) : b = a := by sorry
theorem two (p q : Prop) (hp : p) (hq : q) : p ∧ q := by sorry
theorem three (a b : Nat) : a + b + 0 = b + a := by sorry
theorem four : ∃ n : Nat, n > 3 := by sorry
theorem five (xs : List Nat) : (xs ++ []).length = xs.length := by sorry
"""
RAW = [
    "have unused : 1 = 1 := rfl\nfirst | omega | simp_all | grind",
    "refine ⟨?_, ?_⟩\n· first | omega | exact hq | exact hp\n· first | assumption | grind",
    "first\n  | rfl\n  | (simp [Nat.add_comm, Nat.mul_comm]; done)\n  | omega",
    "first | " + " | ".join(f"exact ⟨{n}, by decide⟩" for n in range(30)),
    "try omega\nsimp [List.length_append, List.map_map] <;> first | omega | rfl",
]
SHORT = [
    "omega",
    "refine ⟨?_, ?_⟩\n· omega\n· assumption",
    "simp [Nat.add_comm]",
    "exact ⟨4, by decide⟩",
    "simp",
]


@pytest.mark.lean
def test_real_proofs_are_shortened_and_accepted(toolchain):
    async def work():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("f.lean", FILE)
            for theorem, raw, short in zip(opened.theorems, RAW, SHORT, strict=True):

                async def check(candidate, theorem=theorem):
                    (step,) = await pool.apply(theorem.state, [candidate])
                    return step.outcome == Advanced(())

                assert await check(raw), theorem.name
                found = await minimised(raw, check)
                assert found == short
                assert isinstance((await verifier.verify(theorem, found)).verdict, Accepted)

    asyncio.run(work())
