"""The decode loop on tiny real models: true scores, true distributions, rows that come and go."""

import itertools
import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra llm")
pytest.importorskip("transformers", reason="needs the extra llm")

from lakatos.prover.models.base import Prompt, Sampling  # noqa: E402
from lakatos.prover.models.decode_loop import Loop  # noqa: E402
from lakatos.prover.models.decoding import Vocabulary  # noqa: E402
from lakatos.prover.models.forward import Causal, Seq2Seq, ValueHead  # noqa: E402
from lakatos.prover.models.request_queue import GenerationRequest  # noqa: E402
from lakatos.prover.models.token_sampling import Draw, distinct_first, nucleus_floor, uniform_noise  # noqa: E402

from . import tiny_models as tiny  # noqa: E402

PROMPTS = ("abc ⊢ d", "q", "zyxwvutsrqponm")
LETTERS = tiny.letters()
BYTES = tiny.byte_tokenizer()
CAUSAL = {"gpt2": tiny.gpt2, "llama": tiny.llama, "mistral": tiny.mistral, "bloom": tiny.bloom}


def vocabulary(tokenizer=LETTERS):
    return Vocabulary(tokenizer, frozenset([tokenizer.eos_token_id]))


def job(text="abc ⊢ d", tokenizer=LETTERS, **sampling):
    return GenerationRequest(
        Prompt(text), Sampling(**sampling), tuple(tokenizer(text)["input_ids"])
    )


def answers(forward, jobs, tokenizer=LETTERS, wanted=lambda _: True):
    return dict(Loop(forward).run(vocabulary(tokenizer), jobs, wanted))


def plain(model, tokens):
    """Next-token scores after each token, by one forward pass without cache or padding."""
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[0]


def plain_seq2seq(model, prompt, tokens):
    start = model.config.decoder_start_token_id
    with torch.inference_mode():
        return model(
            input_ids=torch.tensor([prompt]), decoder_input_ids=torch.tensor([[start, *tokens]])
        ).logits[0]


def grow(forward, prompts, owners, kept):
    """Scores along rows that grow by their own index, some of them dropped on the way."""
    with torch.inference_mode():
        prefilled = forward.prefill(prompts)
        rows = prefilled.rows(owners)
        histories = [[] for _ in owners]
        logits = prefilled.logits[owners]
        for index in (None, *kept):
            if index is not None:
                rows.keep(index)
                histories = [list(histories[i]) for i in index]
                owners = [owners[i] for i in index]
            tokens = [(3 * i + len(h)) % 30 + 1 for i, h in enumerate(histories)]
            for history, token in zip(histories, tokens, strict=True):
                history.append(token)
            logits = rows.step(torch.tensor(tokens))
        return owners, histories, logits


KEPT = ([0, 1, 2, 3, 4, 5], [1, 2, 4, 5], [1, 1, 2, 3], [2, 3], [0])


@pytest.mark.parametrize("kind", CAUSAL)
def test_rows_score_as_a_plain_forward_pass_whatever_the_padding(kind):
    model = CAUSAL[kind]()
    prompts = [LETTERS(text)["input_ids"] for text in PROMPTS]
    for steps in range(len(KEPT) + 1):
        owners, histories, logits = grow(Causal(model), prompts, [0, 0, 0, 1, 1, 2], KEPT[:steps])
        for owner, history, scores in zip(owners, histories, logits, strict=True):
            expected = plain(model, [*prompts[owner], *history])[-1]
            torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-3)


def test_rows_of_a_seq2seq_model_score_as_a_plain_forward_pass():
    model = tiny.t5()
    prompts = [BYTES(text)["input_ids"] for text in PROMPTS]
    for steps in range(len(KEPT) + 1):
        owners, histories, logits = grow(Seq2Seq(model), prompts, [0, 0, 0, 1, 1, 2], KEPT[:steps])
        for owner, history, scores in zip(owners, histories, logits, strict=True):
            expected = plain_seq2seq(model, prompts[owner], history)[-1]
            torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "shares"), [("gpt2", True), ("llama", True), ("mistral", False), ("bloom", False)]
)
def test_a_prompt_is_shared_where_attention_allows_it(kind, shares):
    model = CAUSAL[kind]()
    assert Causal(model).shares is shares
    assert (model.config._attn_implementation == "lakatos_prefix") is shares


