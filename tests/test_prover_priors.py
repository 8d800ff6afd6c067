"""Learned priors: kinds of tactics, what a state looks like, counts, their fit, `train priors`."""

import asyncio
import json
import random

import pytest
from lakatos.data.dataset import from_store
from lakatos.data.errors import UsageError
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    ProofState,
    Rejected,
    Rejection,
    Step,
    StopReason,
)
from lakatos.data.store.store import Store
from lakatos.prover.agent.budget import Budget
from lakatos.prover.agent.ladder import Ladder, is_unsent
from lakatos.prover.config import ModelConfig, ProverConfig
from lakatos.prover.learning.calibration import fitted
from lakatos.prover.learning.files import read_memory, read_priors, write_memory, write_priors
from lakatos.prover.learning.ordering import LearnedPriors, RandomPriors
from lakatos.prover.learning.outcomes import TacticOutcomes, goal_of, read_dataset, read_store
from lakatos.prover.learning.priors import PriorTable, StateWords, TacticOutcome, levels
from lakatos.prover.learning.state_shape import head_of, shape_of
from lakatos.prover.learning.tactic_kinds import family_of, kind_of, names_of
from lakatos.prover.policy.base import PolicyOutput, Proposal, Query, distribution
from lakatos.prover.policy.mixture import Mixture
from lakatos.prover.policy_setup import open_policy
from lakatos.prover.training.priors import reliability, train_priors

from .test_prover_learning import LENGTH, LENGTH_AGAIN, SUM, goal, proposals, theorem_at


@pytest.mark.parametrize(
    ("tactic", "kind", "family"),
    [
        ("cases xs <;> simp_all", "cases _ <;> simp_all", "cases <;> simp_all"),
        ("simp [h, xs]", "simp [_]", "simp"),
        ("exact ⟨17, by omega⟩", "exact ⟨#, by omega⟩", "exact"),
        ("have hp := @Nat.lt_two_pow_self 3", "have _ := @Nat.lt_two_pow_self #", "have"),
        ("rw [List.length]", "rw [List.length]", "rw"),
    ],
)
def test_tactics_that_differ_in_names_and_numbers_are_of_one_kind(tactic, kind, family):
    assert kind_of(tactic, names_of(LENGTH)) == kind
    assert family_of(kind) == family


@pytest.mark.parametrize(
    ("text", "head", "shape"),
    [
        ("xs : List Nat\nh : xs = []\n⊢ xs ++ xs = xs", "=", "List;=;root"),
        ("⊢ ∀ n, n = n", "∀", ";;root"),
        ("p q : Prop\nh : p ∧ q\n⊢ q → p", "→", "Prop;∧;root"),
        ("n : Nat\n⊢ Even n", "Even", "Nat;;root"),
    ],
)
def test_a_state_looks_like_others(text, head, shape):
    assert head_of(goal(text)) == head
    assert shape_of(goal(text), is_root=True) == shape
    assert shape_of(goal(text), is_root=False) == shape.replace("root", "below")


def tried(theorem, tactic, outcome, at=LENGTH):
    on, closes = outcome in ("open", "closed", "proof"), outcome == "closed"
    return TacticOutcome(theorem, at, True, tactic, on, closes, outcome == "proof")


def many(seed=0, theorems=120):
    """What was tried: simp_all closes half of the states of lists, omega those of sums, ..."""
    draw = random.Random(seed)
    for number in range(theorems):
        for at, right in ((LENGTH, "simp_all"), (SUM, "omega")):
            for tactic in ("simp_all", "omega", "cases xs", "decide"):
                if tactic == "cases xs":
                    outcome = "open" if at is LENGTH else "rejected"
                else:
                    outcome = "closed" if tactic == right and draw.random() < 0.5 else "rejected"
                yield tried(f"t{number}", tactic, outcome, at)


def test_counts_are_smoothed_from_the_coarse_to_the_fine():
    table = PriorTable()
    for each in many():
        table.add(each, levels(each.tactic, StateWords.of(each.goal, each.is_root)))

    def chances(tactic, at):
        return table.chances(levels(tactic, StateWords.of(at, is_root=True)))

    assert chances("simp_all", LENGTH).proves == pytest.approx(0.5, abs=0.1)
    assert chances("omega", SUM).proves > 20 * chances("omega", LENGTH).proves
    assert chances("cases us", LENGTH_AGAIN).leads_on > 0.8
    assert chances("cases us", LENGTH_AGAIN).proves < 0.1
    unseen = chances("grind", LENGTH)
    assert chances("decide", LENGTH).proves < unseen.proves < chances("simp_all", LENGTH).proves


