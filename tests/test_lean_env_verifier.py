"""The verifier's steps with a fake Lean; with the real one, scripts and whole files."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from lakatos.data.errors import WorkerDied
from lakatos.data.records import (
    Accepted,
    Advanced,
    ProofState,
    ProofTree,
    Refused,
    Theorem,
    TimedOut,
)
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.protocol import Failure, Result
from lakatos.lean_env.verification.judge import CheckLimits
from lakatos.lean_env.verification.script import script
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.lean_env.worker_command import WorkerCommand

SOURCE = "theorem t : P := by sorry\n"


def error(text, line=1):
    return {"severity": "error", "text": text, "line": line, "column": 3}


@dataclass
class FakeLean:
    """Answers from a table of functions of the request's fields; keeps what it was asked."""

    answers: dict
    asked: list = field(default_factory=list)
    is_closed: bool = False

    async def request(self, op, *, wall_s, **fields):
        self.asked.append((op, fields))
        answer = self.answers[op]
        answer = answer(**fields) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return Result(1, answer) if isinstance(answer, dict) else answer

    async def close(self):
        self.is_closed = True

    @property
    def ops(self):
        return [op for op, _ in self.asked]


class FakeToolchain:
    name = "fake"
    lean = "4.28.0"

    def worker_command(self, *, memory_mb):
        return WorkerCommand(("lean", str(memory_mb)), {}, None)


def opened(source, *marks, messages=(), declaration="t", command=0):
    raw = source.encode()
    holes, start = [], 0
    for mark in marks:
        start = raw.index(mark.encode(), start)
        holes.append(
            {
                "start": start,
                "stop": start + len(mark.encode()),
                "command": command,
                "declaration": declaration,
                "mode": "tactic",
                "prop": True,
                "states": [{"state": start}],
            }
        )
        start += 1
    declarations = [{"name": "t", "kind": "theorem", "type": "P"}]
    commands = [{"kind": "declaration", "start": 0, "stop": len(raw), "declarations": declarations}]
    told = {"file": 1, "imports": ["Init"], "messages": list(messages), "parsed": []}
    return told | {"commands": commands, "holes": holes}


def hole(source=SOURCE, mark="sorry"):
    start = source.encode().index(mark.encode())
    state = ProofState("k")
    return Theorem("t", source, "t.lean", start, start + len(mark), 1, 0, "tactic", state, "t")


def result(*reasons, axioms=()):
    return {"results": [{"name": "t", "reasons": list(reasons), "axioms": list(axioms)}]}


def judging(**answers):
    usual = {"open": opened(SOURCE, "sorry"), "block": {"reasons": []}, "judge": result()}
    return FakeLean({**usual, "release": {}, **answers})


def exporting(*messages):
    return FakeLean(
        {"export": {"messages": list(messages), "imports": ["Init"], "constants": ["rows"]}}
    )


def verify(judge, pool, proof="simp", theorem=None, **options):
    async def run():
        async def start(command):
            judge.command = command
            return judge

        options.setdefault("limits", CheckLimits(wall_s=5, memory_mb=512))
        async with Verifier(pool, FakeToolchain(), start=start, **options) as verifier:
            return await verifier.verify(theorem or hole(), proof)

    return asyncio.run(run())


def compare(judge, pool, original, submission):
    async def run():
        async def start(command):
            return judge

        async with Verifier(pool, FakeToolchain(), start=start) as verifier:
            return await verifier.compare(original, submission)

    return asyncio.run(run())


def kinds(verdict):
    assert isinstance(verdict, Refused), verdict
    return [reason.kind.value for reason in verdict.reasons]


