"""`lakatos train drafts | critic | preferences`: what is learned, and that it can be used."""

import asyncio
import json
from importlib import import_module

import pytest

pytest.importorskip("trl", reason="needs the extra train")

import torch
from lakatos.data.errors import EnvironmentFault, UsageError
from lakatos.prover.config import ModelConfig
from lakatos.prover.models import transformers_model
from lakatos.prover.models.base import Prompt, Sampling
from lakatos.prover.policy_setup import critic_format, open_policy
from lakatos.prover.roles import roles
from lakatos.prover.training.classifier import ordered_share
from lakatos.prover.training.config import TrainingConfig
from lakatos.prover.training.draft_examples import DraftExample
from lakatos.prover.training.examples import read_examples
from lakatos.prover.training.method import TrainerParts
from lakatos.prover.training.model_folder import check_folder
from lakatos.prover.training.sft import ExampleEncoder, SupervisedMethod
from lakatos.prover.training.trainer import machine_faults, shared_arguments, train_model
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM

from . import tiny_models as tiny
from .test_prover_training import write_dataset

THEOREMS = 48


def letter(number):
    return "abcdefgh"[number % 8] * (1 + number // 8)


def near(number):
    """A state that a proof closes next."""
    return f"⊢ {letter(number)} = {letter(number)}"


def far(number):
    """A state that was never proved."""
    return f"h : {letter(number)}\n⊢ ({letter(number)})"


def steps(number):
    own = {"attempt": number, "root_key": f"t{number}", "state": near(number), "prior": 0.5}
    yield own | outcome("rfl", "advanced", proves=True)
    yield own | outcome("omega", "elaboration")
    yield own | outcome("skip", "advanced", next_states=[far(number)])
    yield own | outcome("simp", "timed_out")


def outcome(tactic, word, proves=False, next_states=()):
    told = {"tactic": tactic, "outcome": word, "proves": proves, "in_proof": proves}
    return told | {"next_states": list(next_states)}


def values(number):
    own = {"attempt": number, "root_key": f"t{number}", "expansions": 1}
    yield own | {"state": near(number), "status": "proved", "steps_to_go": 1}
    yield own | {"state": far(number), "status": "failed", "steps_to_go": None}
    new = {"state": f"⊢ {letter(number)}", "status": "open", "steps_to_go": None}
    yield own | new | {"expansions": 0}


def proofs(number):
    statement = f"theorem t : {letter(number)} = {letter(number)} := by\n  "
    own = {"attempt": number, "root_key": f"t{number}", "theorem": "t", "path": "a.lean"}
    yield own | {"state": near(number), "before": statement, "after": "\n", "proof": "rfl"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    for name, rows in (("steps", steps), ("values", values), ("proofs", proofs)):
        every = [row for number in range(THEOREMS) for row in rows(number)]
        write_dataset(place, f"{name}.jsonl", every)
    (place / "README.md").write_text("- checked by embedded 4.28.0\n")
    return place


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    place = tmp_path_factory.mktemp("base")
    return tiny.saved(tiny.llama(spread=1.0), tiny.letters(), place)


def config(base, dataset, out, kind, **changes):
    numbers = {"epochs": 4, "batch": 8, "rate": 3e-3, "lora": 0, "tokens": 256} | changes
    return TrainingConfig(base=str(base), data=(dataset,), out=out, kind=kind, **numbers)


def trained(given):
    data = read_examples(given.data, given.kind)
    check_folder(given, data)
    return train_model(given, data, lambda *_: None)


def test_pairs_are_of_what_proved_and_what_was_rejected_or_a_dead_end(dataset):
    data = read_examples([dataset], "preferences")
    assert {(each.chosen, each.rejected) for each in data.train} == {
        ("rfl", "omega"),
        ("rfl", "skip"),
    }
    assert data.lean == "4.28.0"


def test_a_state_is_worth_what_is_still_to_go_and_nothing_where_all_was_in_vain(tmp_path):
    rows = [
        {"root_key": "a", "state": "p", "status": "proved", "steps_to_go": 3, "expansions": 1},
        {"root_key": "a", "state": "p", "status": "open", "steps_to_go": None, "expansions": 2},
        {"root_key": "a", "state": "q", "status": "open", "steps_to_go": None, "expansions": 2},
        {"root_key": "a", "state": "r", "status": "open", "steps_to_go": None, "expansions": 0},
    ]
    data = read_examples([write_dataset(tmp_path, "values.jsonl", rows)], "critic")
    assert {each.state: each.value for each in data.train} == {"p": pytest.approx(0.81), "q": 0.0}


def test_the_loss_of_a_draft_is_of_the_proof_alone_and_a_long_proof_is_left_out(base, dataset):
    prompt = "theorem t : a := by\n  omega\n\nlean does not accept this\n\ntheorem t : a := by\n"
    example = DraftExample(prompt, "  rfl\n", "⊢ a", "t")
    given = config(base, dataset, dataset, "drafts", tokens=128)
    (row,) = ExampleEncoder(tiny.letters(), given).rows([example])
    behind = sum(row["completion_mask"])
    assert row["completion_mask"] == [0] * len(prompt) + [1] * behind
    assert tiny.letters().decode(row["input_ids"][-behind:]) == "  rfl\n</s>"
    assert tiny.letters().decode(row["input_ids"][:-behind]) == prompt
    short = config(base, dataset, dataset, "drafts", tokens=12)
    assert ExampleEncoder(tiny.letters(), short).rows([example]) == []


@pytest.mark.parametrize(
    ("kind", "counted"), [("drafts", "  rfl\naaa</s>"), ("tactics", "rfl</s>")]
)
def test_the_trainer_counts_the_answer_and_nothing_else(base, dataset, tmp_path, kind, counted):
    given = config(base, dataset, tmp_path, kind, batch=2)
    method, tokenizer = SupervisedMethod(given), tiny.letters()
    tokenizer.pad_token = tokenizer.eos_token
    rows = method.rows(tokenizer, read_examples([dataset], kind).train[:2])
    model = AutoModelForCausalLM.from_pretrained(base)
    train = import_module("datasets").Dataset.from_list(rows)
    trainer = method.trainer(TrainerParts(model, tokenizer, shared_arguments(given), train, None))
    batch = next(iter(trainer.get_train_dataloader()))
    for labels in batch["labels"]:
        assert tokenizer.decode(labels[labels != -100]) == counted


def test_a_model_of_drafts_is_trained_and_writes_them(run, base, dataset, tmp_path):
    out = tmp_path / "model"
    words = ["train", "drafts", base, "--data", dataset, "--out", out, "--lora", "4"]
    code, said, err = run(*words, "--batch", "8", "--rate", "0.01", "--tokens", "256")
    assert code == 0, err
    before, after = json.loads((out / "lakatos.json").read_text())["result"]["held_out"]
    assert after < before
    assert f"--policy hf:{out}" in said
    found = roles(f"hf:{out}", ModelConfig())
    assert (found.mode, found.form.name) == ("whole-proof", "deepseek-prover")
    other = ["train", "preferences", out, "--data", dataset, "--out", tmp_path / "other"]
    code, _, err = run(*other)
    assert (code, err[-1]) == (
        2, f"lakatos: {out} writes whole proofs; preferences are among tactics",
    )  # fmt: skip


def margin(folder, number):
    """By how much a model finds what proves likelier than what was rejected, in nats."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), tiny.letters()
    prompt = tokenizer(f"{near(number)}:::")["input_ids"]

    def log_prob(tactic):
        tokens = torch.tensor([prompt + tokenizer(f"{tactic}</s>")["input_ids"]])
        with torch.no_grad():
            scores = model(tokens).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        return scores.gather(-1, tokens[0, len(prompt) :, None]).sum().item()

    return log_prob("rfl") - log_prob("omega")


@pytest.mark.parametrize("lora", [0, 4])
def test_preferences_raise_the_margin_of_what_proves(base, dataset, tmp_path, lora):
    given = config(base, dataset, tmp_path / "model", "preferences", lora=lora)
    result = trained(given)
    before, after = result.measures["margin of the better tactic"]
    assert (before, result.held_out[0]) == pytest.approx((0.0, 0.6931), abs=1e-3)
    assert after > 0
    assert result.measures["pairs moved the right way"][1] > 0.9
    assert margin(given.out, 0) > margin(base, 0) + 1


@pytest.mark.parametrize("lora", [0, 4])
def test_a_critic_is_trained_and_ranks_what_is_near_a_proof_higher(base, dataset, tmp_path, lora):
    out = tmp_path / "model"
    given = config(base, dataset, out, "critic", lora=lora, epochs=8, rate=0.01)
    result = trained(given)
    assert result.held_out[1] < result.held_out[0]
    assert result.measures["pairs of states in the right order"][1] > 0.9
    critic = transformers_model.load_critic(str(out))
    states = [Prompt(near(0)), Prompt(far(0))]

    async def judged():
        answers = await critic.generate(states, Sampling(n=0))
        await critic.close()
        return [answer.value for answer in answers]

    good, bad = asyncio.run(judged())
    assert good > 0.6 > 0.4 > bad


def test_a_trained_critic_is_asked_in_its_own_format_and_is_no_policy(run, dataset, tmp_path):
    place = tiny.saved(tiny.bert(), tiny.letters(), tmp_path / "encoder")
    out = tmp_path / "deepseek-prover"  # a name that other formats know
    words = ["train", "critic", place, "--data", dataset, "--out", out, "--epochs", "1"]
    code, said, err = run(*words, "--lora", "0")
    assert code == 0, err
    assert f"--critic hf:{out}" in said
    assert critic_format(str(out)).name == "state"

    async def opened(words, **changes):
        async with open_policy(words, ModelConfig(**changes)) as policy:
            return policy.name

    assert asyncio.run(opened("hammer", critic=f"hf:{out}")) == "hammer"
    with pytest.raises(UsageError, match="judges states and writes nothing"):
        asyncio.run(opened(f"hf:{out}"))
    code, _, err = run("train", "tactics", out, "--data", dataset, "--out", "other")
    assert code == 2
    assert "a classifier, which writes nothing" in err[-1]


@pytest.mark.parametrize("kind", ["drafts", "critic", "preferences"])
@pytest.mark.parametrize("lora", [0, 4])
def test_what_was_broken_off_goes_on_to_the_same_model(base, dataset, tmp_path, kind, lora):
    expected = trained(config(base, dataset, tmp_path / "whole", kind, lora=lora, epochs=2))
    broken = config(base, dataset, tmp_path / "broken", kind, lora=lora, epochs=2)

    def stop(done, total, loss):
        if done == total // 2:
            raise KeyboardInterrupt

    data = read_examples([dataset], kind)
    check_folder(broken, data)
    with pytest.raises(KeyboardInterrupt):
        train_model(broken, data, stop, kept_every_s=0)
    done = []
    check_folder(broken, data)
    found = train_model(broken, data, lambda number, *_: done.append(number))
    assert done[0] > 1
    assert found.steps == expected.steps
    assert found.held_out == pytest.approx(expected.held_out, rel=1e-4)


def test_the_share_of_pairs_in_order_counts_those_that_differ():
    values, scores = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.5, 0.1, 0.9])
    assert ordered_share(scores, values) == 0.5
    assert ordered_share(scores[1:], values[1:]) == 0.5
    assert ordered_share(values, values) == 1.0


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("drafts", r"no dataset of lakatos extract for drafts \(proofs.jsonl, theorems.jsonl\)"),
        ("critic", r"no dataset of lakatos extract for critic \(values.jsonl\)"),
        ("preferences", r"no dataset of lakatos extract for preferences \(steps.jsonl\)"),
    ],
)
def test_what_is_missing_is_told(tmp_path, kind, says):
    with pytest.raises(UsageError, match=says):
        read_examples([tmp_path], kind)
    for name in ("proofs", "values", "steps"):
        write_dataset(tmp_path, f"{name}.jsonl", [])
    with pytest.raises(UsageError, match=r"nothing to train on in .*: no "):
        read_examples([tmp_path], kind)


def test_datasets_of_two_leans_are_not_mixed(base, dataset, tmp_path):
    other = write_dataset(tmp_path / "other", "values.jsonl", values(99))
    (other / "README.md").write_text("- checked by Lean (version 4.30.0, commit 1)\n")
    with pytest.raises(UsageError, match=r"of Lean 4\.28\.0 and 4\.30\.0; take data of one Lean"):
        read_examples([dataset, other], "critic")
    model = tmp_path / "model"
    model.mkdir()
    (model / "lakatos.json").write_text('{"prompt": "bfs-prover", "lean": "4.30.0"}')
    given = config(model, dataset, tmp_path / "out", "preferences")
    with pytest.raises(UsageError, match=r"was trained on proofs of Lean 4\.30\.0"):
        check_folder(given, read_examples([dataset], "preferences"))


def test_a_base_that_does_not_fit_is_told(dataset, tmp_path):
    both = tiny.saved(tiny.t5(), tiny.byte_tokenizer(), tmp_path / "t5")
    encoder = tiny.saved(tiny.bert(), tiny.letters(), tmp_path / "bert")
    bare = tmp_path / "bare"
    tiny.llama(spread=1.0).save_pretrained(bare)
    for kind, place, says in (
        ("drafts", both, "an encoder with a decoder"),
        ("critic", both, "an encoder with a decoder"),
        ("preferences", encoder, "an encoder .bert."),
        ("tactics", encoder, "an encoder .bert."),
        ("drafts", bare, "no tokenizer in"),
        ("critic", bare, "no tokenizer in"),
    ):
        with pytest.raises(UsageError, match=says):
            trained(config(place, dataset, tmp_path / f"{kind}-{place.name}", kind))


def test_examples_that_are_all_too_long_are_told(base, dataset, tmp_path):
    with pytest.raises(UsageError, match="every example is too long for 4 tokens"):
        trained(config(base, dataset, tmp_path / "out", "preferences", tokens=4))


@pytest.mark.parametrize(
    "error",
    [
        SafetensorError("Error while serializing: I/O error: No space left on device"),
        RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
        OSError(28, "No space left on device"),
        MemoryError("a batch of 16"),
    ],
)
def test_a_full_disk_or_memory_is_one_line(tmp_path, error):
    with pytest.raises(EnvironmentFault, match="training into"), machine_faults(tmp_path):
        raise error
    with pytest.raises(RuntimeError, match="shapes"), machine_faults(tmp_path):
        raise RuntimeError("shapes differ")
