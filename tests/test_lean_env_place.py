"""Proofs checked in their places with the real Lean, and their file once with all of them."""

import asyncio

import pytest
from lakatos.data.records import Accepted, Refused
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.judge import Original
from lakatos.lean_env.verification.place import FilePart
from lakatos.lean_env.verification.rewrite import Edit
from lakatos.lean_env.verification.verifier import Verifier

FILE = """namespace A
variable (n : Nat) (h : 0 < n)
theorem first : 0 < n + 1 := by sorry
/-- It uses a variable that it does not mention. -/
example : n ≠ 0 := by
  sorry
theorem two : 1 = 1 ∧ 2 = 2 := by
  constructor
  · sorry
  · sorry
theorem rests : 0 < n + 1 := by sorry
theorem leans : 2 = 2 := by sorry
end A
section theorem last : ∀ n : Nat, n = n := by
  sorry
end
"""
PROOFS = {
    "A.first": "exact Nat.succ_pos n",
    "example@6": "omega",
    "A.two": "rfl",
    "A.two#2": "rfl",
    "A.rests": "exact first n",
    "A.leans": "exact two.2",
    "last": "intro n\nrfl",
}


def part(command=1, to_end=False):
    source = "theorem a : A := x\nsection theorem b : B := sorry\n-- ∀\ntheorem c : C := sorry\n"
    commands = [
        {"start": 0, "stop": 18, "line": 1, "column": 0},
        {"start": 27, "stop": 49, "line": 2, "column": 8},
        {"start": 57, "stop": 79, "line": 4, "column": 0},
    ]
    return FilePart.of(Original(source, 1, tuple(commands), (), ()), command, to_end=to_end)


def test_a_part_begins_where_its_command_begins_in_its_line():
    assert part().text([]) == " " * 8 + "theorem b : B := sorry"
    assert part(to_end=True).text([]).endswith("sorry\n-- ∀\ntheorem c : C := sorry\n")


def test_a_byte_of_the_original_is_found_in_the_text():
    edits = [Edit(27, 27, "axiom x : ∀ n, n\n"), Edit(44, 49, "by simp"), Edit(74, 79, "y")]
    whole = part(to_end=True)
    text = whole.text(edits).encode()
    assert text[whole.place(edits, 57) :].startswith(b"theorem c : C := y")
    assert text[whole.place(edits, 27) :].startswith(b"axiom x"), "what is inserted is part of it"
    assert text[whole.place(edits, 49) :].startswith("\n-- ∀".encode())


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def lean(runner, toolchain):
    """A verifier, and the theorems of FILE by name."""

    async def make():
        pool = LeanPool(toolchain, workers=1)
        opened = await pool.open("F.lean", FILE)
        return pool, Verifier(pool, toolchain), {t.name: t for t in opened.theorems}

    pool, verifier, theorems = runner.run(make())
    yield verifier, theorems
    runner.run(verifier.close())
    runner.run(pool.close())


def put(theorem, source):
    raw = source.encode()
    return raw[theorem.start : len(raw) - (len(FILE.encode()) - theorem.stop)].decode()


def in_place(runner, lean, name, proof):
    verifier, theorems = lean
    return runner.run(verifier.verify_in_place(theorems[name], proof))


def together(runner, lean, texts):
    verifier, theorems = lean
    found = [theorems[name] for name in texts]
    return dict(
        zip(texts, runner.run(verifier.verify_together(found, [*texts.values()])), strict=True)
    )


def kinds(verdict):
    assert isinstance(verdict, Refused), verdict
    return [reason.kind.value for reason in verdict.reasons]


