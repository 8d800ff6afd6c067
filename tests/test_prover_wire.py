"""What is packed comes out equal, however deep the way to a state."""

import pickle

from lakatos.data.records import Advanced, Expansion, Goal, Origin, ProofState, Step
from lakatos.prover.evaluation.wire import pack, unpack

from .test_data_store import make_expansions, make_theorem, told


def test_every_kind_of_outcome_comes_back():
    expansions = make_expansions(make_theorem())
    back = unpack(pickle.loads(pickle.dumps(pack(expansions))))
    assert told(back) == told(expansions)
    assert [e.tokens for e in back] == [e.tokens for e in expansions]


def test_a_path_of_thousands_of_tactics_is_packed():
    state = ProofState("root", (Goal("p"),), root="f#0")
    expansions = []
    for n in range(5_000):
        after = ProofState(str(n), (Goal(f"p{n}"),), Origin(state, f"t{n}", 0, (0, 1)), n, "f#0")
        expansions.append(Expansion(state, (Step(f"t{n}", 0.5, Advanced((after,))),), 0.5))
        state = after
    back = unpack(pickle.loads(pickle.dumps(pack(expansions))))
    assert back == expansions
    assert [o.tactic for o in back[-1].state.recipe] == [f"t{n}" for n in range(4_999)]
    assert back[-1].state.goals == expansions[-1].state.goals


def test_a_search_taken_up_in_its_midst_carries_its_path():
    root = ProofState("root")
    middle = ProofState("middle", (), Origin(root, "intro", 0))
    (back,) = unpack(pack([Expansion(middle, (), 0.5)]))
    assert [(o.tactic, o.parent.key) for o in back.state.recipe] == [("intro", "root")]