def test_a_proof_passes_through_block_export_and_judge():
    judge, pool = judging(judge=result(axioms=["propext", "Classical.choice"])), exporting()
    verified = verify(judge, pool)
    assert verified.verdict == Accepted(("Classical.choice", "propext"))
    assert verified.source == "theorem t : P := by simp\n"
    assert judge.ops == ["open", "block", "judge"]
    assert pool.ops == ["export"]
    assert judge.asked[1][1] == {"file": 1, "hole": 0, "text": "simp"}
    assert pool.asked[0][1]["source"] == "theorem t : P := by simp\n"
    asked = judge.asked[2][1]
    assert (asked["original"], asked["constants"], asked["targets"]) == (SOURCE, ["rows"], ["t"])
    assert asked["allow"][:3] == ["propext", "Quot.sound", "Classical.choice"]
    assert judge.is_closed
    assert judge.command.argv == ("lean", "512")


def test_what_is_not_a_block_is_never_run():
    reason = {"kind": "not_a_block", "text": "expected end of input"}
    judge, pool = judging(block={"reasons": [reason]}), exporting()
    verified = verify(judge, pool)
    assert kinds(verified.verdict) == ["not_a_block"]
    assert verified.source == SOURCE
    assert pool.ops == []
    assert "judge" not in judge.ops


def test_a_proof_that_does_not_compile_says_where_and_what():
    judge, pool = judging(), exporting(error("unsolved goals"))
    verified = verify(judge, pool)
    assert kinds(verified.verdict) == ["does_not_compile"]
    assert verified.verdict.reasons[0].text == "t.lean:1:3: unsolved goals"
    assert len(pool.ops) == 2, "every layout is tried"
    assert "judge" not in judge.ops


def test_the_first_layout_that_compiles_is_used():
    def export(name, source, proposed):
        broken = "(" not in source
        messages = [error("expected")] if broken else []
        return {"messages": messages, "imports": [], "constants": []}

    verified = verify(judging(), FakeLean({"export": export}))
    assert verified.source == "theorem t : P := by (simp)\n"
    assert verified.verdict == Accepted()


def test_errors_of_the_original_are_not_held_against_the_proof():
    has_error = opened(SOURCE, "sorry", messages=[error("unknown ?m.12")])
    judge = judging(open=has_error)
    assert verify(judge, exporting(error("unknown ?m.9"))).verdict == Accepted()
    twice = exporting(error("unknown ?m.9"), error("unknown ?m.9"))
    assert kinds(verify(judging(open=has_error), twice).verdict) == ["does_not_compile"]


def test_warnings_do_not_count():
    warning = {**error("declaration uses sorry"), "severity": "warning"}
    assert verify(judging(), exporting(warning)).verdict == Accepted()


def test_the_judges_reasons_are_the_verdict():
    reasons = [{"kind": "axiom", "text": "cheat"}, {"kind": "sorry", "text": "lemma"}]
    verified = verify(judging(judge=result(*reasons)), exporting())
    assert kinds(verified.verdict) == ["axiom", "sorry"]
    assert verified.source == SOURCE


def test_axioms_are_allowed_only_on_request():
    judge = judging()
    verify(judge, exporting(), allow_axioms=("propext", "Lean.ofReduceBool"))
    allow = judge.asked[2][1]["allow"]
    assert allow[:2] == ["propext", "Lean.ofReduceBool"]
    assert "Classical.choice" not in allow


@pytest.mark.parametrize("answer", [TimedOut(5), WorkerDied("out of memory")])
@pytest.mark.parametrize("op", ["open", "block", "judge", "export"])
def test_time_and_memory_that_run_out_refuse_the_proof(op, answer):
    judge, pool = judging(), exporting()
    (pool if op == "export" else judge).answers[op] = answer
    verdict = verify(judge, pool).verdict
    assert kinds(verdict) == ["limit"]
    assert op in verdict.reasons[0].text
    assert judge.is_closed