@pytest.mark.parametrize("kind", ["gpt2", "mistral"])
def test_log_probs_are_those_of_the_model_at_temperature_one(kind):
    model = CAUSAL[kind]()
    asked = job(n=6, max_tokens=9, temperature=0.7, top_p=0.8, stop=("q",))
    answer = answers(Causal(model), [asked, job("q", n=3, max_tokens=9)])[0]
    for completion in answer.completions:
        letters = LETTERS(completion.text)["input_ids"]
        ends = [[0], [LETTERS.convert_tokens_to_ids("q")]] if completion.finished else [[]]
        sums = []
        for end in ends:
            tokens = [*asked.tokens, *letters, *end]
            logs = plain(model, tokens).log_softmax(-1)
            start = len(asked.tokens)
            sums.append(sum(float(logs[i - 1, tokens[i]]) for i in range(start, len(tokens))))
        assert min(abs(total - completion.log_prob) for total in sums) < 1e-3


@pytest.mark.parametrize(("make", "kind"), [(tiny.llama, Causal), (tiny.t5, Seq2Seq)])
def test_a_sample_is_the_same_in_every_batch(make, kind):
    tokenizer = LETTERS if kind is Causal else BYTES
    forward = kind(make())
    settings = [
        {"n": 5, "max_tokens": 12},
        {"n": 3, "max_tokens": 7, "top_p": 0.7},
        {"n": 4, "max_tokens": 12, "temperature": 0.5, "distinct_first": True},
    ]
    jobs = [job(p, tokenizer, **s) for p, s in zip(PROMPTS, settings, strict=True)]
    at_once = answers(forward, jobs, tokenizer)
    for i, alone in enumerate(jobs):
        single = answers(forward, [alone], tokenizer)[0]
        assert [c.text for c in at_once[i].completions] == [c.text for c in single.completions]
        for a, b in zip(at_once[i].completions, single.completions, strict=True):
            assert a.log_prob == pytest.approx(b.log_prob, abs=1e-3)


@pytest.mark.parametrize("make", [tiny.llama, tiny.gpt2, tiny.bloom])
def test_a_sample_is_the_same_when_its_prompt_joins_a_batch_under_way(make):
    forward = Causal(make())
    first = job("abc", n=3, max_tokens=80, top_p=0.9)
    late = [job("a much longer one", n=2, max_tokens=60), job("q", n=4, max_tokens=9)]
    later = [job("zz ⊢ d", n=2, max_tokens=12, temperature=0.5, distinct_first=True)]
    arrivals = [late, later]

    def more():
        return arrivals.pop(0) if arrivals else ()

    got = dict(Loop(forward).run(vocabulary(), [first], more=more))
    jobs = [first, *late, *later]
    assert forward.shares is (make is not tiny.bloom)
    assert sorted(got) == (list(range(4)) if forward.shares else [0])
    for i, answer in got.items():
        single = answers(forward, [jobs[i]])[0]
        assert [c.text for c in answer.completions] == [c.text for c in single.completions]
        for a, b in zip(answer.completions, single.completions, strict=True):
            assert a.log_prob == pytest.approx(b.log_prob, abs=1e-3)


def test_noise_belongs_to_seed_prompt_and_index():
    asked = job(n=4, seed=1)
    assert torch.equal(uniform_noise(asked, 2, 8), uniform_noise(job(n=9, seed=1), 2, 8))
    others = [(asked, 3), (job(n=4, seed=2), 2), (job("abc", n=4, seed=1), 2)]
    for other, index in others:
        assert not torch.equal(uniform_noise(asked, 2, 8), uniform_noise(other, index, 8))


