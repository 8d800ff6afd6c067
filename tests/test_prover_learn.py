"""`lakatos learn`: rounds, near duplicates, what is held out, and kills at any moment."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.evaluation import (
    AttemptResult,
    Evaluation,
    Problem,
    ProblemResult,
    ResultClass,
    hash_of,
    seed_of,
)
from lakatos.data.problems.near_duplicates import near_duplicates
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Rejected,
    Step,
    StopReason,
)
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store
from lakatos.prover.commands.evaluation_config import RunRecord
from lakatos.prover.commands.learn import LearnCommand, Learning
from lakatos.prover.commands.learn_model import ModelRounds
from lakatos.prover.config import ModelConfig, ProverConfig
from lakatos.prover.evaluation.runner import missing
from lakatos.prover.learning.files import read_memory
from lakatos.prover.session import RunConfig
from lakatos.prover.training.rounds import chosen, rates, round_result
from lakatos.prover.training.trainer import TrainingResult

from .test_prover_learning import LENGTH, theorem_at


def problem(name, text=None, split="train"):
    statement = f"theorem {name} {text or f'(n : Nat) : {name} n = n'} := by sorry"
    return Problem(name, "own", split, "", statement)


TRAIN = tuple(problem(f"t{n}") for n in range(6))
HELD = tuple(problem(f"h{n}", split="test") for n in range(3))


@pytest.mark.parametrize(
    ("text", "is_like"),
    [
        ("(a b : Nat) (h : a ≤ b) : a * a + 0 ≤ b * b + 0", True),
        ("(x y : Nat)\n    (hxy : x ≤ y) :\n  x * x + 0 ≤ y * y + 0", True),
        ("(x y : Nat) (h : x < y) : x + x + 0 < y + y + 1", False),
    ],
)
def test_other_names_and_white_space_make_no_other_problem(text, is_like):
    held = problem("held", "(a b : Nat) (h : a ≤ b) : a * a + 0 ≤ b * b + 0")
    found = near_duplicates([problem("mine", text)], [problem("p", ": 1 = 1"), held])
    assert [(each.like, round(each.share, 1)) for each in found] == [("held", 1.0)] * is_like


class Killed(BaseException):
    """The process is gone at once."""


class Lean428:
    """Stands for the toolchain."""

    name, lean = "embedded", "4.28.0"


class StandInEvaluation:
    """Stores what an evaluation would: a problem is proved where its draw is below its skill.

    deaths: after so many attempts, counted over all runs, the process dies; each once.
    """

    def __init__(self, deaths=()):
        self.deaths = set(deaths)
        self.attempts = 0

    async def __call__(self, evaluation, record, key, cache):
        store, earlier = record.store, evaluation.earlier
        if earlier is None:
            config, seed = evaluation.as_json, evaluation.config.prover.seed
            run = store.start_run(record.command, config, "embedded 4.28.0", seed)
            terms = EvaluationTerms(evaluation.name, hash_of(evaluation.problems), "", 1)
            store.ledger(run).begin(terms, evaluation.problems)
            earlier = store.load_evaluation(run)
        recorder, ledger = store.recorder(earlier.run_id), store.ledger(earlier.run_id)
        for number, result in enumerate(earlier.results):
            for attempt in missing(result.attempts, evaluation.plan):
                made = self._try(evaluation, result.problem, attempt, recorder)
                if self.attempts in self.deaths:
                    self.deaths.remove(self.attempts)
                    store.flush()
                    raise Killed
                ledger.add(number, made)
                store.flush()
        ledger.end(1.0)
        store.finish_run(earlier.run_id)
        return 1

    def _try(self, evaluation, problem, number, recorder):
        self.attempts += 1
        seed = seed_of(evaluation.config.prover.seed, problem.name, number)
        learned = evaluation.config.model.priors not in (None, "random")
        is_proved = seed % 100 < (70 if learned else 40)
        root = theorem_at(f"key {problem.name}", LENGTH)
        root = replace(root, declaration=problem.name, path=problem.name)
        steps = [Step("omega", 0.5, Rejected("no"), 1.0)]
        steps += [Step("cases xs", 0.5, Advanced(()), 1.0)] * is_proved
        recorder.start_attempt(root)
        own = recorder.attempt_id(root)
        recorder.expansions(root, [Expansion(root.state, tuple(steps), 0.5)])
        stop = StopReason.PROVED if is_proved else StopReason.STEPS
        proof, verdict = ("cases xs", Accepted(())) if is_proved else (None, None)
        recorder.finish_attempt(Attempt(root, stop, proof, verdict, 1, len(steps)))
        outcome = ResultClass.SOLVED if is_proved else ResultClass.BUDGET
        numbers = {"wall_s": 0.0, "expansions": 1, "steps": len(steps), "tokens": 0, "ended_s": 0.0}
        return AttemptResult(own, number, outcome, seed=seed, proof=proof, **numbers)


def learning(out, **changes):
    given = {"config": RunConfig(policy="hammer+knn", prover=ProverConfig()), "rounds": 2}
    given |= {"train": TRAIN, "held_out": HELD, "attempts": 2} | changes
    return Learning(name="own", toolchain=Lean428(), out=out, lean_words={}, **given)


def learn(out, place, evaluate, **changes):
    """One session of `lakatos learn`; its exit code, None when it was killed."""
    store = Store.open(str(place))
    record = RunRecord(store, "learn")
    try:
        return asyncio.run(LearnCommand(learning(out, **changes), record, None, evaluate)())
    except Killed:
        return None
    finally:
        store.close()


def told(out, place):
    """All that must not depend on kills."""
    record = json.loads((out / "learn.json").read_text())
    places = sorted(out.glob("round-*/*"))
    files = {str(each.relative_to(out)): each.read_bytes() for each in places}
    with Store.open(str(place), read_only=True) as store:
        runs = [store.load_evaluation(row.run_id) for row in reversed(store.evaluations())]
    attempts = [
        (
            run.problem_set,
            r.problem.name,
            r.outcome,
            [(a.number, a.seed, a.proof) for a in r.attempts],
        )
        for run in runs
        for r in run.results
    ]
    return record["rounds"], files, attempts


def test_rounds_end_alike_wherever_they_are_killed(tmp_path):
    whole = StandInEvaluation()
    assert learn(tmp_path / "whole", tmp_path / "whole.db", whole) == 0
    expected = told(tmp_path / "whole", tmp_path / "whole.db")
    assert [each["number"] for each in expected[0]] == [0, 1, 2]
    names = ("memory.json", "priors.json")
    assert list(expected[1]) == [f"round-{n}/{name}" for n in (1, 2) for name in names]
    assert (tmp_path / "whole" / "learn.html").read_text().count("<svg") == 1
    for first in range(1, whole.attempts, 9):
        out, place = tmp_path / f"out{first}", tmp_path / f"{first}.db"
        killed = StandInEvaluation({first, first + 5, first + 11})
        sessions = 1
        while learn(out, place, killed) is None:
            sessions += 1
        assert sessions > 1
        assert told(out, place) == expected


class StandInTraining:
    """Trains nothing, and keeps on what it was to train."""

    def __init__(self):
        self.data = []

    def __call__(self, config, data):
        self.data.append((config.base, data))
        return TrainingResult(1, 1, 0.0, (), None)


def test_the_model_of_the_policy_is_trained_in_each_round(tmp_path):
    place, out, train = tmp_path / "a.db", tmp_path / "out", StandInTraining()
    changes = {
        "config": RunConfig(policy="hammer+0.5*hf:base", model=ModelConfig(prompt="llmstep")),
        "model": ModelRounds("base", 5.0, train),
    }
    assert learn(out, place, StandInEvaluation(), **changes) == 0
    with Store.open(str(place), read_only=True) as store:
        runs = [store.load_evaluation(row.run_id) for row in reversed(store.evaluations())]
    asked = [(run.problem_set, run.config["policy"], run.config["model"]["prompt"]) for run in runs]
    models = [f"hammer+0.5*hf:{out / f'round-{n}' / 'model'}" for n in (1, 2)]
    assert asked[:2] == [
        ("own, round 0, held out", "hammer+0.5*hf:base", "llmstep"),
        ("own, round 1, train", "hammer+0.5*hf:base", "llmstep"),
    ]
    later = {name: (policy, prompt) for name, policy, prompt in asked[2:]}
    assert later["own, round 1, held out"] == (models[0], None)
    assert later["own, round 2, train"] == (models[0], None)
    assert later["own, round 2, held out"] == (models[1], None)
    first, second = (set(data.train) for _, data in train.data)
    assert {each.tactic for each in first} == {"cases xs"}
    assert first <= second
    assert {base for base, _ in train.data} == {"base"}
    assert learn(out, place, StandInEvaluation(), **changes) == 0
    assert len(train.data) == 2


def test_a_model_that_stays_as_it_is_is_named(tmp_path, capsys):
    config = RunConfig(policy="hammer+hf:base")
    learn(tmp_path / "out", tmp_path / "a.db", StandInEvaluation(), config=config, rounds=1)
    assert "hf:base is not trained in the rounds, only asked" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"and an hf: model with --train-model"):
        learning(tmp_path / "o", config=RunConfig(policy="hf:base"))
    with pytest.raises(UsageError, match=r"--train-model trains one hf: model; the policy is knn"):
        ModelRounds.of("knn", 5.0)


def test_nothing_held_out_is_learned_from(tmp_path):
    repeated = problem("again", "(m : Nat) : h1 m = m")
    place, out = tmp_path / "a.db", tmp_path / "out"
    assert learn(out, place, StandInEvaluation(), train=(*TRAIN, repeated), rounds=1) == 0
    record = json.loads((out / "learn.json").read_text())
    assert record["left_out"] == [["again", "h1", 1.0]]
    assert "again" in (out / "learn.html").read_text()
    theorems = {each.theorem for each in read_memory(out / "round-1" / "memory.json")}
    assert theorems <= {f"key {each.name}" for each in TRAIN}
    with Store.open(str(place), read_only=True) as store:
        assert not store.attempts(theorem="again")


def test_what_met_a_held_out_state_is_left_out(tmp_path, capsys):
    class Meets(StandInEvaluation):
        """Its t0 and t1 lead to the state of h0."""

        def _try(self, evaluation, problem, number, recorder):
            names = {"t0": "h0", "t1": "h0"}
            alike = replace(problem, name=names.get(problem.name, problem.name))
            return super()._try(evaluation, alike, number, recorder)

    assert learn(tmp_path / "out", tmp_path / "a.db", Meets(), rounds=1) == 0
    assert "4 attempts left out: it met a problem that is held out" in capsys.readouterr().err
    memory = read_memory(tmp_path / "out" / "round-1" / "memory.json")
    assert "key h0" not in {each.theorem for each in memory}


def result(name, *proved):
    outcomes = [ResultClass.SOLVED if each else ResultClass.BUDGET for each in proved]
    tries = tuple(
        AttemptResult(0, n, outcome, 0.0, 1, 2, 0, 0.0, 0, "rfl")
        for n, outcome in enumerate(outcomes, 1)
    )
    best = ResultClass.SOLVED if any(proved) else ResultClass.BUDGET
    return ProblemResult(problem(name), best, tries)


def evaluation(number, *results):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Evaluation(number, "", {}, "", "", "own", "", 0, 1, at, 0.0, True, results)


def test_problems_of_middle_difficulty_get_more_attempts():
    run = evaluation(1, result("always", 1, 1), result("never", 0, 0), result("sometimes", 0, 1))
    assert rates([run, run])["sometimes"].proved == 2
    problems = [problem(name) for name in ("always", "never", "sometimes", "new")]
    usual, middle = chosen(problems, [run])
    assert [each.name for each in usual] == ["never", "new"]
    assert [each.name for each in middle] == ["sometimes"]


def test_what_is_new_and_what_is_forgotten():
    held = [
        evaluation(1, result("a", 1), result("b", 0)),
        evaluation(2, result("a", 0), result("b", 1)),
    ]
    found = round_result(1, [evaluation(3, result("t", 0, 1))], [], held)
    assert (found.new, found.forgotten, found.solved) == (("b",), ("a",), ("b",))
    assert (found.trained, found.steps, found.lines) == (1, 2, 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"attempts": 0}, "attempts must be at least 1"),
        ({"config": RunConfig(policy="scripted:x")}, "learns nothing here; hammer and knn do"),
        ({"train": HELD}, "every problem repeats one that is held out"),
    ],
)
def test_senseless_rounds_are_told(tmp_path, changes, says):
    with pytest.raises(UsageError, match=says):
        learn(tmp_path / "out", tmp_path / "a.db", StandInEvaluation(), **changes)


def test_a_folder_of_another_learning_is_left_alone(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        learn(tmp_path / "full", tmp_path / "a.db", StandInEvaluation())
    assert learn(tmp_path / "out", tmp_path / "a.db", StandInEvaluation(), rounds=1) == 0
    with pytest.raises(UsageError, match=r"another learning \(attempts differ\)"):
        learn(tmp_path / "out", tmp_path / "a.db", StandInEvaluation(), attempts=3)
    again = StandInEvaluation()
    assert learn(tmp_path / "out", tmp_path / "a.db", again, rounds=1) == 0
    assert again.attempts == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--data", "away", "--out", "o"), "away"),
        (
            ("--data", "p.jsonl", "--out", "o", "--held-out", "poems"),
            "no problem of the split poems",
        ),
        (("--data", "p.jsonl", "--out", "o", "--policy", "poet"), "no policy 'poet'"),
        (("--data", "p.jsonl", "--out", "p.jsonl"), "p.jsonl is not empty"),
    ],
)
def test_wrong_words_are_told_in_one_line(run, tmp_path, words, says):
    rows = [
        {"name": p.name, "split": p.split, "formal_statement": p.statement} for p in TRAIN + HELD
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, _, err = run("learn", "own", *words)
    assert code == 2
    assert says in err[-1]