def test_the_time_of_a_check_grows_with_the_file_and_stays_in_the_budget():
    grows = CheckLimits()
    assert grows.time("").limit_s == 60
    assert grows.time("x" * 10_000).limit_s == 360
    assert grows.time("x" * 10_000, 100).limit_s == 100
    assert grows.time("", 0.5).limit_s == 10, "a proof found is checked"
    assert CheckLimits(wall_s=7).time("x" * 10_000).limit_s == 7
    assert CheckLimits(wall_s=7).time_for("x" * 10_000, 3).limit_s == 21
    assert grows.time_for("x" * 10_000, 3).limit_s == 360


def test_all_requests_of_a_check_share_its_time():
    asked = {}

    class Slow(FakeLean):
        async def request(self, op, *, wall_s, **fields):
            asked[op] = wall_s
            answer = await super().request(op, wall_s=wall_s, **fields)
            return replace(answer, us=1_500_000)

    exported = {"messages": [], "imports": [], "constants": ["rows"]}
    judge, pool = Slow(judging().answers), Slow({"export": exported})
    assert verify(judge, pool).verdict == Accepted()
    assert asked == {"open": 5, "block": 3.5, "export": 2, "judge": 0.5}


def test_a_lost_judge_is_started_again():
    judges = [judging(judge=TimedOut(5)), judging()]

    async def run():
        left = list(judges)

        async def start(command):
            return left.pop(0)

        async with Verifier(exporting(), FakeToolchain(), start=start) as verifier:
            return [(await verifier.verify(hole(), "simp")).verdict for _ in range(3)]

    first, second, third = asyncio.run(run())
    assert kinds(first) == ["limit"]
    assert second == third == Accepted()
    assert judges[0].is_closed
    assert judges[1].ops == ["open", "block", "judge", "block", "judge"], "open is kept"


def test_constants_that_cannot_be_read_are_the_kernels_refusal():
    judge = judging(judge=Failure(1, "bad_request", "t is declared twice"))
    verdict = verify(judge, exporting()).verdict
    assert kinds(verdict) == ["kernel"]
    assert "declared twice" in verdict.reasons[0].text


def test_a_theorem_of_another_file_is_missing():
    verdict = verify(judging(open=opened("theorem t : P := sorry", "sorry")), exporting()).verdict
    assert kinds(verdict) == ["missing"]


def test_other_holes_of_the_declaration_are_filled_with_a_name_no_proof_can_know():
    source = "theorem t : P := by\n  · sorry\n  · sorry\n"
    judge = judging(open=opened(source, "sorry", "sorry"))
    names = []

    def judged(original, constants, imports, targets, allow):
        names.append(allow[-1])
        return result(axioms=[allow[-1], "propext"])

    judge.answers["judge"] = judged
    pool = exporting()
    verified = verify(judge, pool, theorem=hole(source))
    assert verified.verdict == Accepted(("propext",))
    assert verified.source == "theorem t : P := by\n  · simp\n  · sorry\n"
    given = pool.asked[0][1]["source"]
    level = f"{names[0]}_u"
    axiom = f"axiom _root_.{names[0]}.{{{level}}} {{α : Sort {level}}} : α\n"
    assert given == f"{axiom}theorem t : P := by\n  · simp\n  · exact {names[0]}\n"
    asked = judge.asked[-1][1]["original"]
    assert asked == f"{axiom}theorem t : P := by\n  · sorry\n  · exact {names[0]}\n"
    verify(judge, exporting(), theorem=hole(source), proof=f"exact {names[0]}")
    assert names[1] != names[0]


def test_lines_of_messages_are_those_of_the_users_file():
    source = "theorem t : P := by\n  · sorry\n  · sorry\n"
    judge = judging(open=opened(source, "sorry", "sorry"))
    verdict = verify(judge, exporting(error("no", line=3)), theorem=hole(source)).verdict
    assert verdict.reasons[0].text == "t.lean:2:3: no"


