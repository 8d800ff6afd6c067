"""Retrieval on made-up libraries: what shares rare constants comes first, own lemmas among it."""

import asyncio

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import Premise, ProofState
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.queries.premises import Premises, Symbols
from lakatos.prover.config import ModelConfig
from lakatos.prover.models.base import Completion, Generated, Sampling
from lakatos.prover.policy.base import Query
from lakatos.prover.policy.language import LanguagePolicy
from lakatos.prover.policy.prompts import PromptFormat
from lakatos.prover.policy_setup import open_policy
from lakatos.prover.retrieval.base import Lexical, Retrieval, question
from lakatos.prover.retrieval.bm25 import BM25, name_parts

from .toy_prover import ToyPool

COMMON = [Premise(f"Eq.case{i}", "theorem", "M", ("Eq",), ("Nat",)) for i in range(50)]
ADD = Premise("Nat.add_comm", "theorem", "M", ("Eq", "Nat.add"))
MUL = Premise("Nat.mul_comm", "theorem", "M", ("Eq", "Nat.mul"))
POW = Premise("Nat.pow_le", "theorem", "M", ("LE", "Nat.pow"), ("Nat.add",))
LIBRARY = (*COMMON, ADD, MUL, POW)
OWN = Premise("double_add", "theorem", "", ("Eq", "double", "Nat.add"))
DOUBLE = Premise("double", "definition", "", ("Nat",))
THEOREM = ToyPool().theorem("identity")


class Shelf:
    """A source of premises; every state asks for addition of doubles."""

    def __init__(self, library=LIBRARY, own=(OWN, DOUBLE), symbols=None):
        self._library, self._own = library, own
        self._symbols = symbols or Symbols(("Eq", "Nat.add", "double"))
        self.printed = []

    async def library(self, theorem):
        return self._library

    async def own(self, theorem):
        return self._own

    async def symbols(self, state):
        return self._symbols

    async def texts(self, theorem, premises):
        self.printed += [premise.name for premise in premises]
        return ["" if p.name == "Nat.pow_le" else f": {p.name}" for p in premises]


def names(premises):
    return [premise.name for premise in premises]


def retrieved(k, shelf=None):
    return asyncio.run(Lexical(shelf or Shelf()).retrieve(Query(THEOREM, ProofState("s")), k))


def test_rare_constants_count_more_than_common_ones():
    index = BM25(LIBRARY)
    assert index.idf("Nat.add") > index.idf("Eq") > 0
    assert names(index.best({"Eq": 1.0, "Nat.mul": 1.0}, 2)) == ["Nat.mul_comm", "Eq.case0"] or (
        names(index.best({"Eq": 1.0, "Nat.mul": 1.0}, 1)) == ["Nat.mul_comm"]
    )


def test_a_conclusion_counts_more_than_a_hypothesis():
    assert names(BM25(LIBRARY).best({"Nat.add": 1.0}, 5)) == ["Nat.add_comm", "Nat.pow_le"]


def test_a_premise_is_found_by_its_own_name_and_its_parts():
    assert names(BM25(LIBRARY).best({"Nat.pow_le": 1.0}, 5)) == ["Nat.pow_le"]
    assert names(BM25(LIBRARY).best({"~mul": 1.0}, 5)) == ["Nat.mul_comm"]
    assert name_parts("Nat.add_commHTTP2") == ["~nat", "~add", "~comm", "~http", "~2"]


def test_nothing_shared_is_not_found():
    assert BM25(LIBRARY).best({"Ring": 1.0}, 5) == []
    assert BM25(()).best({"Ring": 1.0}, 5) == []


def test_own_premises_are_ranked_among_the_library_and_change_nothing_for_it():
    found = retrieved(3)
    assert names(found) == ["double_add", "double", "Nat.add_comm"]
    alone = names(retrieved(100, Shelf(own=())))
    assert [name for name in names(retrieved(100)) if name not in names((OWN, DOUBLE))] == alone


def test_what_is_asked_twice_is_answered_alike():
    shelf = Shelf()
    lexical = Lexical(shelf)
    query = Query(THEOREM, ProofState("s"))

    async def run():
        return [await lexical.retrieve(query, 20) for _ in range(2)]

    first, second = asyncio.run(run())
    assert first == second == retrieved(20)


