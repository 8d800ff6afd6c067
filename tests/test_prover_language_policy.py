"""From prompts to proposals, and to proofs: one model for many searches, whatever the timing."""

import asyncio
import random

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.data.records import Advanced, ProofState, Rejected, Rejection, Step, StopReason
from lakatos.data.store.store import Store
from lakatos.prover.agent.expander import Expander, SearchMemory
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.rejections import Rejections, Remembered
from lakatos.prover.config import ProverConfig, SearchConfig
from lakatos.prover.models.base import ChatMessage, Completion, Generated, Prompt, Sampling
from lakatos.prover.policy.base import Query
from lakatos.prover.policy.language import LEAST_PRIOR, LanguagePolicy
from lakatos.prover.policy.prompts import PromptFormat

from .toy import NON_THEOREMS, THEOREMS
from .toy_prover import NAMES, Judge, Log, ToyPolicy, ToyPool

FORM = PromptFormat("toy", "{goal}", stop=("\n",))
PROOFS = PromptFormat("toy", "{statement} {goal}", answer="proof")


class ToyModel:
    """Completes the text of a toy goal by the toy policy's tactics, drawn by prompt and seed.

    Answers come late by a dice that draws nothing else. dies_at: the call at which it fails.
    """

    name = "toy"

    def __init__(self, *, delay=0, log_probs=True, value=None, dies_at=None, error=None):
        self.calls = []
        self.cancelled = 0
        self.closed = 0
        self._dice = random.Random(delay)
        self._log_probs = log_probs
        self._value = value
        self._dies_at = dies_at
        self._error = error or ModelUnavailable("toy: the server is gone")

    async def generate(self, prompts, sampling):
        self.calls += [(prompt.text, sampling.seed) for prompt in prompts]
        if self._dies_at is not None and len(self.calls) > self._dies_at:
            raise self._error
        try:
            for _ in range(self._dice.randrange(5)):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [self._continue(prompt, sampling) for prompt in prompts]

    def _continue(self, prompt, sampling):
        draw = random.Random(f"{prompt.text}:{sampling.seed}")
        names = [line.split(" : ")[0] for line in prompt.text.splitlines() if " : " in line]
        tactics = ["assumption", "intro", "split", "left", "right"]
        tactics += [
            f"{w} {n}" for group in names for n in group.split() for w in ("cases", "apply")
        ]
        texts = [draw.choice(tactics) for _ in range(sampling.n)]
        told = [-float(len(text)) if self._log_probs else None for text in texts]
        found = [Completion(t, p, tokens=2) for t, p in zip(texts, told, strict=True)]
        return Generated(tuple(found), self._value)

    async def close(self):
        self.closed += 1


class Canned:
    """Gives the same completions to every prompt."""

    name = "canned"

    def __init__(self, *completions, value=None):
        self.completions = completions
        self.value = value
        self.asked = []

    async def generate(self, prompts, sampling):
        self.asked += [(prompt, sampling) for prompt in prompts]
        return [Generated(self.completions, self.value) for _ in prompts]

    async def close(self):
        pass


def advice(*completions, form=FORM, sample=None, n=4, value=None):
    pool = ToyPool()
    theorem = pool.theorem("identity")
    policy = LanguagePolicy(Canned(*completions, value=value), form, Sampling(n=n))
    return asyncio.run(policy.propose([Query(theorem, theorem.state, sample)]))[0]


def priors(advice):
    return {p.tactic: p.prior for p in advice.proposals}


def test_priors_are_the_mass_of_the_different_texts():
    found = advice(
        Completion("simp", -1.0, 3), Completion("simp", -1.0, 3), Completion(" simp ", -2.0, 3),
        Completion("omega", -1.0, 4),
    )  # fmt: skip
    mass = 1 + 2.718281828459045**-1
    assert priors(found) == pytest.approx({"simp": 1.0, "omega": 1 / mass})
    assert found.tokens == 13


def test_without_log_probs_priors_are_frequencies():
    found = advice(Completion("a"), Completion("b", -1.0), Completion("a"), Completion("a"))
    assert priors(found) == pytest.approx({"a": 1.0, "b": 1 / 3})


def test_long_proofs_keep_a_prior():
    found = advice(Completion("a", -1.0), Completion("b", -5000.0))
    assert priors(found) == {"a": 1.0, "b": LEAST_PRIOR}


def test_half_tactics_and_nothings_are_left_out_but_their_tokens_count():
    found = advice(Completion("simp [", -1.0, 9, finished=False), Completion("\n", -1.0, 1))
    assert (found.proposals, found.tokens) == ((), 10)
    whole = advice(Completion("```lean\nsimp", None, 9, finished=False), form=PROOFS)
    assert priors(whole) == {"simp": 1.0}


def test_a_sample_is_one_completion():
    drawn = [Completion(text, -1.0, tokens=i) for i, text in enumerate("abcd")]
    assert [priors(advice(*drawn, sample=k)) for k in (0, 3, 4)] == [{"a": 1}, {"d": 1}, {"a": 1}]
    assert advice(*drawn, sample=3).tokens == 3
    assert priors(advice(*drawn[:2], sample=3)) == {}


