"""Premises by embeddings, on tiny encoders with random weights: real forward passes, on the CPU."""

import asyncio
import sqlite3

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import Goal, Premise, ProofState
from lakatos.lean_env.queries.premises import Symbols
from lakatos.prover.config import ModelConfig
from lakatos.prover.policy.base import Query
from lakatos.prover.policy_setup import open_policy

from .toy_prover import ToyPool

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from lakatos.prover.retrieval.dense import PROBE, Dense, Embeddings, Encoder  # noqa: E402

from .tiny_models import bert, byte_tokenizer, letters, saved, t5  # noqa: E402

THEOREM = ToyPool().theorem("identity")
LIBRARY = tuple(Premise(name, "theorem", "M") for name in ("a.b", "add.comm", "mul.comm", "z"))
OWN = (Premise("mine", "definition", ""),)
TEXTS = {
    "a.b": ": a = b",
    "add.comm": ": a + b = b + a",
    "mul.comm": ": (a) = (b)",
    "z": "zz",
    "mine": ": q",
}


class Shelf:
    """A source of premises; counts what it prints."""

    def __init__(self, folder=None):
        self.folder = folder
        self.printed = 0

    async def library(self, theorem):
        return LIBRARY

    async def own(self, theorem):
        return OWN

    async def symbols(self, state):
        return Symbols()

    async def texts(self, theorem, premises):
        return [TEXTS[premise.name] for premise in premises]

    async def library_texts(self, theorem):
        self.printed += 1
        return await self.texts(theorem, LIBRARY)


class Counting:
    """An encoder, and how many texts it was given."""

    def __init__(self, encoder):
        self.encoder = encoder
        self.name, self.key = encoder.name, encoder.key
        self.texts = []

    def __call__(self, texts):
        self.texts += texts
        return self.encoder(texts)


@pytest.fixture(scope="module", params=["byt5", "bert"])
def encoder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model, tokenizer = (t5(), byte_tokenizer()) if request.param == "byt5" else (bert(), letters())
    return Encoder(str(saved(model, tokenizer, folder)))


def ask(retriever, text, k):
    query = Query(THEOREM, ProofState("s", (Goal(text),)))
    return [p.name for p in asyncio.run(retriever.retrieve(query, k))]


def test_an_embedding_is_the_mean_of_the_last_layer(encoder):
    text = "a + b"
    inputs = encoder._tokenizer([text], return_tensors="pt")
    with torch.inference_mode():
        mean = encoder._model(**inputs).last_hidden_state[0].mean(0)
    assert torch.allclose(encoder([text])[0], mean / mean.norm(), atol=1e-5)


def test_a_batch_of_unlike_lengths_embeds_each_as_alone(encoder):
    texts = ["a", "a + b = b + a", ":", "z z z z z", "a"]
    at_once = encoder(texts)
    alone = torch.cat([encoder([text]) for text in texts])
    assert torch.allclose(at_once, alone, atol=1e-5)
    assert torch.allclose(at_once.norm(dim=-1), torch.ones(len(texts)), atol=1e-5)


def test_the_nearest_come_first(encoder):
    shelf = Shelf()
    told = {p.name: f"{p.name} {TEXTS[p.name]}" for p in (*OWN, *LIBRARY)}
    target = "a + b = b + a"
    asked = encoder([f"⊢ {target}"])[0]
    near = {name: float(encoder([text])[0].half().float() @ asked) for name, text in told.items()}
    expected = sorted(near, key=lambda name: -near[name])
    assert ask(Dense(shelf, encoder), target, 5) == expected
    assert ask(Dense(shelf, encoder), target, 2) == expected[:2]
    assert ask(Dense(shelf, encoder), target, 99) == expected


def test_premises_are_embedded_once_and_kept(encoder, tmp_path):
    first, second = Counting(encoder), Counting(encoder)
    shelf = Shelf(tmp_path)
    retriever = Dense(shelf, first)
    before = [ask(retriever, "a = b", 5) for _ in range(2)]
    library = [f"{p.name} {TEXTS[p.name]}" for p in (*LIBRARY, *OWN)]
    assert [text for text in first.texts if text in library] == library
    assert shelf.printed == 1
    assert ask(Dense(Shelf(tmp_path), second), "a = b", 5) == before[0] == before[1]
    assert second.texts == ["⊢ a = b"]


def test_another_model_has_its_own_embeddings(tmp_path):
    made = []
    for name, spread in (("one", 2.0), ("two", 3.0)):
        folder = tmp_path / name
        made.append(Counting(Encoder(str(saved(t5(spread=spread), byte_tokenizer(), folder)))))
    for each in made:
        Embeddings(each, tmp_path / "e.db")(["a", "b", "a"])
        assert sorted(each.texts) == ["a", "b"]
    assert made[0].key != made[1].key


@pytest.mark.parametrize("broken", ["folder", "bytes"])
def test_a_database_that_cannot_be_used_costs_only_time(encoder, tmp_path, broken):
    place = tmp_path / "e.db"
    if broken == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"no database" * 100)
        with pytest.raises(sqlite3.DatabaseError):
            sqlite3.connect(place).execute("SELECT * FROM vector")
    told = []
    found = Embeddings(encoder, place, told.append)(["a", PROBE])
    assert torch.allclose(found, encoder(["a", PROBE]), atol=1e-3)
    assert [place.name in line for line in told] == [True] * (broken == "bytes")
    Embeddings(encoder, place, told.append)(["a", PROBE])
    assert len(told) == (broken == "bytes")


def test_reprovers_encoders_see_marked_names(tmp_path):
    folder = tmp_path / "leandojo-lean4-retriever-byt5-small"
    counting = Counting(Encoder(str(saved(t5(), byte_tokenizer(), folder))))
    ask(Dense(Shelf(), counting), "a", 1)
    assert "theorem <a>add.comm</a> : a + b = b + a" in counting.texts
    assert "def <a>mine</a> : q" in counting.texts


def test_an_encoder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="no such folder: /nowhere"):
        Encoder("/nowhere")
    with pytest.raises(UsageError, match=r"no model in .*: it has no config\.json"):
        Encoder(str(tmp_path))


def test_a_policy_takes_its_encoder_by_name(tmp_path):
    model = saved(t5(), byte_tokenizer(), tmp_path / "model")
    encoder = saved(t5(seed=1), byte_tokenizer(), tmp_path / "encoder")
    shelf = Shelf(tmp_path / "kept")
    settings = {"prompt": "reprover", "retriever": f"hf:{encoder}", "premises": 2, "samples": 2}

    async def run():
        config = ModelConfig(**settings, options={"max_tokens": "4", "device": "cpu"})
        async with open_policy(f"hf:{model}", config, source=shelf) as policy:
            return await policy.propose([Query(THEOREM, THEOREM.state)])

    (advice,) = asyncio.run(run())
    assert advice.tokens > 0
    assert shelf.printed == 1
    assert (tmp_path / "kept" / "embeddings.db").is_file()