def test_what_is_learned_says_how_good_it_is():
    table, report = train_priors(TacticOutcomes(list(many()), {"4.28.0"}))
    assert (report.theorems, report.tactics, report.lean) == (120, 960, "4.28.0")
    for learned, bare in (report.loss_leads_on, report.loss_proves):
        assert learned < 0.7 * bare
    for each in report.proves:
        assert each.observed == pytest.approx(each.predicted, abs=0.08)
    assert table.wait_below > 0
    assert report.kept > 0.85
    assert 0.5 < report.waiting < 0.8


def test_chances_that_are_too_sure_are_put_right():
    draw = random.Random(1)
    made = [(p, draw.random() < 0.3 + 0.4 * p) for p in (0.01, 0.99) for _ in range(500)]
    line = fitted(made)
    assert line(0.01) == pytest.approx(0.304, abs=0.06)
    assert line(0.99) == pytest.approx(0.696, abs=0.06)
    assert fitted([(0.5, False)] * 20)(0.5) < 0.1
    (one,) = reliability([(1.0, True), (0.9, True)])
    assert (one.observed, one.count) == (1.0, 2)


def test_nothing_tried_nothing_proved_and_several_leans_are_told():
    with pytest.raises(UsageError, match="no tactic was tried"):
        train_priors(TacticOutcomes())
    with pytest.raises(UsageError, match="proved anything"):
        train_priors(TacticOutcomes([tried("t", "simp", "open")]))
    with pytest.raises(UsageError, match=r"of Lean 4.27.0 and 4.28.0: choose runs"):
        train_priors(TacticOutcomes([tried("t", "simp", "closed")], {"4.27.0", "4.28.0"}))


def test_a_file_keeps_the_table_and_a_policy_follows_it(tmp_path):
    table, _ = train_priors(TacticOutcomes(list(many()), {"4.28.0"}))
    write_priors(tmp_path / "p", table)
    again = read_priors(tmp_path / "p")
    write_priors(tmp_path / "q", again)
    assert (tmp_path / "p").read_bytes() == (tmp_path / "q").read_bytes()
    policy = LearnedPriors(FixedTactics("decide", "omega", "simp_all"), again)
    assert proposals(policy, SUM)[0] == "omega"
    assert proposals(policy, LENGTH)[0] == "simp_all"
    (answer,) = run_policy(policy, SUM)
    assert [each.waits for each in answer.proposals] == [False, True, True]


class FixedTactics:
    """Proposes the same everywhere."""

    name = "fixed"

    def __init__(self, *tactics, waits=False):
        self._tactics = tactics
        self._waits = waits

    async def propose(self, queries):
        found = tuple(Proposal(t, 0.5 / (n + 1), self._waits) for n, t in enumerate(self._tactics))
        return [PolicyOutput(found) for _ in queries]


def run_policy(policy, at):
    theorem = theorem_at("new", at)
    return asyncio.run(policy.propose([Query(theorem, theorem.state)]))


def test_of_tactics_as_good_the_cheaper_comes_first():
    rows = [
        TacticOutcome(f"t{n}", SUM, True, tactic, n % 2 == 0, n % 2 == 0, False, ms)
        for n in range(40)
        for tactic, ms in (("grind", 200.0), ("omega", 2.0))
    ]
    dear = TacticOutcome("t0", SUM, True, "omega", False, False, False, 900.0, is_told=False)
    table, report = train_priors(TacticOutcomes(rows, {"4.28.0"}))
    (answer,) = run_policy(LearnedPriors(FixedTactics("grind", "omega"), table), SUM)
    first, second = answer.proposals
    assert (first.tactic, second.tactic) == ("omega", "grind")
    assert first.prior < second.prior  # which is first in the policy's own order
    assert first.cost < 1 < second.cost
    assert 10 * first.cost < second.cost
    # costs are relative: in a mixture they do not put another policy's tactics first
    learned = LearnedPriors(FixedTactics("grind", "omega"), table)
    mixed = run_policy(Mixture([(learned, 0.9), (FixedTactics("other"), 0.1)]), SUM)[0].proposals
    assert mixed[0].tactic == "omega"
    assert [each.tactic for each in distribution(answer.proposals)] == ["omega", "grind"]
    # what ran out of a limit says what it cost, and nothing of its chance
    again, same = train_priors(TacticOutcomes([*rows, *[dear] * 20], {"4.28.0"}))
    assert same.tactics == report.tactics
    found = run_policy(LearnedPriors(FixedTactics("grind", "omega"), again), SUM)[0].proposals
    assert {each.tactic: each.prior for each in found} == {
        each.tactic: each.prior for each in answer.proposals
    }
    assert found[0].tactic == "grind"


