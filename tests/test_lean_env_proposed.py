"""Texts that a model might propose: what runs programs is refused unread, honest ones are taken.

proposed_text.jsonl has one a line: the tactic, its goal (the theorem of proposed_text.lean, which
stands before all of them, where none is given), and whether it is to be taken. RUN stands for a
number that writes a file when it is computed.
"""

import asyncio
import itertools
import json
import re
from pathlib import Path

import pytest
from lakatos.data.records import Advanced, Rejected, Rejection
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.queries.errors import look
from lakatos.lean_env.verification.verifier import Verifier

HERE = Path(__file__).parent
FILE = (HERE / "proposed_text.lean").read_text(encoding="utf-8")
TEXTS = [
    json.loads(line)
    for line in (HERE / "proposed_text.jsonl").read_text(encoding="utf-8").splitlines()
]
ATTACKS = [text["tactic"] for text in TEXTS if not text.get("taken")]
HONEST = [text for text in TEXTS if text.get("taken")]
LISTED = HERE.parent / "lean_env" / "LeanEnv" / "AllowedSyntax.lean"
NUMBERS = itertools.count()
CANARY = "canary"
WRITE = f'IO.FS.writeFile "{CANARY}" ""'
RUN = f"(unsafeBaseIO (EIO.catchExceptions (do {WRITE}; pure 7) fun _ => pure 7))"


def filled(text):
    return text.replace("RUN", RUN).replace("CANARY", CANARY)


async def ran(pool):
    """Whether the file is there, as Lean's process sees its disk."""
    # a number, so that no earlier answer is given again
    source = f'def n := {next(NUMBERS)}\n#eval System.FilePath.pathExists "{CANARY}"\n'
    answer = await pool.request("open", wall_s=60.0, source=source)
    (message,) = answer.value["messages"]
    return message["text"] == "true"


def test_there_are_enough_of_many_syntaxes():
    assert len(ATTACKS) >= 100
    assert len(HONEST) >= 50
    assert len({re.match(r"[\w?]+", attack).group() for attack in ATTACKS}) >= 25


@pytest.mark.lean
def test_no_attack_runs_or_is_taken(own_toolchain):
    async def attack():
        async with LeanPool(own_toolchain, workers=1) as pool:
            (theorem,) = (await pool.open("file.lean", f"import Lean\n{FILE}")).theorems
            tactics = [filled(each) for each in ATTACKS]
            steps = await pool.apply(theorem.state, tactics)
            taken = [step for step in steps if not isinstance(step.outcome, Rejected)]
            assert not taken
            crashed = [
                s for s in steps if s.outcome.kind in (Rejection.CRASH, Rejection.HEARTBEATS)
            ]
            assert not crashed
            assert pool.restarts == 0
            assert not await ran(pool)
            # and the file would have been seen
            await pool.request("open", wall_s=60.0, source=f"#eval {WRITE}\n")
            assert await ran(pool)

    asyncio.run(attack())


@pytest.mark.lean
def test_honest_tactics_are_taken(toolchain):
    async def take():
        async with LeanPool(toolchain, workers=1) as pool:
            opened = await pool.open("file.lean", f"import Lean\n{FILE}")
            for text in HONEST:
                state = await pool.statement(opened, text["goal"])
                (step,) = await pool.apply(state, [text["tactic"]])
                assert isinstance(step.outcome, Advanced), (text, step.outcome)

    asyncio.run(take())


SKETCHES = [
    "by\n  have h : 2 = 2 := by sorry\n  simp (maxSteps := RUN)",
    'by\n  skip\n\n#eval IO.FS.writeFile "CANARY" ""\n\ntheorem u : 1 = 1 := by\n  rfl',
    'by\n  run_tac IO.FS.writeFile "CANARY" ""',
    "unsafe unsafeCast RUN",
    "by tidy_with { maxSteps := RUN }",
    "by\n  let rec @[implemented_by unsafeCast] f : Nat := 7\n  rfl",
]


@pytest.mark.lean
@pytest.mark.parametrize("op", ["open", "cut", "export"])
def test_a_draft_is_elaborated_only_if_nothing_stands_against_it(toolchain, op):
    async def put():
        async with LeanPool(toolchain, workers=1) as pool:
            before = f"{FILE}\ntheorem t : 1 = 1 := "
            for sketch in map(filled, SKETCHES):
                start = len(before.encode())
                span = {"start": start, "stop": start + len(sketch.encode())}
                source = f"{before}{sketch}\n\ntheorem after : 2 = 2 := by rfl\n"
                answer = await pool.request(op, wall_s=60.0, source=source, proposed=span)
                assert not await ran(pool), sketch
                commands = answer.value.get("commands", [])
                errors = [m for c in commands for m in c.get("errors", [])]
                texts = [m["text"] for m in answer.value.get("messages", errors)]
                assert any("may not stand" in t or "configuration" in t for t in texts), sketch

    asyncio.run(put())


@pytest.mark.lean
def test_holes_of_a_draft_and_those_of_the_file_beside_it_stay(toolchain):
    source = (
        "theorem t (a b : Nat) : a + b = b + a ∧ 1 = 1 := by\n"
        "  constructor\n  · have h : a = a := by sorry\n    omega\n  · sorry\n"
    )
    span = source.index("have"), source.index("\n  · sorry")

    async def put():
        async with LeanPool(toolchain, workers=1) as pool:
            opened = await pool.open("t.lean", source, span)
            assert [m.severity for m in opened.messages] == ["warning"]
            assert len(opened.theorems) == 2
            (command,) = await look(pool, source.replace("omega", "run_tac skip"), span)
            (fault,) = command.faults
            assert fault.message.text == "run_tac may not stand in a proof"
            assert fault.cuts[0].text == "sorry"

    asyncio.run(put())


@pytest.mark.lean
def test_the_verifier_refuses_them_too(toolchain):
    source = f"{FILE}\ntheorem t : 1 = 1 := by sorry\n"

    async def judge():
        async with LeanPool(toolchain, workers=1) as pool, Verifier(pool, toolchain) as verifier:
            theorem = (await pool.open("t.lean", source)).theorems[-1]
            for proof in ("simp (maxSteps := RUN)", "tidy_with { maxSteps := ackermann 9 9 }"):
                verified = await verifier.verify(theorem, filled(proof))
                (reason,) = verified.verdict.reasons
                assert reason.kind.value == "forbidden_syntax", reason
            assert not await ran(pool)

    asyncio.run(judge())


@pytest.mark.lean
def test_every_listed_kind_of_syntax_is_one_of_lean(toolchain):
    text = re.search(r'"(.*?)"', LISTED.read_text(encoding="utf-8"), re.DOTALL).group()
    source = f"""import Lean
open Lean
run_cmd do
  let kinds := (Parser.parserExtension.getState (← getEnv)).kinds
  for line in ({text} : String).splitOn "\\n" do
    if let space :: names := line.splitOn " " then
      for name in names do
        let kind := Name.str (if space == "_" then .anonymous else space.toName) name
        unless kinds.contains kind do logInfo (toString kind)
"""
    unlisted_by_lean = {"fieldIdx", "interpolatedStrKind", "interpolatedStrLitKind"}

    async def ask():
        async with LeanPool(toolchain, workers=1) as pool:
            opened = await pool.open("kinds.lean", source)
            return {message.text for message in opened.messages}

    assert asyncio.run(ask()) == unlisted_by_lean
