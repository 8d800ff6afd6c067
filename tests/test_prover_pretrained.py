"""A small pretrained model, end to end on real Lean: it is weak, so what must hold is asked."""

import asyncio
import json
import math
import os
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra llm")
pytest.importorskip("gguf", reason="needs the extra llm")

from lakatos.data.records import (  # noqa: E402
    Advanced,
    Goal,
    Hypothesis,
    ProofState,
    Rejected,
    Theorem,
    TimedOut,
)  # fmt: skip
from lakatos.data.store.store import Store  # noqa: E402
from lakatos.prover.models.base import ChatMessage, Prompt, Sampling  # noqa: E402
from lakatos.prover.models.checkpoint import Checkpoint, HuggingFaceOptions  # noqa: E402
from lakatos.prover.models.public_model import PublicModel  # noqa: E402
from lakatos.prover.models.request_queue import RequestQueue  # noqa: E402
from lakatos.prover.models.transformers_model import PromptLimits, Transformer, decoder_of  # noqa: E402
from lakatos.prover.policy.base import Query  # noqa: E402
from lakatos.prover.policy.language import LEAST_PRIOR, LanguagePolicy  # noqa: E402
from lakatos.prover.policy.prompts import format_named  # noqa: E402

pytestmark = pytest.mark.model

FOUR = """theorem one (a b : Nat) : a + b = b + a := by
  sorry
theorem two (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  sorry
theorem three (n : Nat) (h : 0 < n) : n ≠ 0 := by
  sorry
theorem four : 2 + 2 = 4 := by
  sorry
"""
SHORT = ("--model-option", "max_tokens=12", "--expansions", "2")


@pytest.fixture
def prove(run, tmp_path, smollm):
    """`lakatos prove` with the model, on so many of four theorems: code, rows, stored attempts."""

    def call(theorems, policy, *flags):
        file = tmp_path / "four.lean"
        file.write_text("\n".join(FOUR.split("\n")[: 2 * theorems]) + "\n", encoding="utf-8")
        word = policy.format(model=f"hf:{smollm}")
        code, out, err = run("prove", file, "--json", "--policy", word, *flags)
        assert code in (0, 1), err
        rows = [json.loads(line) for line in out.splitlines()]
        assert code == (0 if all(row["proved"] for row in rows) else 1)
        with Store.open(os.environ["LAKATOS_DB"]) as store:
            ids = [each.id for each in store.attempts()]
            return rows, [store.load_attempt(i) for i in ids]

    return call


def steps_of(attempts):
    return [step for a in attempts for e in a.expansions for step in e.steps]


@pytest.mark.lean
def test_four_searches_ask_one_model_for_tactics_and_keep_what_lean_says(prove):
    rows, attempts = prove(4, "{model}", "--samples", "6", "--concurrency", "4", *SHORT)
    assert sorted(row["theorem"] for row in rows) == ["four", "one", "three", "two"]
    steps = steps_of(attempts)
    assert len({step.tactic for step in steps}) > 6
    assert all(0 < step.prior <= 1 for step in steps)
    assert all(isinstance(step.outcome, Advanced | Rejected | TimedOut) for step in steps)
    for row in rows:
        assert row["proved"] == (row["stop"] == "proved")


@pytest.mark.lean
def test_the_hammer_proves_in_a_mixture_what_the_model_does_not(prove):
    flags = ("--samples", "2", "--search", "best-first", *SHORT)
    rows, _ = prove(2, "0.5*hammer+0.5*{model}", *flags)
    assert [row["proved"] for row in rows] == [True, True]
    assert all(row["proof"] for row in rows)


@pytest.mark.lean
def test_whole_proofs_come_through_the_chat_template(prove):
    flags = ("--prompt", "chat-proof", "--mode", "whole-proof", "--attempts", "2")
    (row,), (attempt,) = prove(1, "{model}", *flags, "--turns", "1", "--repair-depth", "0", *SHORT)
    assert row["stop"] in ("proved", "dead_end", "expansions"), row
    with Store.open(os.environ["LAKATOS_DB"]) as store:
        turns = store.turns(attempt.summary.id)
    assert turns


