"""`lakatos train`: what is trained on, a tiny model trained, broken off, and used."""

import json

import pytest

pytest.importorskip("trl", reason="needs the extra train")

from lakatos.data.dataset.from_store import part_of
from lakatos.data.errors import UsageError
from lakatos.prover.config import ModelConfig
from lakatos.prover.policy_spec import parse_policy
from lakatos.prover.training.config import TrainingConfig
from lakatos.prover.training.examples import read_examples
from lakatos.prover.training.model_folder import check_folder
from lakatos.prover.training.sft import ExampleEncoder
from lakatos.prover.training.trainer import train_model

from . import tiny_models as tiny

STATE = "a : b\n⊢ {} = {}"


def rows_of_attempts(count):
    """Steps of as many theorems: each proved by a tactic that its state tells, and one tried."""
    for number in range(count):
        letter = "abcdefgh"[number % 8]
        about = {
            "root_key": f"t{number}",
            "state": STATE.format(letter, letter * (1 + number // 8)),
        }
        yield about | {"tactic": f"rfl {letter}", "in_proof": True}
        yield about | {"tactic": "omega", "in_proof": False}


def write_dataset(folder, name, rows):
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "data", "steps.jsonl", rows_of_attempts(40))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    place = tmp_path_factory.mktemp("base")
    tiny.saved(tiny.llama(spread=1.0), tiny.letters(), place)
    return place


def config(base, dataset, out, **changes):
    numbers = {"epochs": 4, "batch": 8, "rate": 3e-3, "lora": 0} | changes
    return TrainingConfig(base=str(base), data=(dataset,), out=out, **numbers)


def test_only_tactics_of_proofs_are_trained_on_and_held_out_theorems_never(dataset):
    data = read_examples([dataset, dataset])
    assert {example.tactic[:3] for example in data.train} == {"rfl"}
    assert {part_of(example.theorem, 0) for example in data.train} == {"train"}
    assert {part_of(example.theorem, 0) for example in data.held_out} == {"val"}
    assert len(data.train) + len(data.held_out) <= 40


def test_a_state_that_is_held_out_is_not_trained_on(tmp_path):
    keys = [f"t{number}" for number in range(60)]
    rows = [{"root_key": key, "state": "⊢ p", "tactic": key, "in_proof": True} for key in keys]
    rows.append({"root_key": "other", "state": "⊢ q", "tactic": "x", "in_proof": True})
    assert part_of("other", 0) == "train"
    data = read_examples([write_dataset(tmp_path, "steps.jsonl", rows)])
    assert [example.tactic for example in data.train] == ["x"]
    assert data.left_out == sum(part_of(key, 0) == "train" for key in keys)


def test_tactics_of_files_are_read(tmp_path):
    step = {"goals_before": [{}], "state_before": "⊢ p", "tactic": "simp"}
    none, long = step | {"goals_before": []}, step | {"tactic": "x" * 1000}
    row = {"key": "k0", "traced_tactics": [step, none, long]}
    (tmp_path / "jsonl").mkdir()
    write_dataset(tmp_path / "jsonl", "theorems.jsonl", [row])
    assert [example.tactic for example in read_examples([tmp_path]).train] == ["simp"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing to train on"),
        ("{", r"steps.jsonl: cannot be read \(Expecting"),
        ('{"state": "p"}\n', "line 1: no tactic"),
    ],
)
def test_wrong_data_are_told_in_one_line(tmp_path, text, says):
    (tmp_path / "steps.jsonl").write_text(text)
    with pytest.raises(UsageError, match=says):
        read_examples([tmp_path])
    with pytest.raises(UsageError, match="no dataset"):
        read_examples([tmp_path / "away"])