def test_each_round_of_samples_has_a_seed_of_its_own():
    pool = ToyPool()
    theorem = pool.theorem("identity")
    model = Canned(*[Completion("simp")] * 4)
    policy = LanguagePolicy(model, FORM, Sampling(n=4, seed=100))
    for k in (None, 0, 3, 4, 9):
        asyncio.run(policy.propose([Query(theorem, theorem.state, k)]))
    asyncio.run(policy.propose([Query(theorem, theorem.state, again=3)]))
    assert [sampling.seed for _, sampling in model.asked] == [100, 104, 108, 112]
    assert {sampling.stop for _, sampling in model.asked} == {("\n",)}


def test_identical_states_are_asked_once():
    pool = ToyPool()
    model = ToyModel()
    policy = LanguagePolicy(model, FORM, Sampling(n=4))
    query = Query(pool.theorem("identity"), pool.theorem("identity").state)

    async def run():
        return await asyncio.gather(*[policy.propose([query, query]) for _ in range(3)])

    answers = [each for pair in asyncio.run(run()) for each in pair]
    assert len(model.calls) == 1
    assert all(answer == answers[0] for answer in answers)


def test_a_question_is_withdrawn_when_nobody_waits():
    pool = ToyPool()
    theorem = pool.theorem("identity")
    arrived, ended = [], []
    under_way = asyncio.Event()

    class Hanging(Canned):
        async def generate(self, prompts, sampling):
            arrived.append(prompts)
            under_way.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append(prompts)

    async def run():
        policy = LanguagePolicy(Hanging(), FORM, Sampling(n=1))
        query = Query(theorem, theorem.state)
        first, second = (asyncio.create_task(policy.propose([query])) for _ in range(2))
        await under_way.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert not ended
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await asyncio.sleep(0)
        return len(arrived), len(ended)

    assert asyncio.run(run()) == (1, 1)


def run(names=NAMES, *, model=None, pool=None, form=FORM, n=12, log=None, memory=None, **config):
    pool = pool or ToyPool()
    policy = LanguagePolicy(model or ToyModel(), form, Sampling(n=n))
    prover = Prover(pool, Judge(), policy, ProverConfig(**config), log, clock=lambda: 0.0)
    theorems = [pool.theorem(name) for name in names]
    extra = {"memory": memory} if memory else {}
    attempts = asyncio.run(prover.prove(theorems, **extra))
    return dict(zip(names, attempts, strict=True)), prover


def test_a_model_proves_what_it_can():
    attempts, prover = run(expansions=200, n=80)
    proved = {name for name, attempt in attempts.items() if attempt.is_proved}
    assert proved <= set(THEOREMS)
    assert len(proved) > len(THEOREMS) / 2
    assert not any(attempts[name].is_proved for name in NON_THEOREMS)
    assert prover.fault is None


@pytest.mark.parametrize("search", ["best-first", "rmax", "whole-proof", "alphaproof"])
def test_no_delay_changes_a_search(search):
    runs, logs = [], []
    for delay in range(3):
        log = Log()
        config = {"search": SearchConfig(search), "expansions": 60, "in_flight": 3, "tokens": 900}
        found, _ = run(model=ToyModel(delay=delay), pool=ToyPool(delay), log=log, **config)
        runs.append(found)
        logs.append([log.of(name) for name in NAMES])
    assert all(each == runs[0] for each in runs)
    assert all(each == logs[0] for each in logs)


def test_tokens_are_a_budget():
    log = Log()
    attempts, _ = run(["lem"], n=10, tokens=50, log=log, in_flight=1)
    told = [e for call in log.of("lem") if call[0] == "expansions" for e in call[2]]
    assert attempts["lem"].stop is StopReason.TOKENS
    assert [e.tokens for e in told] == [20, 20, 20]


def test_the_value_of_the_model_is_the_states():
    log = Log()
    run(["identity"], model=ToyModel(value=0.25), log=log)
    told = [e for call in log.of("identity") if call[0] == "expansions" for e in call[2]]
    assert {e.value for e in told} == {0.25}


GONE = ModelUnavailable("toy: the server is gone")
REVOKED = UsageError("toy: the server refuses the key")


@pytest.mark.parametrize("error", [GONE, REVOKED])
def test_a_model_that_dies_loses_nothing_proved(tmp_path, error):
    with Store.open(str(tmp_path / "a.db")) as store:
        number = store.start_run("test", {}, "toy", 0)
        model = ToyModel(dies_at=12, error=error)
        attempts, prover = run(model=model, log=store.recorder(number), concurrency=2)
        kept = {a.theorem: a.outcome for a in store.attempts(number)}
    assert prover.fault is error
    assert kept == {name: attempt.stop for name, attempt in attempts.items()}
    stops = list(kept.values())
    assert stops.count("proved") >= 1
    stop = StopReason.FAULT if error is REVOKED else StopReason.MODEL_FAILED
    assert stops.count(stop) >= 1
    assert stops.count("interrupted") >= 1
    (detail,) = {a.detail for a in attempts.values() if a.stop is stop}
    assert detail == str(error)


