"""Splits: nobody twice, nothing leaked, the same draw again."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakatos.data.dataset.splits import PARTS, Splittable, split

PROOFS = st.lists(
    st.builds(
        Splittable,
        st.integers(0, 60).map(str),
        st.lists(st.sampled_from("abcdefghijkl"), max_size=3, unique=True).map(tuple),
    ),
    max_size=120,
)


@given(PROOFS, st.sampled_from(["random", "novel_premises"]), st.integers(0, 5))
def test_everyone_is_in_one_part_and_no_statement_in_two(proofs, strategy, seed):
    parts = split(proofs, strategy, seed)
    assert sorted(n for part in PARTS for n in parts[part]) == list(range(len(proofs)))
    sides = [{proofs[n].key for n in parts[part]} for part in PARTS]
    assert not (sides[0] & sides[1])
    assert not (sides[0] & sides[2])
    assert not (sides[1] & sides[2])


@given(PROOFS, st.integers(0, 5))
def test_held_out_proofs_cite_a_premise_that_training_never_does(proofs, seed):
    parts = split(proofs, "novel_premises", seed)
    known = {premise for n in parts["train"] for premise in proofs[n].premises}
    held_out = {proofs[n].key for part in ("val", "test") for n in parts[part]}
    for key in held_out:
        cited = {p for proof in proofs if proof.key == key for p in proof.premises}
        assert cited - known, key


@pytest.mark.parametrize("strategy", ["random", "novel_premises"])
def test_the_draw_hangs_on_the_seed_not_on_the_order(strategy):
    proofs = [Splittable(str(n), (f"p{n % 700}",)) for n in range(1000)]
    shuffled = random.Random(1).sample(proofs, len(proofs))
    test = {proofs[n].key for n in split(proofs, strategy, 7)["test"]}
    assert len(test) == 50
    assert {shuffled[n].key for n in split(shuffled, strategy, 7)["test"]} == test
    assert {proofs[n].key for n in split(proofs, strategy, 8)["test"]} != test


def test_at_most_as_many_are_held_out_as_in_leandojos():
    parts = split([Splittable(str(n)) for n in range(50_000)], "random", 0)
    assert [len(parts[part]) for part in PARTS] == [46_000, 2_000, 2_000]
