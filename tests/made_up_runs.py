"""Evaluations made of words, for tests of what is said about them."""

from dataclasses import replace
from datetime import UTC, datetime

from lakatos.data.evaluation import (
    AttemptResult,
    Evaluation,
    Problem,
    ProblemResult,
    ResultClass,
    hash_of,
)
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    Origin,
    ProofState,
    Rejected,
    Step,
    StopReason,
    Theorem,
)
from lakatos.data.store.evaluations import EvaluationTerms

WORDS = {
    "+": ResultClass.SOLVED,
    "-": ResultClass.BUDGET,
    "d": ResultClass.DEAD_END,
    "c": ResultClass.CRASH,
    "m": ResultClass.MODEL_FAILED,
    "r": ResultClass.REFUSED,
    "n": ResultClass.NOT_ELABORATED,
    "u": ResultClass.UNTRIED,
}
BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def problem(name, source="amc", statement=None):
    return Problem(
        name,
        source,
        "valid",
        "import Mathlib\n\n",
        statement or f"theorem {name} : {name} < 2 := by\n  sorry\n",
        informal=f"Show that {name} < 2.",
        path="problems.jsonl",
    )


def attempt(id, number, sign, **changes):
    outcome = WORDS[sign]
    facts = {
        "attempt_id": id,
        "number": number,
        "outcome": outcome,
        "wall_s": 1.0 * number,
        "expansions": 10 * number,
        "steps": 100 * number,
        "tokens": 0,
        "ended_s": float(id),
        "seed": number - 1,
        "proof": "by\n  norm_num" if sign in "+r" else None,
        "detail": "kernel: no" if sign == "r" else "",
    }
    return AttemptResult(**facts | changes)


def result(name, signs, id=1, source="amc", **changes):
    """A problem and its attempts, a sign each; `n` and `u` stand alone, without an attempt."""
    tried = [] if signs in ("n", "u") else list(signs)
    attempts = tuple(attempt(id + i, i + 1, sign, **changes) for i, sign in enumerate(tried))
    outcome = ResultClass.SOLVED if "+" in signs else WORDS[signs[-1]]
    detail = "unknown identifier 'ℕ'" if signs == "n" else ""
    return ProblemResult(problem(name, source), outcome, attempts, detail)


def run(*results, k=1, **changes):
    facts = {
        "run_id": 1,
        "command": "eval problems.jsonl",
        "config": {"policy": "hammer", "prover": {"wall_s": 60.0, "search": {"name": "htps"}}},
        "toolchain": "embedded 4.28.0",
        "commit": "0123456789abcdef",
        "problem_set": "problems.jsonl",
        "problem_hash": "fedcba9876543210",
        "seed": 0,
        "k": k,
        "started_at": BEGUN,
        "wall_s": 100.0,
        "is_finished": True,
        "results": results,
    }
    return Evaluation(**facts | changes)


def runs_of(words, k=1, **changes):
    """A run of the problems p0, p1..., one for each word of signs."""
    return run(*(result(f"p{i}", w, 10 * i + 1) for i, w in enumerate(words)), k=k, **changes)


def theorem(problem, id=0):
    """The theorem of a problem, told apart by a number in its text."""
    source = f"-- {id}\n{problem.lean}"
    start = source.encode().index(b"sorry")
    root = ProofState(f"{problem.name}{id}", (Goal(f"{problem.name} < 2"),), root=problem.name)
    place = (start, start + 5, 3, 2, "tactic")
    return Theorem(problem.name, source, problem.path, *place, root, problem.name)


def expansions(root, solved, dead=1):
    """A split and what closes one or both of its states, after a path that leads nowhere."""
    one, two, lost = (
        ProofState(f"{root.key}{n}", (Goal(f"{n} < 2"),), Origin(root, tactic, index), 0, root.root)
        for n, tactic, index in [(0, "constructor", 0), (1, "constructor", 1), (2, "exfalso", 0)]
    )
    no = Rejected("linarith failed to find a contradiction")
    split = Step("constructor", 0.5, Advanced((one, two)), 1.5)
    astray = Step("exfalso", 0.25, Advanced((lost,)), 1.0)
    yield Expansion(root, (astray, split, Step("linarith", 0.25, no, 2.0)), 0.5)
    for _ in range(dead):
        yield Expansion(lost, (Step("omega", 0.5, no, 2.0),), 0.5)
    for state in (one, two) if solved else (one,):
        yield Expansion(state, (Step("norm_num", 0.5, Advanced(()), 1.0),), 0.9)


def keep(store, results, k=1, dead=1):
    """An evaluation in a store, with the proof graphs of its attempts; the run's number."""
    number = store.start_run("eval problems.jsonl", run().config, "embedded 4.28.0", 0)
    problems = [result.problem for result in results]
    ledger = store.ledger(number)
    ledger.begin(
        EvaluationTerms("problems.jsonl", hash_of(problems), "0123456789abcdef", k), problems
    )
    recorder = store.recorder(number)
    id = max((a.id for a in store.attempts(limit=1)), default=0)
    for place, each in enumerate(results):
        if not each.attempts and each.outcome is not ResultClass.UNTRIED:
            ledger.decide(place, each.outcome, each.detail)
        for tried in each.attempts:
            id += 1
            stated = theorem(each.problem, id)
            recorder.start_attempt(stated)
            solved = tried.outcome is ResultClass.SOLVED
            told = list(expansions(stated.state, solved, dead))
            recorder.expansions(stated, told)
            stop = StopReason.PROVED if solved else StopReason.WALL_TIME
            verdict = Accepted(("propext",)) if solved else None
            steps = sum(len(e.steps) for e in told)
            spent = len(told), steps, tried.wall_s
            recorder.finish_attempt(Attempt(stated, stop, tried.proof, verdict, *spent))
            ledger.add(place, replace(tried, attempt_id=id))
    ledger.end(100.0)
    store.finish_run(number)
    return number
