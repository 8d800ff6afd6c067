"""What is made up is kept only when Lean takes it; what is known is changed in Lean's own way."""

import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from lakatos.data.dataset.dataset import Excluded
from lakatos.data.problems.families import Candidate
from lakatos.data.records import Advanced, Goal, Message, ProofState, Rejected, Step
from lakatos.lean_env.pool import LeanPool
from lakatos.prover.commands.extract import ExtractJob
from lakatos.prover.dataset import synthetic as synthesis
from lakatos.prover.dataset.mutation import hypotheses, split_signature
from lakatos.prover.dataset.synthetic import CLOSERS, COLUMNS, CandidateFilter, SyntheticExtraction


@dataclass
class Opened:
    messages: list
    theorems: list


@dataclass
class Theorem:
    state: ProofState


@dataclass
class Reader:
    """Takes all but what says `wrong`; a statement's key is its length."""

    closes: tuple = ()
    sources: list = field(default_factory=list)
    closed: int = 0

    async def open(self, path, source):
        self.sources.append(source)
        errors = [Message("error", "no", 1, 0)] if "wrong" in source else []
        statement = source.splitlines()[-1]
        key = statement[statement.index(" : ") :]
        return Opened(errors, [Theorem(ProofState(key, (Goal("g"),)))])

    async def apply(self, state, tactics, **limits):
        return [Step(t, 1.0, Advanced(()) if t in self.closes else Rejected("no")) for t in tactics]

    def close_file(self, opened):
        self.closed += 1


def sift(reader, *candidates, **known):
    sieve = CandidateFilter(reader, 0, **known)

    async def run():
        return [await sieve.take(each, n) for n, each in enumerate(candidates)]

    return asyncio.run(run()), sieve


def test_what_lean_takes_is_a_row():
    reader = Reader(closes=("simp", "decide"))
    candidate = Candidate("odd", "(n : Nat) : n = n", "example : 1 = 1 := rfl", "def a := 1", "rfl")
    (row,), _ = sift(reader, candidate)
    assert row["formal_statement"] == "theorem odd_0 (n : Nat) : n = n := by sorry\n"
    assert row["closed_by"] == "simp"
    assert row["known_proof"] == "rfl"
    (source,) = reader.sources
    assert source.index("def a") < source.index("example") < source.index("theorem odd_0")
    assert reader.closed == 1


def test_what_lean_does_not_take_and_what_was_there_is_dropped():
    reader = Reader()
    good, bad = Candidate("f", ": 1 = 1", "x"), Candidate("f", ": 1 = 2", "wrong")
    rows, sieve = sift(reader, good, bad, good)
    assert [row is not None for row in rows] == [True, False, False]
    assert sieve.dropped == {"not taken by Lean": 1, "a duplicate": 1}
    assert reader.closed == 3


def test_a_problem_that_is_excluded_is_dropped():
    excluded = Excluded("x", states=frozenset([" : 1 = 1 := by sorry"]))
    candidates = [Candidate("f", ": 1 = 1", "x"), Candidate("f", ": 2 = 2", "x")]
    rows, sieve = sift(Reader(), *candidates, excluded=excluded)
    assert [row is not None for row in rows] == [False, True]
    assert rows[1].keys() == COLUMNS.keys()
    assert sieve.dropped == {"excluded": 1}


def test_what_is_made_when_it_is_interrupted_is_kept(tmp_path, monkeypatch, capsys):
    class Pool(Reader):
        def __init__(self, toolchain, workers):
            super().__init__()

        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            return None

    async def broken_off(self, pool, sieve, told):
        yield await sieve.take(Candidate("f", ": 1 = 1", "x"), 0)
        told(1, 9, "f_0")
        raise asyncio.CancelledError

    monkeypatch.setattr(synthesis, "LeanPool", Pool)
    monkeypatch.setattr(SyntheticExtraction, "rows", broken_off)
    toolchain = SimpleNamespace(name="embedded", lean="1")
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ExtractJob(SyntheticExtraction(9, 0, tmp_path))(lambda: toolchain))
    (line,) = (tmp_path / "jsonl" / "problems.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["name"] == "f_0"
    assert "interrupted: 1 problems are done; they are written" in capsys.readouterr().err
    assert "| f | 1 |" in (tmp_path / "README.md").read_text()


def test_a_signature_is_cut_at_its_colon():
    assert split_signature("(n : Nat) {m : Nat} : n = m") == (" (n : Nat) {m : Nat}", "n = m")
    assert split_signature(": a = b") == ("", "a = b")
    assert split_signature("(f : (n : Nat) → n = n) : ∀ (x : Nat), p x")[1] == "∀ (x : Nat), p x"


def test_hypotheses_are_explicit_binders_of_one_name():
    binders = " {n : Nat} (a b : Nat) (h : a < b) (g : (x : Nat) → p (x : Nat))"
    assert [(name, binders[i:j]) for name, i, j in hypotheses(binders)] == [
        ("h", "a < b"), ("g", "(x : Nat) → p (x : Nat)"),
    ]  # fmt: skip


@pytest.mark.lean
def test_each_kind_is_made_and_taken_by_lean(toolchain):
    """Every statement is read again and, where there is a proof, proved by it."""

    async def run():
        async with LeanPool(toolchain, workers=1) as pool:
            sieve = CandidateFilter(pool, 3)
            made = SyntheticExtraction(10, 3).rows(pool, sieve, lambda *_: None)
            rows = [row async for row in made]
            proved = []
            for row in rows:
                if row["known_proof"] and row["family"] in ("rewritten", "applied"):
                    text = row["formal_statement"].replace("by sorry\n", row["known_proof"])
                    opened = await pool.open("a.lean", text)
                    proved.append([m for m in opened.messages if m.severity == "error"])
            return rows, proved

    rows, proved = asyncio.run(run())
    assert len(rows) == 10
    assert len({row["key"] for row in rows}) == 10
    families = {row["family"].partition("_")[0] for row in rows}
    assert {"identity", "machine"} < families
    assert families & {"rewritten", "applied"}
    assert proved == [[]] * 5
    assert all(row["closed_by"] in (None, *CLOSERS) for row in rows)