def too_far(observed, expected):
    """Whether counts are further from expected ones than 4.5 deviations of chi-square."""
    rare = [k for k, e in expected.items() if e < 5]
    pairs = [(observed.get(k, 0), e) for k, e in expected.items() if e >= 5]
    if rare:
        pairs.append((sum(observed.get(k, 0) for k in rare), sum(expected[k] for k in rare)))
    distance = sum((o - e) ** 2 / e for o, e in pairs if e)
    freedom = len(pairs) - 1
    return distance > freedom + 4.5 * math.sqrt(2 * freedom) or sum(observed.values()) != round(
        sum(expected.values())
    )


def exact(model, prompt, cap, temperature=1.0, top_p=1.0):
    """Probability of each token sequence of at most `cap` tokens; token 0 ends one."""
    found, growing = {}, {(): 1.0}
    for _ in range(cap):
        longer = {}
        for tokens, mass in growing.items():
            scores = plain(model, [*prompt, *tokens])[-1] / temperature
            chances = scores.softmax(-1).tolist()
            ranked = sorted(range(len(chances)), key=lambda i: -chances[i])
            nucleus, total = [], 0.0
            for token in ranked:
                if total < top_p:
                    nucleus.append(token)
                    total += chances[token]
            for token in nucleus:
                target = found if token == 0 or len(tokens) + 1 == cap else longer
                target[*tokens, token] = mass * chances[token] / total
        growing = longer
    return found


FEW = ["</s>", "a", "b", "c", "d", "e"]


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.6, 1.0), (1.3, 0.7)])
def test_siblings_of_one_prompt_have_the_models_distribution(temperature, top_p):
    model = tiny.llama(words=len(FEW), spread=12.0)
    few = tiny.letters(FEW)
    n = 4000
    asked = job("abcab", few, n=n, max_tokens=3, temperature=temperature, top_p=top_p)
    counts = {}
    for completion in answers(Causal(model), [asked, job("d", few, n=2)], few)[0].completions:
        tokens = tuple(few(completion.text)["input_ids"])
        tokens += (0,) if completion.finished else ()
        counts[tokens] = counts.get(tokens, 0) + 1
    chances = exact(model, asked.tokens, 3, temperature, top_p)
    texts = {}
    for tokens, chance in chances.items():
        texts[tokens] = texts.get(tokens, 0) + n * chance
    assert not too_far(counts, texts)
    flat = exact(model, asked.tokens, 3, temperature * 1.4, top_p)
    assert too_far(counts, {tokens: n * chance for tokens, chance in flat.items()})


def test_a_nucleus_takes_ties_whole_and_looks_past_the_head():
    mass = torch.tensor([[0.1, 0.4, 0.1, 0.4], [0.25, 0.25, 0.25, 0.25]])
    floor = nucleus_floor(mass, torch.tensor([[0.5], [0.3]]))
    assert (mass >= floor).tolist() == [[False, True, False, True], [True] * 4]
    flat = torch.full((1, 1000), 0.001)
    flat[0, :500] += torch.arange(500) * 1e-9
    assert int((flat >= nucleus_floor(flat, torch.tensor([[0.4]]))).sum()) == 400
    assert float(nucleus_floor(flat, torch.tensor([[1.0]]))) == 0.0


def test_a_draw_stays_within_what_has_mass():
    logits = torch.tensor(
        [[0.0, 1.0, -math.inf, -math.inf], [-math.inf, -math.inf, 0.0, -math.inf]]
    )
    draw = Draw(torch.ones(2), torch.ones(2))
    for u in (0.0, 0.5, 1.0):
        tokens, log_probs = draw(logits, torch.full((2,), u))
        assert tokens[0] in (0, 1)
        assert tokens[1] == 2
        assert torch.isfinite(log_probs).all()