class Restated(Canned):
    """Whole proofs of the toy theorem `identity`, the right one at a given place."""

    def __init__(self, right, n):
        wrong = ["split", "left\nassumption", "intro\nintro\nassumption"]
        texts = [wrong[i % 3] for i in range(n)]
        texts[right] = "intro\nassumption"
        super().__init__(*[Completion(text, None, 5) for text in texts])


@pytest.mark.parametrize("right", [0, 5, 9])
def test_whole_proofs_are_raced_and_the_first_right_one_ends_it(right):
    log = Log()
    pool = ToyPool()
    search = SearchConfig("whole-proof", granularity=1)
    config = {"search": search, "in_flight": 10, "first_round": 16}
    model = Restated(right, 10)
    attempts, _ = run(["identity"], model=model, pool=pool, form=PROOFS, n=10, log=log, **config)
    assert attempts["identity"].is_proved
    samples = [c[2] for c in log.of("identity") if c[0] == "expansions"]
    assert len(samples) == right + 1
    assert [e.steps[0].tactic for e in samples[-1]] == ["intro", "assumption"]
    assert len(model.asked) <= 2  # the states are proved by one call, and what is left of it
    whole_sample = samples[-1]
    assert [e.tokens for e in whole_sample] == [5, 0]


def test_a_whole_block_can_be_one_check():
    asked = []

    class Recording(ToyPool):
        async def apply(self, state, tactics, **limits):
            asked.extend(tactics)
            return await super().apply(state, tactics)

    config = {"search": SearchConfig("whole-proof"), "expansions": 4}
    run(["identity"], model=Restated(2, 4), pool=Recording(), form=PROOFS, n=4, **config)
    assert "intro\nassumption" in asked


STATE = ProofState("s")


class Refusing:
    """Rejects `no` and `crash`; counts what it is asked."""

    def __init__(self):
        self.asked = []

    async def apply(self, state, tactics, **limits):
        self.asked += tactics
        kinds = {"crash": Rejection.CRASH}
        return [
            Step(t, 1.0, Advanced((STATE,)) if t == "go" else Rejected(t, kinds.get(t, "parse")))
            for t in tactics
        ]


def test_a_rejected_tactic_is_not_sent_again():
    pool, rejections = Refusing(), Rejections()
    theorem = ToyPool().theorem("identity")
    model = Canned(*[Completion(text) for text in ("no", "go", "crash")])
    policy = LanguagePolicy(model, FORM, Sampling(n=3))
    expander = Expander(theorem, policy, pool, SearchMemory(rejections=rejections))
    first, second = (asyncio.run(expander([STATE]))[0] for _ in range(2))
    assert pool.asked == ["no", "go", "crash", "go", "crash"]
    assert second == first


def test_a_store_remembers_what_was_rejected(tmp_path):
    """The same run again asks Lean only for what it took, and ends the same."""
    path = str(tmp_path / "a.db")
    names, runs = ["distrib", "lem"], []
    for worker in ("one", "one", "two"):
        pool = ToyPool()
        with Store.open(path) as store:
            number = store.start_run("test", {"worker": worker}, "toy", 0)
            memory = Remembered(store, worker)
            config = {"expansions": 40, "in_flight": 1}
            log = store.recorder(number)
            attempts, _ = run(names, pool=pool, log=log, memory=memory, **config)
            told = [store.load_attempt(a.id).expansions for a in store.attempts(number)]
        runs.append((attempts, told, sum(pool.applied.values())))
    (first, told, all_), (second, again, few), (_, _, other) = runs
    assert (second, again) == (first, told)
    assert few < all_ / 2
    assert other == all_


def test_a_library_may_have_changed_since(tmp_path):
    pool = ToyPool()
    theorem = pool.theorem("lem", imports=("Mathlib.Tactic",))
    with Store.open(str(tmp_path / "a.db")) as store:
        assert Remembered(store, "toy")(theorem)(theorem.state) == {}
        core = pool.theorem("lem", imports=("Init.Core", "Std"))
        assert Remembered(store, "toy")(core) != Remembered(store, "toy")(theorem)


def test_chats_are_hashable_questions():
    form = PromptFormat("toy", messages=(ChatMessage("user", "{state}"),))
    found = advice(Completion("simp"), form=form)
    assert priors(found) == {"simp": 1.0}
    assert Prompt(messages=(ChatMessage("a", "b"),)) in {Prompt(messages=(ChatMessage("a", "b"),))}


def test_the_toy_model_and_the_toy_policy_agree():
    pool = ToyPool()
    theorem = pool.theorem("distrib")
    told = {p.tactic for p in ToyPolicy().answer(theorem.state).proposals}
    policy = LanguagePolicy(ToyModel(), FORM, Sampling(n=200))
    found = asyncio.run(policy.propose([Query(theorem, theorem.state)]))[0]
    assert {p.tactic for p in found.proposals} == told