def test_an_example_is_judged_under_a_name():
    source = "variable (h : P)\n/-- doc -/ example : P := by sorry\n"
    broken = opened(source, "sorry", declaration=None, messages=[error("invalid include")])

    def file(name, source, **_):
        if "include" in source:
            return broken
        return opened(source, "sorry", declaration=None)

    judge, pool = judging(open=file), exporting()
    example = Theorem("example@2", source, "t.lean", source.index("sorry"), 0, 2, 0, "tactic", None)
    example = replace(hole(source), name="example@2", declaration=None)
    verified = verify(judge, pool, theorem=example)
    assert verified.verdict == Accepted()
    assert verified.source == source.replace("sorry", "simp")
    named = source.replace("example", "theorem _root_.lakatos_example_1")
    assert judge.asked[-1][1]["original"] == named
    assert judge.asked[-1][1]["targets"] == ["lakatos_example_1"]
    assert pool.asked[0][1]["source"] == named.replace("sorry", "simp")


def test_a_whole_file_has_one_verdict_for_each_theorem():
    original = "theorem t : P := by sorry\nexample : P := by sorry\n"

    def judged(original, constants, imports, targets, allow):
        missing = {"kind": "missing", "text": "gone"}
        rows = {"t": [], "lakatos_example_1": [missing]}
        return {"results": [{"name": t, "reasons": rows[t], "axioms": []} for t in targets]}

    judge = judging(open=lambda name, source, **_: opened(original, "sorry"), judge=judged)
    pool = exporting()
    verdicts = compare(judge, pool, original, "theorem t : P := p\nexample : P := p\n")
    assert [name for name, _ in verdicts] == ["t", "example@2"]
    assert verdicts[0][1] == Accepted()
    assert kinds(verdicts[1][1]) == ["missing"]
    assert pool.asked[0][1]["source"].endswith("theorem _root_.lakatos_example_1 : P := p\n")


def test_a_file_with_an_error_proves_nothing():
    judge = judging()
    verdicts = compare(judge, exporting(error("type mismatch")), SOURCE, "theorem t : P := p\n")
    assert [kinds(verdict) for _, verdict in verdicts] == [["does_not_compile"]]


@pytest.mark.parametrize(("start", "proved"), [(0, [False, True]), (30, [True, False])])
def test_an_error_of_a_file_that_is_its_own_original_counts_where_it_stands(start, proved):
    source = "theorem t : P := by sorry\nexample : P := by sorry\n"
    own = {**error("type mismatch"), "start": start}
    file = opened(source, "sorry", messages=[own])
    example = {"kind": "declaration", "start": 26, "stop": 49, "declarations": []}
    file["commands"] = [{**file["commands"][0], "stop": 25}, example]
    judge = judging(open=file)
    judge.answers["judge"] = lambda targets, **_: {
        "results": [{"name": t, "reasons": [], "axioms": []} for t in targets]
    }
    verdicts = compare(judge, exporting(own), source, source)
    assert [name for name, _ in verdicts] == ["t", "example@2"]
    assert [verdict == Accepted() for _, verdict in verdicts] == proved


# With the real Lean.


async def prove(pool, state, moves):
    """A proof tree from tactics: the one that `moves` has for a state's targets, step by step."""
    tactic = moves[tuple(goal.target for goal in state.goals)]
    [step] = await pool.apply(state, [tactic])
    assert isinstance(step.outcome, Advanced), step
    children = [await prove(pool, child, moves) for child in step.outcome.states]
    return ProofTree(state, tactic, tuple(children))