def test_distinct_first_tokens_differ_and_the_first_of_them_follows_the_model():
    model = tiny.gpt2()
    asked = job(n=20, max_tokens=2, distinct_first=True)
    first = [c.text[:1] for c in answers(Causal(model), [asked])[0].completions]
    assert len(set(first)) == 20
    logits = torch.tensor([1.0, 0.0, -1.0, 0.5])
    counts = {}
    for seed in range(2000):
        token = distinct_first(logits, job(n=3, seed=seed, distinct_first=True))[0]
        counts[token] = counts.get(token, 0) + 1
    expected = {i: 2000 * p for i, p in enumerate(logits.softmax(-1).tolist())}
    assert not too_far(counts, expected)
    assert sorted(distinct_first(logits, job(n=6))[:4]) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [tiny.gpt2, tiny.llama, tiny.mistral])
def test_a_wide_beam_is_exhaustive_search(kind):
    model = kind(words=len(FEW), spread=12.0)
    few = tiny.letters(FEW)
    asked = job("abcab", few, n=200, max_tokens=3, beam=True)
    answer = answers(Causal(model), [asked, job("d", few, n=4, max_tokens=5, beam=True)], few)[0]
    chances = exact(model, asked.tokens, 3)
    assert len(answer.completions) == len(chances)
    ranked = sorted(chances.items(), key=lambda item: (item[0][-1] != 0, -item[1]))
    for completion, (tokens, chance) in zip(answer.completions, ranked, strict=True):
        assert completion.log_prob == pytest.approx(math.log(chance), abs=1e-3)
        assert completion.finished == (tokens[-1] == 0)


def test_a_beam_finds_its_best_and_is_the_same_in_every_batch():
    forward = Causal(tiny.llama())
    jobs = [job(p, n=w, max_tokens=6, beam=True) for p, w in zip(PROMPTS, (2, 5, 3), strict=True)]
    at_once = answers(forward, jobs)
    for i, alone in enumerate(jobs):
        single = answers(forward, [alone])[0]
        assert [c.text for c in single.completions] == [c.text for c in at_once[i].completions]
        finished = [c.log_prob for c in single.completions if c.finished]
        assert finished == sorted(finished, reverse=True)
    wider = answers(forward, [job(n=9, max_tokens=6, beam=True)])[0]
    assert wider.completions[0].log_prob >= at_once[0].completions[0].log_prob - 1e-6


class Recorder:
    """A forward pass of fixed continuations that keeps the number of rows of each step."""

    shares = True
    joins = False

    def __init__(self, continuations):
        self.continuations = [[*text] for text in continuations]
        self.steps = []

    def prefill(self, prompts):
        from lakatos.prover.models.forward import Prefilled

        self.at = 0
        first = [self.score(i) for i in range(len(prompts))]
        return Prefilled(torch.stack(first), None, self.rows)

    def rows(self, owners):
        self.owners = list(owners)
        return self

    def keep(self, index):
        self.owners = [self.owners[i] for i in index]

    def step(self, tokens):
        self.at += 1
        self.steps.append(list(self.owners))
        return torch.stack([self.score(owner) for owner in self.owners])

    def score(self, owner):
        text = self.continuations[owner]
        letter = text[self.at] if self.at < len(text) else "</s>"
        scores = torch.full((len(tiny.VOCABULARY),), -math.inf)
        scores[tiny.VOCABULARY.index(letter)] = 0.0
        return scores


@pytest.mark.parametrize("beam", [False, True])
def test_stop_texts_end_a_completion_and_are_not_part_of_it(beam):
    texts = ("ab\nc", "ab)b(a", "abcdef", "abcd")
    stop = ("\n", ")b(", "zz")
    jobs = [job("a" * i, n=1, max_tokens=6, stop=stop, beam=beam) for i in range(1, 5)]
    got = [a[1].completions[0] for a in sorted(answers(Recorder(texts), jobs).items())]
    assert [c.text for c in got] == ["ab", "ab", "abcdef", "abcd"]
    assert [c.finished for c in got] == [True, True, False, True]
    assert [c.tokens for c in got] == [3, 5, 6, 5]
    assert [c.log_prob for c in got] == [0.0] * 4