def test_chance_orders_depend_on_state_and_seed_alone():
    names = [f"t{n}" for n in range(9)]
    one = proposals(RandomPriors(FixedTactics(*names), 0), SUM)
    assert one == proposals(RandomPriors(FixedTactics(*names), 0), SUM)
    assert sorted(one) == names != one
    assert one != proposals(RandomPriors(FixedTactics(*names), 1), SUM)


def test_a_tactic_of_a_kind_seldom_tried_keeps_its_policys_prior():
    table, _ = train_priors(TacticOutcomes(list(many()), {"4.28.0"}))
    policy = LearnedPriors(FixedTactics("decide", "unheard_of", "omega", "never_met"), table)
    (answer,) = run_policy(policy, SUM)
    found = {each.tactic: each for each in answer.proposals}
    assert list(found) == ["omega", "unheard_of", "never_met", "decide"]
    new, newer = found["unheard_of"], found["never_met"]
    assert new.prior == pytest.approx(2 * newer.prior)  # as its policy has them
    assert found["decide"].waits
    assert {new.waits, newer.waits} == {False}


def test_what_its_policy_has_wait_waits_in_any_order():
    table, _ = train_priors(TacticOutcomes(list(many()), {"4.28.0"}))
    waiting = FixedTactics("omega", waits=True)
    for policy in (LearnedPriors(waiting, table), RandomPriors(waiting, 0)):
        assert run_policy(policy, SUM)[0].proposals[0].waits


def test_what_waits_is_not_sent_first_and_costs_nothing():
    waiting = Proposal("simp", 0.1, waits=True)
    (kept,) = distribution([waiting])
    assert kept.waits
    assert not distribution([waiting, Proposal("simp", 0.1)])[0].waits
    outcome = Ladder((1, 2)).kept_back(waiting, 0)
    assert outcome.kind is Rejection.POSTPONED
    assert Ladder((1, 2)).kept_back(waiting, 1) is None
    assert Ladder((1,)).kept_back(waiting, 0) is None
    budget = Budget(ProverConfig(), lambda: 0.0)
    steps = Step("simp", 0.1, outcome), Step("rfl", 0.1, Rejected("no"))
    assert is_unsent(steps[0])
    budget.spend([Expansion(ProofState("s"), steps, 0.5)])
    assert budget.steps == 1
    mixed = run_policy(Mixture([(FixedTactics("simp"), 1.0)]), SUM)
    assert not mixed[0].proposals[0].waits


def test_a_state_is_read_as_lean_prints_it():
    texts = (
        "case succ\nxs ys : List Nat\nh :\n  xs = ys\n⊢ xs ++ ys =\n  ys",
        "n : Nat := 3\n⊢ n = 3",
        "⊢ True",
    )
    for text in texts:
        read = goal_of(text)
        assert read.target in text
        again = goal_of(read.pretty)
        assert (again.target, again.hypotheses) == (read.target, read.hypotheses)
    assert [h.name for h in goal_of(texts[0]).hypotheses] == ["xs", "ys", "h"]
    assert goal_of(texts[1]).hypotheses[0].value == "3"


def filled(place):
    """A database of one attempt: `cases xs` and then `rfl`, beside what failed."""
    root = theorem_at("root", LENGTH)
    child = ProofState("child", (SUM,))
    steps = (
        Step("omega", 0.5, Rejected("no"), 1.0),
        Step("exact?", 0.5, Rejected("later", Rejection.POSTPONED)),
        Step("simp", 0.5, Rejected("later", Rejection.POSTPONED)),  # not sent
        Step("grind", 0.5, Rejected("out of heartbeats", Rejection.POSTPONED), 250.0),
        Step("loop_induction?", 0.5, Rejected("found nothing"), 1.0),
        Step("library?", 0.5, Rejected("replaced by what it found", Rejection.REPLACED)),
        Step("cases xs", 0.5, Advanced((child,)), 1.0),
    )
    tried = [
        Expansion(root.state, steps, 0.5),
        Expansion(child, (Step("rfl", 1.0, Advanced(()), 1.0),), 0.5),
    ]
    with Store.open(str(place)) as store:
        run = store.start_run("prove", {}, "embedded 4.28.0", 0)
        recorder = store.recorder(run)
        recorder.start_attempt(root)
        recorder.expansions(root, tried)
        attempt = Attempt(root, StopReason.PROVED, "cases xs\nrfl", Accepted(()), 2, 3)
        recorder.finish_attempt(attempt)
        store.finish_run(run)
    return place


