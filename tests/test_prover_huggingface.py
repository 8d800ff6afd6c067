"""Loading checkpoints from folders, and the whole way from a prompt to its completions."""

import asyncio
import json
import shutil
import struct

import pytest
from lakatos.data.errors import LakatosError, ModelUnavailable, UsageError
from lakatos.prover.models.base import ChatMessage, Prompt, Sampling

torch = pytest.importorskip("torch", reason="needs the extra llm")
pytest.importorskip("transformers", reason="needs the extra llm")

from lakatos.prover.models import transformers_model as huggingface  # noqa: E402
from lakatos.prover.models.checkpoint import HuggingFaceOptions, loading_errors, require  # noqa: E402
from lakatos.prover.models.decode_loop import Loop  # noqa: E402
from lakatos.prover.models.forward import Causal  # noqa: E402
from lakatos.prover.models.request_queue import GenerationRequest, RequestQueue  # noqa: E402
from lakatos.prover.models.transformers_model import PromptLimits, Transformer  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import LlamaForSequenceClassification  # noqa: E402

from . import tiny_models as tiny  # noqa: E402

SAMPLING = Sampling(n=3, max_tokens=10)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny.saved(tiny.llama(), tiny.letters(), tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def byt5(tmp_path_factory):
    return tiny.saved(tiny.t5(), tiny.byte_tokenizer(), tmp_path_factory.mktemp("byt5"))


def load(folder, **options):
    return huggingface.load(str(folder), HuggingFaceOptions(**options))


def ask(model, *prompts, sampling=SAMPLING):
    """Ask once, then close."""

    async def whole():
        try:
            return await model.generate(
                [Prompt(p) if isinstance(p, str) else p for p in prompts], sampling
            )
        finally:
            await model.close()

    return asyncio.run(whole())


@pytest.mark.parametrize("kind", ["llama", "byt5"])
def test_a_folder_becomes_a_model_that_completes_prompts(kind, request):
    folder = request.getfixturevalue(kind)
    model = load(folder)
    assert isinstance(model, RequestQueue)
    assert model.name == f"hf:{folder}"
    first, second = ask(model, "abc ⊢ d", "q")
    assert len(first.completions) == len(second.completions) == 3
    assert all(c.log_prob < 0 and 1 <= c.tokens <= 10 for c in first.completions)
    assert first.value is None
    assert first.prompt_tokens == {"llama": 7, "byt5": 10}[kind]
    again = ask(load(folder), "abc ⊢ d")[0]
    assert [c.text for c in again.completions] == [c.text for c in first.completions]
    other = ask(load(folder), "abc ⊢ d", sampling=Sampling(n=3, max_tokens=10, seed=7))[0]
    assert [c.text for c in other.completions] != [c.text for c in first.completions]


def test_half_precision_gives_nearly_the_same_probabilities(llama):
    beam = Sampling(n=1, max_tokens=3, beam=True)
    full = ask(load(llama), "abc", sampling=beam)[0].completions[0]
    half = ask(load(llama, dtype="bfloat16"), "abc", sampling=beam)[0].completions[0]
    assert half.log_prob == pytest.approx(full.log_prob, abs=0.3)


def test_long_prompts_lose_their_beginning(llama):
    long = ask(load(llama, prompt_tokens=5), "zzzzzabcde")[0]
    assert long.prompt_tokens == 5
    limited = ask(load(llama), "a" * 400, sampling=Sampling(n=1, max_tokens=56))[0]
    assert limited.prompt_tokens == 200
    with pytest.raises(UsageError, match=r"300 new tokens leave no room .* context of 256"):
        ask(load(llama), "a", sampling=Sampling(n=1, max_tokens=300))


def test_an_empty_prompt_is_the_end_token(llama):
    assert ask(load(llama), "")[0].prompt_tokens == 1


def test_chats_go_through_the_models_template(llama, tmp_path):
    chat = Prompt(messages=(ChatMessage("system", "ab"), ChatMessage("user", "cd")))
    with pytest.raises(UsageError, match="no chat template"):
        ask(load(llama), chat)
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    template = "{% for m in messages %}{{ m.role[0] }}{{ m.content }}{% endfor %}z"
    (tmp_path / "chat_template.jinja").write_text(template)
    by_template = ask(load(tmp_path), chat)[0]
    by_hand = ask(load(tmp_path), "sabucdz")[0]
    assert by_template.prompt_tokens == by_hand.prompt_tokens == 7


@pytest.mark.parametrize("shape", [(32,), (1, 32)])
def test_a_value_head_beside_the_model_is_used(llama, tmp_path, shape):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    head = {"weight": torch.zeros(shape), "bias": torch.tensor([2.0])}
    save_file(head, tmp_path / "value_head.safetensors")
    got = ask(load(tmp_path), "abc")[0]
    assert got.value == pytest.approx(0.880797, abs=1e-5)
    assert len(got.completions) == 3
    judged = ask(huggingface.load_critic(str(tmp_path)), "abc", sampling=Sampling(n=0))[0]
    assert (judged.value, judged.completions) == (pytest.approx(0.880797, abs=1e-5), ())


@pytest.mark.parametrize("labels", [1, 2])
def test_a_classifier_judges_whatever_the_padding(labels, tmp_path):
    config = tiny.llama().config
    config.num_labels, config.pad_token_id = labels, 0
    torch.manual_seed(3)
    model = LlamaForSequenceClassification(config).eval()
    tiny.saved(model, tiny.letters(), tmp_path)
    texts = ("abc ⊢ d", "q", "zyx", "pqr")
    judge = huggingface.load_critic(str(tmp_path))
    at_once = [g.value for g in ask(judge, *texts, sampling=Sampling(n=0))]
    for text, value in zip(texts, at_once, strict=True):
        with torch.inference_mode():
            tokens = torch.tensor([tiny.letters()(text)["input_ids"]])
            scores = model(input_ids=tokens).logits[0]
        wanted = scores.softmax(-1)[1] if labels == 2 else scores[0].sigmoid()
        assert value == pytest.approx(float(wanted), abs=1e-5)
    with pytest.raises(UsageError, match="judges and writes nothing"):
        ask(huggingface.load_critic(str(tmp_path)), "abc")


def test_a_model_that_cannot_judge_is_no_critic(llama):
    with pytest.raises(UsageError, match="neither a classifier nor a value_head"):
        huggingface.load_critic(str(llama))


class Tight:
    """A forward pass that runs out of memory with more than two prompts."""

    shares = True

    def __init__(self, forward):
        self.forward = forward
        self.sizes = []

    def prefill(self, prompts):
        self.sizes.append(len(prompts))
        if len(prompts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.forward.prefill(prompts)


def transformer(forward):
    limits = PromptLimits(prompt=100, context=256, ends=frozenset([0]))
    return Transformer("hf:tiny", Loop(forward), tiny.letters(), limits)


def test_running_out_of_memory_halves_the_batch():
    forward = Tight(Causal(tiny.llama()))
    got = ask(RequestQueue(transformer(forward), 10000), "a", "b", "c", "d", "e")
    roomy = ask(RequestQueue(transformer(Causal(tiny.llama())), 10000), "a", "b", "c", "d", "e")
    assert [[c.text for c in g.completions] for g in got] == [
        [c.text for c in g.completions] for g in roomy
    ]
    assert forward.sizes[0] == 5
    assert max(forward.sizes[2:]) <= 2


WRONG = [
    ({"dtype": "int8"}, "dtype int8: use bfloat16, float16 or float32"),
    ({"dtype": "bf16"}, "dtype bf16: use"),
    ({"device": "cuda:77"}, "device cuda:77"),
    ({"device": "gpu"}, "device gpu"),
]


@pytest.mark.parametrize(("options", "line"), WRONG)
def test_wrong_options_are_told_in_one_line(llama, options, line):
    with pytest.raises(UsageError, match=line) as failed:
        load(llama, **options)
    assert "\n" not in str(failed.value)


def gguf_of(architecture):
    """A GGUF file that holds nothing but the name of its architecture."""
    key = b"general.architecture"
    text = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(architecture))
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text + architecture.encode()


def test_wrong_places_are_told_in_one_line(llama, tmp_path):
    offline = HuggingFaceOptions(offline=True)
    copy = shutil.copytree(llama, tmp_path / "copy")
    (copy / "model.safetensors").unlink()
    nonsense = shutil.copytree(llama, tmp_path / "nonsense")
    (nonsense / "model.safetensors").write_text("nonsense")
    speechless = shutil.copytree(llama, tmp_path / "speechless")
    for file in [*speechless.glob("tokenizer*"), speechless / "model.safetensors"]:
        file.unlink()  # told before the weights, which may be gigabytes, are read
    wordless = tmp_path / "wordless"
    tiny.t5().config.save_pretrained(wordless)
    (tmp_path / "nonsense.gguf").write_text("nonsense")
    (tmp_path / "strange.gguf").write_bytes(gguf_of("strange"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "config.json").write_text(json.dumps({"model_type": "strange"}))
    for name, line in [
        ("./no-such-folder", r"no such folder: \./no-such-folder"),
        (str(tmp_path / "empty"), "it has no config.json"),
        (str(tmp_path / "strange"), "strange"),
        (str(copy), "model.safetensors"),
        (str(nonsense), "hf:"),
        (str(speechless), "no tokenizer in .*: a file such as tokenizer.json"),
        (str(wordless), "no tokenizer in .*: a file such as tokenizer.json"),
        ("./no-such-file.gguf", r"no such file: \./no-such-file.gguf"),
        (str(tmp_path / "nonsense.gguf"), "is no GGUF file, or not all of one"),
        (str(tmp_path / "strange.gguf"), "architecture strange is not supported"),
        ("lakatos-tests/no-such-model", "is not on this machine, and may not be fetched"),
        ("not a name", "hf:not a name"),
    ]:
        with pytest.raises(UsageError, match=line) as failed:
            huggingface.load(name, offline)
        assert "\n" not in str(failed.value)


def test_a_failing_network_is_the_machines_fault():
    for cause, kind in [
        (ConnectionError("refused"), ModelUnavailable),
        (TimeoutError("slow"), ModelUnavailable),
        (KeyError("name"), UsageError),
    ]:
        with pytest.raises(LakatosError) as failed, loading_errors("some/model", "config"):
            raise OSError("cannot load\nmore words") from cause
        assert type(failed.value) is kind
        assert str(failed.value) == "hf:some/model (config): cannot load"


def test_a_missing_extra_is_named():
    there = {"torch": object()}
    require("hf:x", ("torch",), "'lakatos[llm]'", there.get)
    with pytest.raises(UsageError, match=r"hf:x needs transformers: pip install 'lakatos\[llm\]'"):
        require("hf:x", ("torch", "transformers"), "'lakatos[llm]'", there.get)


def test_the_size_of_a_batch_counts_prompts_once_where_they_are_shared():
    jobs = [
        GenerationRequest(Prompt("x"), Sampling(n=4, max_tokens=10), (1,) * 6),
        GenerationRequest(Prompt("y"), Sampling(n=2, max_tokens=5), (1,) * 9),
    ]
    assert transformer(Causal(tiny.llama())).kv_tokens(jobs) == 2 * 9 + 6 * 10
    assert transformer(Causal(tiny.mistral())).kv_tokens(jobs) == 6 * 9 + 6 * 10


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"n": -1}, "completions: -1"),
        ({"max_tokens": 0}, "max_tokens 0"),
        ({"temperature": 0.0}, "temperature 0.0: it must be above 0"),
        ({"top_p": 1.5}, "top_p 1.5"),
        ({"stop": ("",)}, "an empty stop text"),
    ],
)
def test_settings_by_which_nothing_can_be_drawn_are_refused(settings, line):
    with pytest.raises(UsageError, match=line):
        transformer(None).prepare(Prompt("a"), Sampling(**settings))