def test_a_stop_text_within_one_token_or_of_split_letters_is_found():
    words = Vocabulary(LETTERS, frozenset([0]))
    assert words.may_end(LETTERS.convert_tokens_to_ids("\n"), ("x\n",))
    assert not words.may_end(LETTERS.convert_tokens_to_ids("a"), ("x\n", "aq"))
    letters = Vocabulary(BYTES, frozenset([1]))
    turnstile = BYTES("⊢", add_special_tokens=False)["input_ids"]
    assert all(letters.may_end(byte, ("⊢",)) for byte in turnstile)
    assert words.cut("rfl\n---x", ("---", "\n")) == "rfl"
    assert words.cut("rfl", ("---", "\n")) is None


def test_finished_rows_leave_the_batch_and_answers_come_as_they_are_ready():
    forward = Recorder(["a", "ab", "abcdefgh", "abcdefghij"])
    jobs = [job("a" * i, n=2, max_tokens=20) for i in range(1, 5)]
    order = [index for index, _ in Loop(forward).run(vocabulary(), jobs)]
    assert order == [0, 1, 2, 3]
    assert forward.steps[0] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert forward.steps[2] == [2, 2, 3, 3]
    assert forward.steps[-1] == [3, 3]
    assert len(forward.steps) == 10


def test_rows_that_nobody_waits_for_leave_the_batch():
    for beam in (False, True):
        forward = Recorder(["abcdef", "abcdef"])
        jobs = [job("a" * i, n=1, max_tokens=20, beam=beam) for i in (1, 2)]
        got = answers(forward, jobs, wanted=lambda i, f=forward: i == 0 or len(f.steps) < 2)
        assert list(got) == [0]
        assert forward.steps[-1] == [0]


def test_a_value_head_reads_the_last_token_of_a_prompt_in_the_same_pass():
    torch.manual_seed(1)
    weight, bias = torch.randn(1, 32), torch.tensor([0.25])
    model = tiny.llama()
    prompts = [LETTERS(text)["input_ids"] for text in PROMPTS]
    jobs = [job(text, n=n, max_tokens=3) for text, n in zip(PROMPTS, (2, 0, 1), strict=True)]
    got = answers(Causal(model, ValueHead(weight, bias)), jobs)
    for i, prompt in enumerate(prompts):
        with torch.inference_mode():
            out = model(input_ids=torch.tensor([prompt]), output_hidden_states=True)
        expected = (out.hidden_states[-1][0, -1] @ weight[0] + bias).sigmoid()
        assert got[i].value == pytest.approx(float(expected), abs=1e-4)
        assert got[i].prompt_tokens == len(prompt)
    assert [len(got[i].completions) for i in range(3)] == [2, 0, 1]
    assert len({round(got[i].value, 4) for i in range(3)}) == 3


def test_a_value_head_of_a_seq2seq_model_reads_the_encoder():
    torch.manual_seed(1)
    weight, bias = torch.randn(32), torch.tensor(-0.5)
    model = tiny.t5()
    jobs = [job(text, BYTES, n=0) for text in PROMPTS]
    got = answers(Seq2Seq(model, ValueHead(weight, bias)), jobs, BYTES)
    for i, asked in enumerate(jobs):
        with torch.inference_mode():
            hidden = model.get_encoder()(input_ids=torch.tensor([asked.tokens])).last_hidden_state
        assert got[i].value == pytest.approx(
            float((hidden[0, -1] @ weight + bias).sigmoid()), abs=1e-4
        )


def test_a_closed_form_check_of_the_exhaustive_reference():
    model = tiny.gpt2(words=len(FEW))
    chances = exact(model, [2, 3], 2)
    assert sum(chances.values()) == pytest.approx(1.0)
    assert set(chances) == {(0,), *itertools.product(range(1, 6), range(6))}
