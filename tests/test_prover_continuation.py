"""Which run goes on: flags and configurations agree, differences are named, defaults are known."""

from dataclasses import asdict, replace

import pytest
import typer
from lakatos.data.errors import UsageError
from lakatos.data.evaluation import hash_of
from lakatos.data.store.evaluations import EvaluationTerms
from lakatos.data.store.store import Store
from lakatos.prover.commands.app import app
from lakatos.prover.commands.continuation import WantedRun, run_to_retry, same_run
from lakatos.prover.commands.evaluation_options import ProblemOptions
from lakatos.prover.commands.evaluation_terms import (
    FREE,
    PATHS,
    StoredOptions,
    changed,
    differences,
    flat,
    listed,
)
from lakatos.prover.commands.proving_options import (
    BudgetOptions,
    PolicyOptions,
    SearchOptions,
)
from lakatos.prover.session import RunConfig

from .toy_problems import problem

EVAL = vars(typer.main.get_command(app))["commands"]["eval"]
NO_FLAGS = {"prover.batch", "prover.in_flight", "prover.first_round", "prover.growth"}
NO_FLAGS |= {"prover.retries"}
ELSEWHERE = {"data", "resume", "run", "retry", "cluster", "quiet", "as_json", "concurrency"}
ELSEWHERE |= {"workers", "db", "problem_set", "check", "max_errors"}


def test_every_flag_has_its_place_and_every_place_its_flag():
    flags = {parameter.name: parameter.opts[0] for parameter in EVAL.params}
    values = {flag for name, flag in flags.items() if name not in ELSEWHERE}
    assert values == set(PATHS)
    places = {place for place, _ in flat(asdict(RunConfig()))}
    chosen = {place for place in PATHS.values() if not place.startswith("evaluation.")}
    assert places - NO_FLAGS - set(FREE) == chosen


def config(**changes):
    chosen = {"split": None, "names": [], "part": "4", "header_file": "h.lean", "core": True}
    values = RunConfig(policy="openai:m@http://localhost:1")
    model = replace(values.model, samples=3, options={"top_p": "0.9"})
    return asdict(replace(values, model=model)) | {"evaluation": chosen} | changes


def test_options_are_those_of_the_run_where_none_are_given():
    left_out = {"seconds": "--time", "policy": "--policy", "model_option": "--model-option"}
    left_out |= {"part": "--slice", "header": "--header"}
    assert StoredOptions(config(), left_out).fill(BudgetOptions(seconds=9.0)).seconds == 60.0
    assert StoredOptions(config(), {}).fill(BudgetOptions(seconds=9.0)).seconds == 9.0
    thinking = StoredOptions(config(), left_out).fill(PolicyOptions(samples=5))
    assert (thinking.policy, thinking.samples) == ("openai:m@http://localhost:1", 5)
    assert thinking.model_option == ["top_p=0.9"]
    problems = StoredOptions(config(), left_out).fill(ProblemOptions())
    assert (problems.part, problems.core, problems.header.name) == ("4", False, "h.lean")


def test_a_new_policy_brings_its_own_search():
    values = {"search": "--search"}
    assert (
        StoredOptions(config(), values | {"policy": "--policy"}).fill(SearchOptions()).search
        == "htps"
    )
    assert StoredOptions(config(), values).fill(SearchOptions()).search is None


def test_differences_are_flags_with_both_values():
    other = config(allow_axioms=["Quot.out"], prover=asdict(RunConfig().prover) | {"wall_s": 1.5})
    other["evaluation"] = {"split": "test", "names": ["a*", "b"], "data": "/elsewhere"}
    assert differences(config(), other) == [
        "--allow-axiom not given, now Quot.out",
        "--time 60, now 1.5",
        "--split not given, now test",
        "--name not given, now a* b",
        "--slice 4, now not given",
        "--header h.lean, now not given",
        "--core given, now not given",
    ]
    assert differences(config(), config(workers=7, retries=[])) == []


def test_changed_problems_are_named():
    old, new = [problem("a"), problem("b")], [problem("a", header="x\n"), problem("c")]
    assert changed(old, new, is_part=False) == ["a reads otherwise", "b is gone", "c is new"]
    assert changed(old, new, is_part=True) == ["a reads otherwise", "b is gone"]
    assert listed(["1", "2", "3", "4"]) == "1, 2, 3 and 1 more"


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "store.db")) as opened:
        yield opened


PROBLEMS = [problem("identity"), problem("lem")]


def begin(store, values, problems=PROBLEMS, finished=False):
    number = store.start_run("eval", values, "toy 1", 0)
    store.ledger(number).begin(EvaluationTerms("toy", hash_of(problems), "", 1), problems)
    if finished:
        store.finish_run(number)
    return number


def wanted(values, name="toy", problems=PROBLEMS, toolchain="toy 1"):
    return WantedRun(name, problems, toolchain, values)


def test_the_newest_run_that_is_alike_goes_on(store):
    begin(store, config())
    last = begin(store, config())
    begin(store, config(policy="hammer"))
    assert same_run(store, wanted(config(workers=3))).run_id == last


def test_what_an_older_run_does_not_say_has_its_default(store):
    values = config()
    del values["prover"]["refute"], values["allow_axioms"]
    number = begin(store, values)
    assert same_run(store, wanted(config())).run_id == number


def test_the_nearest_run_that_is_not_finished_is_named(store):
    begin(store, config(policy="hammer"))
    begin(store, config(workers=1), finished=True)
    with pytest.raises(UsageError, match=r"^run 1 \(0 of 2 done\) differs: --policy hammer, now"):
        same_run(store, wanted(config(drafts=asdict(RunConfig().drafts) | {"turns": 7})))
    with pytest.raises(UsageError, match=r"differs: NAME toy, now other, --policy .*, Lean toy 1,"):
        same_run(store, wanted(config(), "other", toolchain="toy 2"))


def test_a_finished_run_is_not_offered(store):
    begin(store, config(), finished=True)
    with pytest.raises(UsageError) as refused:
        same_run(store, wanted(config(policy="hammer")))
    assert "Go on with it" not in str(refused.value)
    assert str(refused.value).endswith("Begin a new one: leave --resume out.")


def test_other_problems_are_no_reason_to_begin_in_silence(store):
    begin(store, config())
    with pytest.raises(UsageError, match="differs: lem is gone, curry is new"):
        same_run(store, wanted(config(), problems=[PROBLEMS[0], problem("curry")]))


def test_a_run_is_retried_whatever_its_options(store):
    number = begin(store, config())
    assert run_to_retry(store, wanted(config(policy="hammer"))).run_id == number
    with pytest.raises(UsageError, match="no run of these problems to retry"):
        run_to_retry(store, wanted(config(), problems=PROBLEMS[:1]))
