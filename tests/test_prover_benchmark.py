"""Runs over problem sets: exact accounting, streaming, breaks that change nothing."""

from dataclasses import replace

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.data.evaluation import Problem, ResultClass, seed_of
from lakatos.data.records import ProofState
from lakatos.data.store.store import Store
from lakatos.prover.config import ProverConfig
from lakatos.prover.evaluation.runner import AttemptPlan
from lakatos.prover.policy.base import Query, SeededPolicy

from .toy_problems import PLACES, Session, counted, problem
from .toy_prover import BROKEN, SORRY, Judge

MIXTURE = (
    problem("identity"),
    problem("lem"),
    replace(problem("bad"), header="bad\n"),
    replace(problem("and_comm"), header="unreadable\n"),
    replace(problem("or_comm"), header="deadly\n"),
    Problem("row 6", "other", "", "", "", path="x.jsonl:6", flaw="no JSON"),
    replace(problem("identity_2"), hole=1),
    replace(problem("identity_3"), header="data\n"),
    problem("curry"),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


def test_every_theorem_of_a_broken_mixture_is_in_one_class(path):
    told = Session(path, MIXTURE, judge=Judge(curry=lambda source: SORRY)).run()
    found = {result.problem.name: result.outcome for result in told.results}
    assert found == {
        "identity": ResultClass.SOLVED,
        "lem": ResultClass.DEAD_END,
        "bad": ResultClass.NOT_ELABORATED,
        "and_comm": ResultClass.NOT_ELABORATED,
        "or_comm": ResultClass.CRASH,
        "row 6": ResultClass.NOT_ELABORATED,
        "identity_2": ResultClass.NOT_ELABORATED,
        "identity_3": ResultClass.NOT_ELABORATED,
        "curry": ResultClass.REFUSED,
    }
    assert sum(told.classes.values()) == len(MIXTURE)
    details = [result.detail for result in told.results]
    assert details[2] == "line 1: unknown constant"
    assert details[3:6] == ["cannot open it", "it ended two workers", "no JSON"]
    assert "sorry 2 is meant" in details[6]
    assert "data" in details[7]


def test_what_counts_has_its_proof_graph(path):
    told = Session(path, MIXTURE[:2]).run()
    attempt = told.results[0].attempts[0]
    with Store.open(str(path)) as store:
        stored = store.load_attempt(attempt.attempt_id)
    assert (stored.attempt.is_proved, stored.proof) == (True, attempt.proof)
    assert stored.summary.expansions == attempt.expansions > 0
    assert attempt.seed == seed_of(3, "identity", 1)


def test_few_files_are_open_at_once_and_all_are_closed(path):
    session = Session(path, [problem(f"identity_{n}") for n in range(30)])
    told = session.run()
    assert told.classes[ResultClass.SOLVED] == 30
    assert session.pool.most_files <= PLACES
    assert session.pool.files == 0


def test_a_theorem_is_attempted_until_it_is_solved_or_k_times(path):
    told = Session(path, MIXTURE[:2], attempts=3).run()
    assert [len(result.attempts) for result in told.results] == [1, 3]
    assert len({attempt.seed for attempt in told.results[1].attempts}) == 3


def test_all_attempts_are_made_when_asked(path):
    told = Session(path, MIXTURE[:2], attempts=3, all_attempts=True).run()
    assert [len(result.attempts) for result in told.results] == [3, 3]
    with pytest.raises(UsageError, match="at least 1"):
        AttemptPlan(ProverConfig(), 0)


@pytest.mark.parametrize("moment", [1, 2, 4, 7])
@pytest.mark.parametrize("how", ["stop_after", "kill_after"])
def test_a_break_changes_no_result(tmp_path, how, moment):
    names = ["identity", "lem", "and_comm", "peirce", "or_comm", "curry", "distrib", "loop"]
    problems = [problem(name) for name in names]
    whole = Session(tmp_path / "whole.db", problems, attempts=2).run()
    broken = Session(tmp_path / "broken.db", problems, attempts=2, **{how: moment}).run()
    assert broken.classes[ResultClass.UNTRIED] > 0
    resumed = Session(tmp_path / "broken.db", problems, attempts=2).run(broken.run_id)
    assert counted(resumed) == counted(whole)
    assert resumed.classes[ResultClass.UNTRIED] == 0


def test_a_model_that_fails_under_a_theorem_has_not_tried_it(path):
    session = Session(path, [problem("identity"), problem("lem"), problem("curry")])
    session.pool.fault = ("lem", ModelUnavailable("nobody answers"))
    told = session.run()
    assert [result.outcome for result in told.results] == [
        ResultClass.SOLVED,
        ResultClass.MODEL_FAILED,
        ResultClass.SOLVED,
    ]
    assert told.results[1].attempts[0].detail == "nobody answers"
    assert (told.tried, sum(told.classes.values())) == (2, 3)


def test_a_model_that_fails_too_often_in_a_row_ends_the_run(path):
    problems = [problem(f"lem_{n}") for n in range(9)]
    session = Session(path, [*problems, problem("identity")], max_errors=3)
    session.pool.fault = ("lem", ModelUnavailable("nobody answers"))
    with pytest.raises(ModelUnavailable, match="failed 3 times in a row: nobody answers"):
        session.run()
    with Store.open(str(path)) as store:
        told = store.load_evaluation(1)
    failed = told.classes[ResultClass.MODEL_FAILED]
    assert 3 <= failed < 3 + PLACES  # the others at work may end as well
    assert told.classes[ResultClass.UNTRIED] == 10 - failed
    with pytest.raises(UsageError, match="max_errors must be at least 1"):
        AttemptPlan(ProverConfig(), max_errors=0)


def test_an_ordinary_refusal_is_no_alarm_and_a_strange_one_is(path):
    def strange(source):
        kind = type(BROKEN.reasons[0].kind).KERNEL
        return replace(BROKEN, reasons=(replace(BROKEN.reasons[0], kind=kind),))

    judge = Judge(identity=strange, curry=lambda source: SORRY)
    told = Session(path, [problem("identity"), problem("curry")], judge=judge).run()
    assert [r.outcome for r in told.results] == [ResultClass.REFUSED, ResultClass.REFUSED]
    assert [r.attempts[0].is_alarm for r in told.results] == [True, False]


def test_draws_belong_to_the_attempt():
    class Listener:
        name = "listener"

        def __init__(self):
            self.asked = []

        async def propose(self, queries):
            self.asked += queries
            return []

    def asked(seed, query):
        listener = Listener()
        coroutine = SeededPolicy(listener, seed, 16).propose([query])
        with pytest.raises(StopIteration):
            coroutine.send(None)
        return listener.asked[0]

    theorem = None
    plain = Query(theorem, ProofState("k"))
    assert asked(1, plain) == asked(1, plain)
    assert asked(1, plain).again != asked(2, plain).again
    sample = Query(theorem, ProofState("k"), sample=5)
    assert asked(1, sample).again == 0
    assert asked(1, sample).sample % 16 == 5
    assert asked(1, sample).sample != asked(2, sample).sample
