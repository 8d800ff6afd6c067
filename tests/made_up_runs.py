"""Evaluations made of words, for tests of what is said about them."""

from datetime import UTC, datetime

from lakatos.data.evaluation import AttemptSummary, Evaluation, Outcome, Problem, Result

WORDS = {
    "+": Outcome.SOLVED,
    "-": Outcome.BUDGET,
    "d": Outcome.DEAD_END,
    "c": Outcome.CRASH,
    "r": Outcome.REFUSED,
    "n": Outcome.NOT_ELABORATED,
    "u": Outcome.UNTRIED,
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
    return AttemptSummary(**facts | changes)


def result(name, signs, id=1, source="amc", **changes):
    """A problem and its attempts, a sign each; `n` and `u` stand alone, without an attempt."""
    tried = [] if signs in ("n", "u") else list(signs)
    attempts = tuple(attempt(id + i, i + 1, sign, **changes) for i, sign in enumerate(tried))
    outcome = Outcome.SOLVED if "+" in signs else WORDS[signs[-1]]
    detail = "unknown identifier 'ℕ'" if signs == "n" else ""
    return Result(problem(name, source), outcome, attempts, detail)


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