def test_the_database_and_a_dataset_of_it_say_the_same(tmp_path):
    with Store.open(str(filled(tmp_path / "a.db")), read_only=True) as store:
        found = read_store(store)
        from_store.write(store, tmp_path / "data")
        assert read_store(store, (7,)).rows == []
    assert found.lean == "4.28.0"
    (dear,) = [each for each in found.rows if not each.is_told]
    assert (dear.tactic, dear.ms) == ("grind", 250.0)
    told = [
        (t.tactic, t.is_root, t.leads_on, t.closes, t.in_proof) for t in found.rows if t.is_told
    ]
    assert [t.found_by for t in found.rows] == ["", "", "", "library?", ""]
    assert told == [
        ("omega", True, False, False, False),
        ("loop_induction?", True, False, False, False),
        ("cases xs", True, True, False, True),
        ("rfl", False, True, True, True),
    ]
    again = read_dataset(tmp_path / "data")
    assert again.leans == found.leans
    assert again.rows == found.rows


def test_the_command_learns_from_the_database(run, tmp_path):
    filled(tmp_path / "attempts.db")
    code, out, err = run("train", "priors", "--out", "p.json", "--html", "p.html")
    assert (code, err) == (0, [])
    assert "learned from: 4 tactics at 1 theorems" in out
    page = (tmp_path / "p.html").read_text()
    assert "Reliability: a tactic proves" in page
    assert "http" not in page.partition("<body>")[2]
    code, out, err = run("train", "memory", "--out", "m.json", "--data", tmp_path / "attempts.db")
    assert (code, err) == (0, [])
    assert [each.tactic for each in read_memory(tmp_path / "m.json")] == ["cases xs", "rfl"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("priors", "--out", "p.json"), "no tactic was tried yet"),
        (("memory", "--out", "p.json"), "no tactic that was tried proved anything"),
        (("priors", "base", "--out", "p.json"), "trained from no model: leave out base"),
        (("priors", "--out", "away/p.json"), "there is no folder away"),
        (("priors", "--out", "p.json", "--data", "away"), "no such dataset or database: away"),
        (("priors", "--out", "p.json", "--data", "."), "no steps.jsonl there"),
        (("memory", "--out", "p.json", "--html", "x"), "--html is for priors"),
        (("tactics", "--out", "m"), "missing BASE or --data"),
        (("poems", "--out", "m"), "there is: tactics, drafts, critic, preferences, priors, memory"),
    ],
)
def test_wrong_words_are_told_in_one_line(run, words, says):
    code, _, err = run("train", *words)
    assert code == 2
    assert says in err[-1]


def test_missing_data_is_told_before_lean_reads_what_is_excluded(run, tmp_path):
    (tmp_path / "t.lean").write_text("theorem t : 1 = 1 := by\n  sorry\n")
    words = ("train", "priors", "--data", "away", "--exclude", "t.lean", "--out", "p.json")
    code, _, err = run(*words)
    assert (code, err) == (2, ["lakatos: no such dataset or database: away"])


@pytest.mark.parametrize(("flag", "policy"), [("--priors", "hammer"), ("--memory", "knn")])
def test_a_wrong_file_is_told_before_anything_is_proved(run, tmp_path, flag, policy):
    (tmp_path / "t.lean").write_text("theorem t : 1 = 1 := by\n  sorry\n")
    (tmp_path / "wrong").write_text(json.dumps({"form": "poem"}))
    for name in ("wrong", "away"):
        code, _, err = run("prove", "t.lean", "--policy", policy, flag, name)
        assert code == 2
        assert name in err[-1]


@pytest.mark.parametrize(
    ("what", "flag", "policy"), [("priors", "--priors", "hammer"), ("memory", "--memory", "knn")]
)
def test_what_another_lean_taught_is_refused(tmp_path, what, flag, policy):
    place = tmp_path / "learned.json"
    if what == "priors":
        write_priors(place, PriorTable(lean="4.27.0"))
    else:
        write_memory(place, [], "4.27.0")

    async def opened(lean, word=str(place)):
        config = ModelConfig(**{what: word})
        async with open_policy(policy, config, lean=lean) as found:
            return found.name

    says = r"learned\.json: made with Lean 4\.27\.0, and Lean 4\.28\.0 runs here; lakatos train"
    with pytest.raises(UsageError, match=says):
        asyncio.run(opened("4.28.0"))
    if what == "priors":
        with pytest.raises(UsageError, match=says):
            asyncio.run(opened("4.28.0", f"random+{place}"))
    assert asyncio.run(opened("4.27.0")) == policy
    assert asyncio.run(opened("")) == policy
    assert asyncio.run(opened("4.99.0", "shipped")) == policy


@pytest.mark.lean
def test_the_command_refuses_it_in_one_line(run, tmp_path):
    (tmp_path / "t.lean").write_text("theorem t : 1 = 1 := by\n  sorry\n")
    write_priors(tmp_path / "p.json", PriorTable(lean="4.27.0"))
    code, _, err = run("prove", "t.lean", "--priors", "p.json")
    assert code == 2
    assert "p.json: made with Lean 4.27.0" in err[-1]