SCRIPTS = {
    "branches": (
        "theorem t (p q r : Prop) (hp : p) (hq : q) (hr : r) : p ∧ q ∧ r := by sorry",
        {
            ("p ∧ q ∧ r",): "constructor",
            ("p",): "exact hp",
            ("q ∧ r",): "refine ⟨?_, ?_⟩",
            ("q",): "exact\n  hq",
            ("r",): "exact hr",
        },
    ),
    "coupled": (
        "theorem t (p : Prop) (hp : p) : (∃ n : Nat, n + 1 = 4) ∧ p := by sorry",
        {
            ("(∃ n, n + 1 = 4) ∧ p",): "refine ⟨⟨?n, ?h⟩, ?p⟩",
            ("?n + 1 = 4", "Nat"): "case' n => exact 3",
            ("Nat", "?n + 1 = 4"): "exact 3",
            ("3 + 1 = 4",): "rfl",
            ("p",): "exact hp",
        },
    ),
    "coupled twice": (
        "theorem t : (∃ n : Nat, n = 4) ∧ (∃ m : Nat, m = 5) := by sorry",
        {
            ("(∃ n, n = 4) ∧ ∃ m, m = 5",): "refine ⟨⟨?n, ?h⟩, ⟨?m, ?k⟩⟩\ncase' m | n => skip",
            ("Nat", "?n = 4"): "exact 4",
            ("Nat", "?m = 5"): "exact 5",
            ("4 = 4",): "rfl",
            ("5 = 5",): "rfl",
        },
    ),
}


@pytest.mark.lean
@pytest.mark.parametrize("case", SCRIPTS)
def test_a_script_of_a_search_is_accepted(case, toolchain):
    source, moves = SCRIPTS[case]

    async def run():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            [theorem] = (await pool.open("t.lean", source)).theorems
            tree = await prove(pool, theorem.state, moves)
            return await verifier.verify(theorem, script(tree))

    verified = asyncio.run(run())
    assert isinstance(verified.verdict, Accepted), verified.verdict


RENAMED = """theorem t : ∀ n m k : Nat, n < m → m < k → n < k := by sorry
"""


@pytest.mark.lean
@pytest.mark.parametrize(
    "other", ["intros", "intro a m k g l", "intro m n k u _", "intro n m\nintros"]
)
def test_a_tactic_written_for_other_names_is_accepted(other, toolchain):
    """The proof of a state that two paths reach is written with the names of one of them."""

    async def run():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            [theorem] = (await pool.open("t.lean", RENAMED)).theorems
            steps = await pool.apply(theorem.state, ["intro n m k h i", other])
            [named], [reached] = (step.outcome.states for step in steps)
            assert named == reached
            end = ProofTree(reached, "exact Nat.lt_trans h i", (), named)
            text = script(ProofTree(theorem.state, other, (end,)))
            return await verifier.verify(theorem, text)

    verified = asyncio.run(run())
    assert isinstance(verified.verdict, Accepted), verified.verdict


TRUSTED = """axiom cheat : 1 = 2

theorem good : 1 + 1 = 2 := rfl

theorem bad : 1 + 1 = 3 := rfl

theorem later : 1 = 1 := by sorry

theorem rests : 1 = 1 := later

private theorem hidden : 1 = 2 := cheat

mutual
theorem even (n : Nat) : n = n := match n with
  | 0 => rfl
  | n + 1 => congrArg (· + 1) (odd n)
theorem odd (n : Nat) : n = n := match n with
  | 0 => rfl
  | n + 1 => congrArg (· + 1) (even n)
end

section
variable (p : Prop) (h : p)
example : p := h
example : p ∧ p := ⟨h, 3⟩
end
"""


@pytest.mark.lean
def test_every_theorem_of_a_trusted_file_is_judged(toolchain):
    async def run():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            return await verifier.compare(TRUSTED, TRUSTED, name="File.lean")

    verdicts = dict(asyncio.run(run()))
    proved = [name for name, verdict in verdicts.items() if verdict == Accepted()]
    assert sorted(proved) == ["even", "example@24", "good", "odd"]
    assert kinds(verdicts["later"]) == kinds(verdicts["rests"]) == ["sorry"]
    assert "later" in verdicts["rests"].reasons[0].text
    assert kinds(verdicts["hidden"]) == ["axiom"]
    assert kinds(verdicts["bad"])[0] == kinds(verdicts["example@25"])[0] == "does_not_compile"
    assert verdicts["bad"].reasons[0].text.startswith("File.lean:5:27: Type mismatch")
    assert len(verdicts) == 9