def test_the_loss_is_of_the_tactic_alone_and_an_overlong_prompt_loses_its_beginning(base, dataset):
    tokenizer = tiny.letters()
    example = read_examples([dataset]).train[0]
    whole = ExampleEncoder(tokenizer, config(base, dataset, dataset)).rows([example])[0]
    behind = sum(whole["completion_mask"])
    assert whole["completion_mask"][-behind:] == [1] * behind
    assert tokenizer.decode(whole["input_ids"][-behind:]) == f"{example.tactic}</s>"
    shown = tokenizer.decode(whole["input_ids"][:-behind])
    assert shown == tokenizer.decode(tokenizer(f"{example.state}:::")["input_ids"])
    cut = ExampleEncoder(tokenizer, config(base, dataset, dataset, tokens=12)).rows([example])[0]
    assert cut["input_ids"] == whole["input_ids"][-12:]


def test_a_model_is_trained_and_knows_its_prompt(run, base, dataset, tmp_path):
    out = tmp_path / "model"
    words = ["train", "tactics", base, "--data", dataset, "--out", out, "--lora", "4"]
    code, said, err = run(*words, "--batch", "8", "--epochs", "4", "--rate", "0.01")
    assert code == 0, err
    before, after = json.loads((out / "lakatos.json").read_text())["result"]["held_out"]
    assert after < before
    assert f"--policy hf:{out}" in said
    assert not (out / "checkpoints").exists()
    assert (out / "README.md").read_text().startswith("# A model of Lean 4 tactics")
    (spec,) = parse_policy(f"hf:{out}").models
    assert spec.format(ModelConfig()).name == "bfs-prover"
    assert spec.format(ModelConfig(prompt="llmstep")).name == "llmstep"
    code, _, err = run(*words)
    assert (code, err[-1]) == (2, f"lakatos: {out} has a trained model already")


def test_what_was_broken_off_goes_on_to_the_same_model(base, dataset, tmp_path):
    data = read_examples([dataset])
    whole = config(base, dataset, tmp_path / "whole")
    check_folder(whole, data)
    expected = train_model(whole, data, lambda *_: None)

    broken = config(base, dataset, tmp_path / "broken")

    def stop(done, total, loss):
        if done == total // 2:
            raise KeyboardInterrupt

    check_folder(broken, data)
    with pytest.raises(KeyboardInterrupt):
        train_model(broken, data, stop, kept_every_s=0)
    with pytest.raises(UsageError, match="another training"):
        check_folder(config(base, dataset, tmp_path / "broken", batch=4), data)
    check_folder(broken, data)
    steps = []
    found = train_model(broken, data, lambda done, *_: steps.append(done))
    assert steps[0] > 1
    assert found.steps == expected.steps
    assert found.held_out[1] == pytest.approx(expected.held_out[1], rel=1e-4)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("poems", "BASE", "--data", "DATA", "--out", "o"), "there is: tactics"),
        (("tactics", "./away", "--data", "DATA", "--out", "o"), "no such folder: ./away"),
        (("tactics", "BASE", "--data", "away", "--out", "o"), "away: no dataset"),
        (("tactics", "BASE", "--data", "DATA", "--out", "BASE"), "is not empty"),
        (("tactics", "BASE", "--data", "DATA", "--out", "o", "--lora", "-1"), "lora must be 0"),
        (("tactics", "BASE", "--data", "DATA", "--out", "o", "--epochs", "0"), "epochs must be"),
        (("critic", "BASE", "--data", "DATA", "--out", "o", "--beta", "0"), "beta must be"),
        (("critic", "BASE", "--out", "o"), "missing BASE or --data: lakatos train critic BASE"),
        (("drafts", "BASE", "--data", "DATA", "--out", "o"), "for drafts (proofs.jsonl"),
        (
            ("tactics", "BASE", "--data", "DATA", "--out", "o", "--exclude", "DATA"),
            "--exclude is for priors and memory: give it to lakatos extract",
        ),
        (("tactics", "BASE", "--data", "DATA", "--out", "o", "--run", "3"), "--run is not for"),
    ],
)
def test_wrong_words_are_told_in_one_line(run, base, dataset, words, says):
    places = {"BASE": base, "DATA": dataset}
    code, _, err = run("train", *(places.get(word, word) for word in words))
    assert code == 2
    assert says in err[-1]