@pytest.mark.lean
def test_proofs_pass_in_their_places_and_then_all_in_their_file(runner, lean):
    texts, refused = {}, {}
    for name, proof in PROOFS.items():
        verified = in_place(runner, lean, name, proof)
        texts[name] = put(lean[1][name], verified.source)
        if not isinstance(verified.verdict, Accepted):
            refused[name] = kinds(verified.verdict)
    assert refused == {"A.rests": ["sorry"], "A.leans": ["sorry"]}, "they rest on other holes"
    assert texts["last"] == "intro n\n  rfl"
    verdicts = together(runner, lean, texts)
    assert all(isinstance(verdict, Accepted) for verdict in verdicts.values()), verdicts
    verifier, theorems = lean
    filled = FILE
    for name in reversed(texts):
        theorem = theorems[name]
        raw = filled.encode()
        head, tail = raw[: theorem.start], raw[theorem.stop :]
        filled = (head + texts[name].encode() + tail).decode()
    assert verifier.has_accepted(FILE, filled)
    assert not verifier.has_accepted(FILE, FILE)


@pytest.mark.lean
def test_what_rests_on_another_hole_is_refused_also_beside_accepted_ones(runner, lean):
    texts = {"A.first": "exact Nat.succ_pos n", "A.two": "rfl", "A.leans": "exact two.2"}
    verdicts = together(runner, lean, texts)
    assert [isinstance(v, Accepted) for v in verdicts.values()] == [True, True, False]
    assert kinds(verdicts["A.leans"]) == ["sorry"]


@pytest.mark.lean
def test_an_error_is_held_against_the_proof_it_stands_in(runner, lean):
    texts = {"A.first": "exact Nat.succ_pos n", "A.rests": "rfl", "last": "intro n; rfl"}
    verdicts = together(runner, lean, texts)
    assert verdicts["A.first"] is verdicts["last"] is None
    assert kinds(verdicts["A.rests"])[0] == "does_not_compile"
    assert verdicts["A.rests"].reasons[0].text.startswith("F.lean:11:")


@pytest.mark.lean
@pytest.mark.parametrize(
    ("proof", "kind"),
    [
        ("simp only [Nat.add_comm]", "does_not_compile"),
        ("sorry", "sorry"),
        ("exact sorryAx _ false", "sorry"),
        ("exact Nat.succ_pos n\n\naxiom cheat : False", "not_a_block"),
        ("run_tac return", "forbidden_syntax"),
        ("exact?", "forbidden_syntax"),
        ("exact leans", "does_not_compile"),
        ("exact first n", "does_not_compile"),
    ],
)
def test_what_is_no_proof_is_refused_in_its_place(proof, kind, runner, lean):
    verified = in_place(runner, lean, "A.first", proof)
    assert kind in kinds(verified.verdict), verified.verdict
    assert verified.source == FILE


@pytest.mark.lean
def test_an_error_has_the_line_of_the_users_file(runner, lean):
    verified = in_place(runner, lean, "A.two#2", "exact Nat.foo")
    assert verified.verdict.reasons[0].text.startswith("F.lean:10:")


UNREADABLE = """theorem above (n : Nat) : n + 0 = n := by sorry
theorem unreadable {xs ys : List Nat} (h : Sub xs ys) (h' : Sub ys xs) : xs = ys := by sorry
theorem below (n : Nat) : n * 1 = n := by sorry
theorem easy (x : Undefined 1) : True := by sorry
"""


@pytest.mark.lean
def test_a_statement_that_lean_cannot_read_costs_no_other_its_proof(runner, lean, toolchain):
    """What stands for it names its place in the text, and a longer proof above moves that."""

    async def judged():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            opened = await pool.open("U.lean", UNREADABLE)
            above, _, below, easy = opened.theorems
            whole = await verifier.verify(above, "have : n = n := rfl\nexact this")
            texts = ["\n  have : n = n := rfl\n  exact this", "exact Nat.mul_one n"]
            together = await verifier.verify_together([above, below], texts)
            moved = await verifier.verify_together([above, easy], [texts[0], "trivial"])
            return whole.verdict, together, moved

    whole, together, moved = runner.run(judged())
    assert isinstance(whole, Accepted), whole
    assert [type(verdict) for verdict in together] == [Accepted, Accepted], together
    assert kinds(moved[1]) == ["sorry"], "what rests on one is never accepted"