def test_a_closed_model_says_so():
    closed = transformer(Causal(tiny.llama()))
    closed.close()
    with pytest.raises(ModelUnavailable, match="was closed"):
        closed.kv_tokens([GenerationRequest(Prompt("x"), SAMPLING, (1,))])


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # of peft
def test_a_lora_adapter_is_merged_into_the_weights(llama, tmp_path):
    peft = pytest.importorskip("peft", reason="adapters need peft")
    torch.manual_seed(5)
    settings = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(tiny.llama(), settings)
    adapted.save_pretrained(tmp_path)
    got = ask(load(llama, adapter=str(tmp_path)), "abc")[0].completions[0]
    tokens = [*tiny.letters()("abc")["input_ids"], *tiny.letters()(got.text)["input_ids"]]
    tokens += [0] if got.finished else []
    with torch.inference_mode():
        logs = adapted.eval()(input_ids=torch.tensor([tokens])).logits[0].log_softmax(-1)
    total = sum(float(logs[i - 1, tokens[i]]) for i in range(3, len(tokens)))
    assert got.log_prob == pytest.approx(total, abs=1e-3)
    assert got.log_prob != pytest.approx(ask(load(llama), "abc")[0].completions[0].log_prob)


def test_a_missing_adapter_is_told_in_one_line(llama):
    pytest.importorskip("peft", reason="adapters need peft")
    with pytest.raises(UsageError, match="no-such-adapter") as failed:
        load(llama, adapter="./no-such-adapter", offline=True)
    assert "\n" not in str(failed.value)