def test_a_target_counts_more_than_the_hypotheses():
    words = question(Symbols(("Nat.add",), ("Nat.mul",)))
    assert words["Nat.add"] > words["Nat.mul"] > words["~mul"]
    assert words["~nat"] > words["~mul"]


class Listening:
    """A model that keeps its prompts."""

    name = "listening"

    def __init__(self):
        self.prompts = []

    async def generate(self, prompts, sampling):
        self.prompts += prompts
        return [Generated((Completion("rfl"),)) for _ in prompts]

    async def close(self):
        pass


@pytest.mark.parametrize("answer", ["tactic", "proof"])
def test_prompts_show_premises_that_lean_can_print(answer):
    form = PromptFormat("f", "{premises}{state}", premise="{kind} {name} {type};", answer=answer)
    shelf, model = Shelf(own=(), symbols=Symbols(("Nat.add", "Nat.pow"))), Listening()
    retrieval = Retrieval(Lexical(shelf), shelf, 2)
    policy = LanguagePolicy(model, form, Sampling(n=1), retrieval)
    asyncio.run(policy.propose([Query(THEOREM, THEOREM.state)]))
    assert sorted(shelf.printed) == ["Nat.add_comm", "Nat.pow_le"]
    told = "theorem Nat.add_comm : Nat.add_comm;"
    assert model.prompts[0].text == f"{told}{THEOREM.state.pretty}"


def test_without_a_retriever_nothing_is_retrieved():
    form = PromptFormat("f", "{premises}{state}")
    model = Listening()
    asyncio.run(LanguagePolicy(model, form, Sampling(n=1)).propose([Query(THEOREM, THEOREM.state)]))
    assert model.prompts[0].text == THEOREM.state.pretty


@pytest.mark.parametrize(
    ("spec", "config", "says"),
    [
        ("hf:bfs-prover", {}, "prompt bfs-prover shows no premises; these do: reprover"),
        ("hammer", {}, "retriever bm25: the policy asks no model"),
        ("hf:x", {"prompt": "state"}, "prompt state shows no premises"),
    ],
)
def test_premises_that_nobody_would_read_are_an_error(spec, config, says):
    async def run():
        settings = ModelConfig(retriever="bm25", **config)
        async with open_policy(spec, settings, source=Shelf()):
            pass

    with pytest.raises(UsageError, match=says):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"retriever": "bm52"}, "no retriever 'bm52'; there is: bm25, hf:NAME, none"),
        ({"retriever": "hf:"}, "no retriever 'hf:'"),
        ({"premises": 0}, "premises must be at least 1, not 0"),
    ],
)
def test_a_wrong_retriever_is_one_line(config, says):
    with pytest.raises(UsageError, match=says):
        ModelConfig(**config)


REAL = """def double : List Nat → List Nat
  | [] => []
  | n :: ns => (2 * n) :: double ns

theorem double_append (xs ys : List Nat) : double (xs ++ ys) = double xs ++ double ys := by
  induction xs <;> simp_all [double]

theorem asked (xs ys : List Nat) : (double (xs ++ ys)).length = xs.length + ys.length := by
  sorry

theorem double_later (xs : List Nat) : (double xs).length = xs.length := by
  induction xs <;> simp_all [double]
"""


@pytest.mark.lean
def test_a_real_prompt_shows_what_lean_offers(toolchain, tmp_path):
    form = PromptFormat("f", "{premises}{state}", premise="{kind} {name} {type}\n")
    model = Listening()

    async def run():
        async with LeanPool(toolchain, workers=1) as pool:
            (theorem,) = (await pool.open("real.lean", REAL)).theorems
            source = Premises(pool, tmp_path)
            retrieval = Retrieval(Lexical(source), source, 8)
            policy = LanguagePolicy(model, form, Sampling(n=1), retrieval)
            return await policy.propose([Query(theorem, theorem.state)] * 2)

    asyncio.run(run())
    (prompt,) = model.prompts
    lines = prompt.text.splitlines()
    own = "(xs ys : List Nat) : double (xs ++ ys) = double xs ++ double ys"
    assert f"theorem double_append {own}" in lines[:3]
    assert any(line.startswith("theorem List.length_append ") for line in lines[:8])
    assert "asked" not in prompt.text
    assert "double_later" not in prompt.text
    assert lines[8:10] == [
        "xs ys : List Nat",
        "⊢ (double (xs ++ ys)).length = xs.length + ys.length",
    ]
