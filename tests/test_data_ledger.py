"""Evaluations in the store: what is written is what is loaded."""

from datetime import UTC, datetime

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.evaluation import (
    AttemptResult,
    Problem,
    ResultClass,
    hash_of,
    outcome_of,
    seed_of,
)
from lakatos.data.records import Attempt, ProofState, StopReason, Theorem
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store

HEADER = "import Mathlib\nopen Nat\n"


def problem(name, **more):
    statement = f"theorem {name} : 1 + 1 = 2 := by sorry\n"
    return Problem(name, "amc", "valid", HEADER, statement, **more)


PROBLEMS = (
    problem("amc_1", informal="One and one.", path="set.jsonl:1"),
    problem("amc_2", is_core=True),
    Problem("row 3", "", "valid", "", "", path="set.jsonl:3", flaw="no statement"),
)


@pytest.fixture
def store(tmp_path):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with Store.open(str(tmp_path / "l.db"), now=lambda: now) as opened:
        yield opened


def begin(store, problems=PROBLEMS, k=2):
    run = store.start_run("lakatos eval", {"policy": "hammer"}, "embedded 4.28", 7)
    terms = EvaluationTerms("toy", hash_of(problems), "abc", k)
    ledger = store.ledger(run)
    ledger.begin(terms, problems)
    return run, ledger


def attempt_id(store, run, name):
    recorder = store.recorder(run)
    theorem = Theorem(name, f"theorem {name}", name, 0, 5, 1, 0, "tactic", ProofState("k"))
    recorder.start_attempt(theorem)
    recorder.finish_attempt(Attempt(theorem, StopReason.DEAD_END))
    return store.attempts(run)[0].id


def summary(id_, number, outcome=ResultClass.DEAD_END, proof=None):
    seed = seed_of(7, "x", number)
    return AttemptResult(id_, number, outcome, 1.5, 3, 9, 40, 2.5 * number, seed, proof, "why")


def test_an_evaluation_is_loaded_as_it_was_written(store):
    run, ledger = begin(store)
    first = summary(attempt_id(store, run, "a"), 1)
    second = summary(attempt_id(store, run, "b"), 2, ResultClass.SOLVED, "rfl")
    ledger.add(0, first)
    ledger.add(0, second)
    ledger.decide(2, ResultClass.NOT_ELABORATED, "no statement")
    loaded = store.load_evaluation(run)
    assert tuple(result.problem for result in loaded.results) == PROBLEMS
    assert loaded.results[0].attempts == (first, second)
    outcomes = [result.outcome for result in loaded.results]
    assert outcomes == [ResultClass.SOLVED, ResultClass.UNTRIED, ResultClass.NOT_ELABORATED]
    assert loaded.results[2].detail == "no statement"
    assert (loaded.k, loaded.seed, loaded.commit, loaded.problem_set) == (2, 7, "abc", "toy")
    assert loaded.problem_hash == hash_of(PROBLEMS)
    assert sum(loaded.classes.values()) == len(PROBLEMS)
    assert not loaded.is_finished
    assert loaded.wall_s == 5.0  # of a killed run: to its last attempt


def test_the_end_tells_the_time_worked(store):
    run, ledger = begin(store)
    ledger.end(12.0)
    store.finish_run(run)
    loaded = store.load_evaluation(run)
    assert loaded.is_finished
    assert loaded.wall_s == 12.0


def test_reopened_problems_are_untried_and_the_others_stay(store):
    run, ledger = begin(store)
    ledger.add(0, summary(attempt_id(store, run, "a"), 1))
    ledger.add(1, summary(attempt_id(store, run, "b"), 1))
    ledger.decide(2, ResultClass.CRASH, "it died")
    ledger.reopen([1, 2])
    results = store.load_evaluation(run).results
    assert [r.outcome for r in results] == [
        ResultClass.DEAD_END,
        ResultClass.UNTRIED,
        ResultClass.UNTRIED,
    ]
    assert len(store.attempts(run)) == 2


def test_evaluations_are_listed_newest_first_with_their_counts(store):
    first, ledger = begin(store)
    ledger.add(1, summary(attempt_id(store, first, "a"), 1, ResultClass.SOLVED, "rfl"))
    ledger.add(1, summary(attempt_id(store, first, "b"), 2, ResultClass.SOLVED, "rfl"))
    store.start_run("lakatos prove", {}, "embedded 4.28", 0)
    second, _ = begin(store, PROBLEMS[:1])
    listed = [(row.run_id, row.theorems, row.solved) for row in store.evaluations()]
    assert listed == [(second, 1, 0), (first, 3, 1)]


def test_another_run_is_no_evaluation(store):
    run = store.start_run("lakatos prove", {}, "embedded 4.28", 0)
    with pytest.raises(UsageError, match=f"run {run} is no evaluation"):
        store.load_evaluation(run)


def test_a_theorem_is_classed_by_what_most_needs_a_look():
    assert outcome_of([ResultClass.DEAD_END, ResultClass.SOLVED]) is ResultClass.SOLVED
    assert outcome_of([ResultClass.DEAD_END, ResultClass.BUDGET]) is ResultClass.BUDGET
    assert outcome_of([ResultClass.CRASH, ResultClass.REFUSED]) is ResultClass.REFUSED
    assert outcome_of([]) is ResultClass.UNTRIED


def test_hash_and_seed_depend_on_what_they_should():
    assert hash_of(PROBLEMS) != hash_of(PROBLEMS[:2])
    assert hash_of(PROBLEMS) == hash_of(tuple(PROBLEMS))
    seeds = {seed_of(run, name, n) for run in (0, 1) for name in "ab" for n in (1, 2)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)
