"""Scripts close every goal of a simulated goal list; splicing changes only the `sorry`."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakatos.data.lean_text import indent, tokens
from lakatos.data.records import Goal, Hypothesis, Origin, ProofState, ProofTree, Theorem
from lakatos.lean_env.verification.script import script, splice


class GoalList:
    """What Lean does with the few tactics that scripts use, on goals that are only tags."""

    def __init__(self, tree):
        self.steps = {}
        self.applied = []
        self._learn(tree)

    def _learn(self, tree):
        places = [
            (place, goal.tag)
            for child in tree.children
            for place, goal in zip(child.state.origin.positions, child.state.goals, strict=True)
        ]
        before = [goal.tag for goal in tree.state.goals]
        self.steps[tree.tactic.split("\n")[0]] = (before, [tag for _, tag in sorted(places)])
        for child in tree.children:
            self._learn(child)

    def run(self, text, goals):
        lines = text.split("\n")
        while lines:
            line = lines.pop(0)
            if line.startswith("· "):
                block = [line[2:]]
                while lines and lines[0].startswith("  "):
                    block.append(lines.pop(0)[2:])
                assert self.run("\n".join(block), goals[:1]) == [], "a focused goal is left"
                goals = goals[1:]
            else:
                while lines and lines[0].startswith("    continued"):
                    lines.pop(0)
                goals = self._step(line, goals)
        return goals

    def _step(self, line, goals):
        if line.startswith(("rotate_left ", "rotate_right ")):
            word, count = line.split()
            turn = int(count) % len(goals) if word == "rotate_left" else -int(count) % len(goals)
            return goals[turn:] + goals[:turn]
        if line.startswith("case' "):
            tags = line.removeprefix("case' ").removesuffix(" => skip").split(" | ")
            assert all(goals.count(tag) == 1 for tag in tags)
            return tags + [goal for goal in goals if goal not in tags]
        before, after = self.steps[line]
        assert goals[: len(before)] == before, f"{line} meets {goals}, not {before}"
        self.applied.append(line)
        return after + goals[len(before) :]


@st.composite
def proof_trees(draw, counter=None, state=None, depth=0):
    counter = counter or itertools.count(1)
    state = state or ProofState("root", (Goal("P", tag=f"g{next(counter)}"),))
    number = next(counter)
    text = f"tactic{number}"
    tactic = text + "\n    continued" * draw(st.integers(0, 2))
    size = draw(st.integers(0, 5)) if depth < 4 else 0
    owners = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    children = []
    for index, owner in enumerate(dict.fromkeys(owners)):
        positions = tuple(i for i, o in enumerate(owners) if o == owner)
        goals = tuple(Goal("P", tag=f"g{next(counter)}") for _ in positions)
        origin = Origin(state, tactic, index, positions)
        child = ProofState(f"{number}.{index}", goals, origin)
        children.append(draw(proof_trees(counter, child, depth + 1)))
    return ProofTree(state, tactic, tuple(children))


def count(tree):
    return 1 + sum(count(child) for child in tree.children)


@given(proof_trees())
@settings(max_examples=200, deadline=None)
@pytest.mark.slow
def test_a_script_meets_every_state_and_closes_every_goal(tree):
    lean = GoalList(tree)
    assert lean.run(script(tree), [goal.tag for goal in tree.state.goals]) == []
    assert len(lean.applied) == count(tree)


def leaf(parent, tactic, index=0, positions=(0,), goals=None):
    goals = goals or tuple(Goal("P", tag=f"{tactic}{i}") for i in range(len(positions)))
    state = ProofState(f"{tactic}.{index}", goals, Origin(parent, "split", index, positions))
    return ProofTree(state, tactic)


ROOT = ProofState("root", (Goal("P"),))


def test_a_chain_is_flat_and_branches_are_focused():
    branches = (leaf(ROOT, "simp"), leaf(ROOT, "omega", 1, (1,)))
    chain = ProofTree(ROOT, "intro h", (ProofTree(ROOT, "split", branches),))
    assert script(chain) == "intro h\nsplit\n· simp\n· omega"


def test_lines_of_a_tactic_move_together():
    tactic = "induction n with\n| zero => simp\n| succ n ih =>\n  omega"
    tree = ProofTree(ROOT, "split", (leaf(ROOT, tactic), leaf(ROOT, "rfl", 1, (1,))))
    expected = "split\n· induction n with\n  | zero => simp\n  | succ n ih =>\n    omega\n· rfl"
    assert script(tree) == expected


def test_coupled_goals_come_last_and_keep_their_order():
    children = (leaf(ROOT, "exact c", 0, (0, 2)), leaf(ROOT, "exact s", 1, (1,)))
    tree = ProofTree(ROOT, "refine f ?_ ?_ ?_", children)
    expected = "refine f ?_ ?_ ?_\nrotate_left 1\n· exact s\nrotate_right 1\nexact c"
    assert script(tree) == expected


def test_two_coupled_states_are_told_apart_by_tags():
    children = (leaf(ROOT, "a", 0, (0, 2)), leaf(ROOT, "b", 1, (1, 3)))
    lines = script(ProofTree(ROOT, "split", children)).split("\n")
    assert lines == ["split", "case' a0 | a1 => skip", "a", "b"]


def test_a_very_deep_proof_is_written():
    tree = ProofTree(ROOT, "rfl")
    for _ in range(5000):
        tree = ProofTree(ROOT, "skip", (tree,))
    assert script(tree).count("\n") == 5000


def named(*names):
    return ProofState("s", (Goal("P", tuple(Hypothesis(name, "Nat") for name in names)),))


@pytest.mark.parametrize(
    ("names", "wanted", "prelude"),
    [
        (("a", "b"), ("a", "b"), []),
        (("a", "b✝"), ("a", "c✝¹"), []),
        (("a✝¹", "a✝"), ("x", "y"), ["rename_i x y"]),
        (("a✝¹", "b", "a✝"), ("x", "b", "a✝"), ["rename_i x _"]),
        (("a", "b"), ("a", "c"), ["revert b", "intro c"]),
        (("a", "b", "c"), ("b", "a", "c"), ["revert a b c", "intro b a c"]),
        (("a", "h✝", "c"), ("b", "h✝", "c"), ["rename_i h_0", "revert a h_0 c", "intro b _ c"]),
        (("a",), ("a", "b"), []),
    ],
)
def test_hypotheses_get_the_names_the_tactic_was_written_for(names, wanted, prelude):
    tree = ProofTree(named(*names), "exact it", (), named(*wanted))
    assert script(tree).split("\n") == [*prelude, "exact it"]


def test_names_are_given_in_every_goal_of_a_coupled_state():
    before = ProofState("s", named("a").goals + named("b").goals)
    after = ProofState("s", named("x").goals + named("b").goals)
    lines = script(ProofTree(before, "exact it", (), after)).split("\n")
    assert lines == ["revert a", "intro x", "rotate_left", "rotate_left", "exact it"]


def theorem(source, mark="sorry", mode="tactic"):
    raw = source.encode()
    start = raw.index(mark.encode())
    line = raw[:start].count(b"\n") + 1
    return Theorem("t", source, "t.lean", start, start + len(mark.encode()), line, 0, mode, ROOT)


TEXT = st.text(st.sampled_from("ab αβ🙂\n\"'-/{}()·«»\r"), max_size=30)


@given(TEXT, TEXT, TEXT, st.sampled_from(["tactic", "term"]))
def test_only_the_sorry_changes(before, after, proof, mode):
    source = f"{before}§{after}"
    hole = theorem(source, "§", mode)
    layouts = splice(source, hole, proof)
    assert layouts
    for text in layouts:
        raw = text.encode()
        assert raw.startswith(source.encode()[: hole.start])
        assert raw.endswith(source.encode()[hole.stop :])
        assert len(raw) >= len(source.encode()) - (hole.stop - hole.start)


@pytest.mark.parametrize(
    ("source", "mode", "proof", "best"),
    [
        ("theorem t : P := by sorry\n", "tactic", "simp", "theorem t : P := by simp\n"),
        ("theorem t : P := by sorry", "tactic", "a\nb", "theorem t : P := by \n  a\n  b"),
        ("theorem t : P := by\n  sorry\n", "tactic", "a\nb", "theorem t : P := by\n  a\n  b\n"),
        ("theorem t\n    : P := by sorry", "tactic", "a\nb", "theorem t\n    : P := by \n  a\n  b"),
        ("  · have : P := by sorry", "tactic", "a\nb", "  · have : P := by \n      a\n      b"),
        ("  · sorry", "tactic", "a\nb", "  · a\n    b"),
        ("theorem t : P := sorry", "term", "simp", "theorem t : P := by simp"),
        ("theorem t : P := sorry", "term", "a\nb", "theorem t : P := by\n  a\n  b"),
        ("exact ⟨sorry, q⟩", "term", "exact h.1", "exact ⟨h.1, q⟩"),
        ("exact f sorry", "term", "exact g h", "exact f by exact g h"),
        (
            "theorem t : P := by sorry\r\n",
            "tactic",
            "a\nb",
            "theorem t : P := by \r\n  a\r\n  b\r\n",
        ),
    ],
)
def test_the_best_looking_layout_comes_first(source, mode, proof, best):
    assert splice(source, theorem(source, mode=mode), proof)[0] == best


def test_a_comment_at_the_end_does_not_swallow_the_parenthesis():
    source = "(by sorry)"
    assert splice(source, theorem(source), "a\nb -- done")[-1].endswith("b -- done\n    ))")


def test_strings_keep_their_lines():
    text = 'a "one\ntwo" b\n"c" d\nr#"e\n"f"#\n/- "\n-/ g'
    moved = indent(text, 2)
    assert moved == 'a "one\ntwo" b\n  "c" d\n  r#"e\n"f"#\n  /- "\n  -/ g'


@given(TEXT)
def test_tokens_cover_the_text(text):
    pieces = list(tokens(text))
    assert "".join(piece for _, piece in pieces) == text
    assert all(text[start:].startswith(piece) for start, piece in pieces)