@pytest.mark.lean
def test_a_gguf_file_is_a_policy(run, tmp_path, smollm_file):
    (tmp_path / "one.lean").write_text(FOUR[: FOUR.index("theorem two")], encoding="utf-8")
    flags = ("--samples", "2", "--steps", "2", *SHORT)
    code, out, err = run("prove", "one.lean", "--json", "--policy", f"hf:{smollm_file}", *flags)
    assert code in (0, 1), err
    assert json.loads(out)["expansions"] >= 1
    assert not [line for line in err if "GGUF" in line]  # no progress bar


def test_a_gguf_file_that_is_cut_off_is_told_in_one_line(run, tmp_path, smollm_file):
    with smollm_file.open("rb") as whole:
        (tmp_path / "cut.gguf").write_bytes(whole.read(40_000_000))
    (tmp_path / "one.lean").write_text(FOUR, encoding="utf-8")
    code, _, err = run("prove", "one.lean", "--policy", "hf:cut.gguf")
    assert code == 2
    assert err[-1] == "lakatos: cut.gguf is no GGUF file, or not all of one"


@pytest.fixture(scope="module")
def loaded(smollm):
    checkpoint = Checkpoint(str(smollm), HuggingFaceOptions())
    return checkpoint.model("AutoModelForCausalLM"), checkpoint.tokenizer()


def batcher_of(decoder, tokenizer):
    limits = PromptLimits(1024, 2048, frozenset([tokenizer.eos_token_id]))
    return RequestQueue(Transformer("tried", decoder, tokenizer, limits), 1 << 15)


def ask(decoder, tokenizer, prompts, sampling):
    """Answers of a model run this way."""
    batcher = batcher_of(decoder, tokenizer)

    async def whole():
        got = await batcher.generate(prompts, sampling)
        await batcher.close()
        return got

    return asyncio.run(whole())


CHAT = Prompt(messages=(ChatMessage("user", "Which tactic closes 1 + 1 = 2 in Lean 4?"),))
PROMPTS = [Prompt("The capital of France is"), Prompt("theorem two_pos : 0 < 2 := by"), CHAT]


@pytest.mark.parametrize("beam", [False, True])
def test_both_ways_say_the_same_and_log_probs_are_those_of_a_plain_pass(loaded, beam):
    model, tokenizer = loaded
    sampling = Sampling(n=2, max_tokens=6, beam=beam, stop=("\n\n",))
    slow = ask(PublicModel(model), tokenizer, PROMPTS, sampling)
    fast = ask(decoder_of("tried", model), tokenizer, PROMPTS, sampling)
    for ours, theirs in zip(fast, slow, strict=True):
        assert [c.text for c in ours.completions] == [c.text for c in theirs.completions]
        for a, b in zip(ours.completions, theirs.completions, strict=True):
            assert math.isfinite(a.log_prob)
            assert a.log_prob == pytest.approx(b.log_prob, abs=1e-2)
    if beam:
        first = fast[0].completions
        assert "Paris" in first[0].text
        assert first[0].log_prob >= first[1].log_prob
    assert fast[2].prompt_tokens > 20  # the template's own turns


def test_priors_are_the_probabilities_of_what_was_written(loaded):
    model, tokenizer = loaded
    form, sampling = format_named("few-shot"), Sampling(n=4, max_tokens=10)
    state = ProofState("k", (Goal("n + 0 = n", (Hypothesis("n", "Nat"),)),))
    query = Query(Theorem("t", "sorry", "t.lean", 0, 5, 1, 0, "tactic", state), state)
    batcher = batcher_of(decoder_of("tried", model), tokenizer)

    async def both():
        policy = LanguagePolicy(batcher, form, sampling)
        (advice,) = await policy.propose([query])
        asked = replace(sampling, stop=form.stop)
        (answer,) = await batcher.generate([form.write(query, ())], asked)
        await batcher.close()
        return advice, answer

    advice, answer = asyncio.run(both())
    texts = {c.text: c for c in answer.completions if c.finished}
    written = {form.read(c.text, query): math.exp(c.log_prob) for c in texts.values()}
    assert {p.tactic for p in advice.proposals} <= written.keys()
    assert max((p.prior for p in advice.proposals), default=1.0) == 1.0
    if len(written) == len(texts):  # else the masses of texts with one tactic are added
        best = max(written.values(), default=1.0)
        for p in advice.proposals:
            assert p.prior == pytest.approx(max(LEAST_PRIOR, written[p.tactic] / best), rel=1e-3)
    assert advice.tokens == sum(c.tokens for c in answer.completions)
