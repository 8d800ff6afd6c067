"""Problems made from a seed: what they claim is true, and only the seed decides."""

import re
from itertools import product
from random import Random

import pytest
from lakatos.data.problems.families import HALTED, STEPS, identity, machine, trace

WIDTH = 4


def value(text, names, values):
    """A side of an identity, computed by Python at WIDTH bits."""
    code = text.replace("&&&", "&").replace("|||", "|").replace("^^^", "^").replace("~~~", "~")
    return eval(code, dict(zip(names, values, strict=True))) % 2**WIDTH


@pytest.mark.parametrize("seed", range(60))
def test_an_identity_holds_for_all_values(seed):
    signature = identity(Random(seed)).signature
    names = signature[1 : signature.index(" :")].split()
    left, right = signature[signature.index(") : ") + 4 :].split(" = ")
    for values in product(range(2**WIDTH if len(names) == 2 else 5), repeat=len(names)):
        assert value(left, names, values) == value(right, names, values), (signature, values)


def test_an_identity_has_two_different_sides():
    for seed in range(60):
        left, right = identity(Random(seed)).signature.split(") : ", 1)[1].split(" = ")
        assert left != right


@pytest.mark.parametrize("propose", [identity, machine])
def test_only_the_seed_decides(propose):
    assert propose(Random(5)) == propose(Random(5))
    assert len({propose(Random(seed)).signature + propose(Random(seed)).header
                for seed in range(30)}) > 20  # fmt: skip


BUSY_BEAVER = {
    (1, False): (True, True, 2), (1, True): (True, False, 2),
    (2, False): (True, False, 1), (2, True): (True, True, HALTED),
}  # fmt: skip


def test_the_busy_beaver_of_two_states_writes_four_ones_in_six_steps():
    tapes = trace(BUSY_BEAVER)
    state, left, head, right = tapes[-1]
    assert state == HALTED
    assert (len(tapes) - 1, sum((*left, head, *right))) == (6, 4)


def test_a_machine_that_comes_back_is_followed_no_further():
    walker = {(1, False): (False, True, 2), (2, False): (False, False, 1)}
    assert trace(walker) == [(1, (), False, ()), (2, (), False, ()), (1, (), False, ())]
    assert len(trace({(1, False): (True, True, 1)})) == STEPS + 1


def test_both_kinds_of_machines_come():
    families = [machine(Random(seed)).family for seed in range(40)]
    assert 10 < families.count("machine_halts") < 30
    assert set(families) == {"machine_halts", "machine_runs_on"}


def test_a_machine_that_halts_says_when():
    for seed in range(40):
        found = machine(Random(seed))
        if found.family == "machine_halts" and "≠" in found.signature:
            late, early = map(int, re.findall(r"run machine (\d+)", found.signature))
            assert late == early + 1
