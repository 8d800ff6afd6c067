"""Models run by `generate` alone: the samples and log-probabilities of the decode loop.

That those have the model's own distribution is tested in test_prover_generation.py.
"""

import asyncio

import pytest

torch = pytest.importorskip("torch", reason="needs the extra llm")
pytest.importorskip("transformers", reason="needs the extra llm")

from lakatos.data.errors import UsageError  # noqa: E402
from lakatos.prover.models import transformers_model as huggingface  # noqa: E402
from lakatos.prover.models.base import Prompt, Sampling  # noqa: E402
from lakatos.prover.models.checkpoint import HuggingFaceOptions  # noqa: E402
from lakatos.prover.models.decode_loop import Loop  # noqa: E402
from lakatos.prover.models.forward import Causal, Seq2Seq, ValueHead  # noqa: E402
from lakatos.prover.models.public_model import PublicModel  # noqa: E402
from lakatos.prover.models.transformers_internals import Unfamiliar  # noqa: E402
from lakatos.prover.models.transformers_model import decoder_of  # noqa: E402
from transformers import LlamaForCausalLM, MambaConfig, MambaForCausalLM  # noqa: E402

from . import tiny_models as tiny  # noqa: E402
from .test_prover_generation import BYTES, CAUSAL, LETTERS, PROMPTS, answers, job, plain, vocabulary  # noqa: E402

SAMPLINGS = (
    {"n": 4, "max_tokens": 9, "stop": ("q",)},
    {"n": 1, "max_tokens": 7, "top_p": 0.8, "stop": ("q",)},
    {"n": 3, "max_tokens": 9, "temperature": 0.7, "distinct_first": True},
)


def public(model, jobs, tokenizer=LETTERS, wanted=lambda _: True, head=None):
    found = PublicModel(model, head).run(vocabulary(tokenizer), jobs, wanted)
    return dict(found)


def jobs_of(tokenizer=LETTERS, **settings):
    return [job(p, tokenizer, **{**s, **settings}) for p, s in zip(PROMPTS, SAMPLINGS, strict=True)]


def mamba(words=tiny.WORDS):
    config = MambaConfig(
        vocab_size=words, hidden_size=16, num_hidden_layers=2, state_size=4,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return tiny.seeded(MambaForCausalLM, config, 4.0)


def assert_same(found, wanted):
    """The same texts came, with the same log-probabilities."""
    assert sorted(found) == sorted(wanted)
    for i, answer in wanted.items():
        for a, b in zip(found[i].completions, answer.completions, strict=True):
            assert (a.text, a.tokens, a.finished) == (b.text, b.tokens, b.finished)
            assert a.log_prob == pytest.approx(b.log_prob, abs=1e-3)


@pytest.mark.parametrize("beam", [False, True])
@pytest.mark.parametrize("kind", CAUSAL)
def test_both_ways_give_the_same_completions(kind, beam):
    jobs = jobs_of(beam=beam)
    assert_same(public(CAUSAL[kind](), jobs), answers(Causal(CAUSAL[kind]()), jobs))


def test_both_ways_give_the_same_completions_of_a_seq2seq_model():
    for beam in (False, True):
        jobs = jobs_of(BYTES, beam=beam)
        assert_same(public(tiny.t5(), jobs, BYTES), answers(Seq2Seq(tiny.t5()), jobs, BYTES))


def test_a_model_without_keys_and_values_runs_by_generate_and_says_so(tmp_path):
    tiny.saved(mamba(), LETTERS, tmp_path)
    with pytest.warns(UserWarning, match=r"runs by `generate`, several times slower: transform"):
        model = huggingface.load(str(tmp_path), HuggingFaceOptions())

    async def ask():
        (got,) = await model.generate([Prompt("abc")], Sampling(n=3, max_tokens=6))
        await model.close()
        return got

    prompt = LETTERS("abc")["input_ids"]
    for completion in asyncio.run(ask()).completions:
        tokens = LETTERS(completion.text)["input_ids"] + [0] * completion.finished
        logs = plain(mamba(), [*prompt, *tokens]).log_softmax(-1)
        total = sum(float(logs[len(prompt) + i - 1, t]) for i, t in enumerate(tokens))
        assert completion.log_prob == pytest.approx(total, abs=1e-3)


class Renamed(LlamaForCausalLM):
    """A release that calls the cache by another name."""

    def forward(self, input_ids=None, **rest):
        return super().forward(input_ids, **rest)


class Forgetful(LlamaForCausalLM):
    """A release that needs something more to go on from a cache."""

    def forward(self, input_ids=None, cache=None, past_key_values=None, memory=None, **rest):
        cache = past_key_values if cache is None else cache
        name = "past_key_values" if past_key_values is not None else "cache"
        out = super().forward(input_ids, **{name: cache}, **rest)
        if cache is not None and memory is None:
            out.logits = out.logits.flip(-1)
        return out


@pytest.mark.parametrize(
    ("kind", "why"), [(Renamed, "none of the arguments cache, past"), (Forgetful, "not those")]
)
def test_a_release_that_is_built_otherwise_costs_speed_alone(kind, why):
    config = tiny.llama().config
    with pytest.warns(UserWarning, match=why):
        decoder = decoder_of("tiny", tiny.seeded(kind, config, 6.0))
    assert isinstance(decoder, PublicModel)
    with pytest.raises(Unfamiliar, match=why):
        Causal(tiny.seeded(kind, config, 6.0))
    if kind is Renamed:
        jobs = jobs_of()
        found = dict(decoder.run(vocabulary(), jobs))
        assert_same(found, answers(Causal(tiny.llama()), jobs))


@pytest.mark.parametrize("make", [*CAUSAL.values(), tiny.t5])
def test_models_of_this_release_run_the_fast_way(make):
    assert isinstance(decoder_of("tiny", make()), Loop)


def test_settings_that_come_with_a_model_do_not_change_its_scores():
    model = tiny.llama()
    model.generation_config.repetition_penalty = 1.5
    model.generation_config.no_repeat_ngram_size = 2
    assert_same(public(model, jobs_of()), answers(Causal(tiny.llama()), jobs_of()))


def test_values_come_with_completions_and_alone():
    torch.manual_seed(1)
    head = ValueHead(torch.randn(1, 32), torch.tensor(0.25))
    for make, kind, tokenizer in ((tiny.llama, Causal, LETTERS), (tiny.t5, Seq2Seq, BYTES)):
        jobs = [
            job(p, tokenizer, n=n, max_tokens=3) for p, n in zip(PROMPTS, (2, 0, 1), strict=True)
        ]
        found = public(make(), jobs, tokenizer, head=head)
        wanted = answers(kind(make(), head), jobs, tokenizer)
        assert_same(found, wanted)
        for i, answer in wanted.items():
            assert found[i].value == pytest.approx(answer.value, abs=1e-4)


def test_jobs_that_nobody_waits_for_are_left_out():
    for beam in (False, True):
        assert list(public(tiny.gpt2(), jobs_of(beam=beam), wanted=lambda i: i == 1)) == [1]


def test_a_model_that_writes_no_text_is_refused():
    with pytest.raises(UsageError, match="BertModel writes no text"):
        PublicModel(tiny.bert())
