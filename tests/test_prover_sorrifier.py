"""Cutting without Lean: which cuts are chosen, how drafts change, that cutting comes to an end."""

import asyncio
from types import SimpleNamespace

from lakatos.data.records import Message
from lakatos.lean_env.protocol import Json, Result
from lakatos.lean_env.queries.errors import Cut
from lakatos.lean_env.verification.rewrite import Edit
from lakatos.prover.repair.sorrifier import MOST_ROUNDS, Draft, Sorrifier, outermost

HEAD = "theorem t : ∀ p, p := "


def draft(value, after="\n\ntheorem next : True := trivial\n"):
    return Draft(HEAD, value, after, 0)


def wire(cuts, **fields) -> Json:
    said = {"severity": "error", "text": "bad", "line": 1, "column": 0, "start": 30, "stop": 33}
    return {**said, "cuts": cuts, "parser": False, **fields}


class Lean:
    """Takes a proof without the word `bad`; offers to cut that word, then all of the proof."""

    def __init__(self, readable=lambda text: True):
        self.opened, self.parsed = [], []
        self._readable = readable

    async def open(self, path, source, proposed=None):
        self.opened.append(source)
        error = Message("error", "bad", 1, 0, start=len(HEAD.encode()))
        holes = [SimpleNamespace(start=i) for i in places(source, "sorry")]
        messages = (error,) if "bad" in source else ()
        return SimpleNamespace(source=source, messages=messages, theorems=holes)

    async def request(self, op, *, wall_s, **fields):
        if op == "parse":
            self.parsed.append(fields["texts"])
            found = [{"place": None if self._readable(t) else 0} for t in fields["texts"]]
            return Result(1, {"results": found})
        errors = [
            wire([{"start": i, "stop": i + 3, "text": self.stand_in, "kind": "rest"}])
            for i in places(fields["source"], "bad")[:1]
        ]
        command = {
            "start": 0, "stop": 40, "kind": "theorem", "name": "t", "names": ["t"], "value": None,
            "tactics": [], "errors": errors, "holes": [],
        }  # fmt: skip
        return Result(1, {"commands": [command]})

    stand_in = "sorry"


def places(source, word):
    raw = source.encode()
    return [i for i in range(len(raw)) if raw[i:].startswith(word.encode())]


def test_edits_count_bytes_and_stay_inside_the_value():
    before = draft("by\n  exact ⟨bad, bad⟩")
    start = before.source.encode().index(b"bad")
    after = before.edited([Edit(start, start + 3, "sorry")])
    assert after.value == "by\n  exact ⟨sorry, bad⟩"
    assert (after.before, after.after) == (before.before, before.after)
    assert after.stop - after.start == len(after.value.encode())


def test_a_block_is_told_from_its_own_margin():
    proof = draft("by\n  constructor\n  · simp\n    omega\n  · rfl")
    start = proof.source.encode().index("·".encode())
    assert proof.block(start, proof.stop) == "· simp\n  omega\n· rfl"


def test_of_cuts_that_touch_the_largest_is_made():
    small, large = Cut(10, 12, "sorry", "term"), Cut(8, 20, "sorry", "rest")
    end, apart = Cut(20, 20, "\n  sorry", "end"), Cut(30, 31, "sorry", "term")
    assert outermost([small, end, apart, large]) == [large, apart]


def test_every_error_is_cut_and_the_rest_stays():
    lean = Lean()
    cutter = Sorrifier(lean, "t.lean")
    cut, holes = asyncio.run(cutter.cut_down(draft("by\n  f bad\n  g bad")))
    assert cut.value == "by\n  f sorry\n  g sorry"
    assert [hole.start for hole in holes] == places(cut.source, "sorry")
    assert cutter.log.removed == ["bad", "bad"]
    assert cutter.log.compilations == len(lean.opened) + 2


def test_cuts_that_do_not_help_end_with_nothing_left_of_the_proof():
    lean = Lean()
    lean.stand_in = "bad "
    cut, _ = asyncio.run(Sorrifier(lean, "t.lean").cut_down(draft("by bad")))
    assert cut.value == "sorry"
    assert len(lean.opened) <= MOST_ROUNDS + 1


def test_a_text_that_lean_reads_is_not_respelled():
    lean = Lean()
    cut, _ = asyncio.run(Sorrifier(lean, "t.lean").cut_down(draft("by simp,")))
    assert cut.value == "by simp,"


def test_the_first_spelling_that_lean_reads_is_taken():
    lean = Lean(readable=lambda text: not text.endswith(","))
    cut, _ = asyncio.run(Sorrifier(lean, "t.lean").cut_down(draft("by simp,")))
    assert cut.value == "by simp"
    assert lean.parsed[0][0] == HEAD + "by simp,"


def test_arms_are_added_only_where_lean_misses_them():
    class Arms(Lean):
        said = "Alternative `cons` has not been provided"

        async def request(self, op, *, wall_s, **fields):
            answer = await super().request(op, wall_s=wall_s, **fields)
            for command in answer.value.get("commands", ()):
                for error in command["errors"]:
                    error["text"] = self.said
                    stop = error["cuts"][0]["stop"]
                    arms = {"start": stop, "stop": stop, "text": " | _ => sorry", "kind": "arms"}
                    error["cuts"].insert(0, arms)
            return answer

    def cut(lean):
        return asyncio.run(Sorrifier(lean, "t.lean").cut_down(draft("by cases bad")))[0].value

    assert cut(Arms()) != "by cases sorry"
    other = Arms()
    other.said = "major premise type is not an inductive type"
    assert cut(other) == "by cases sorry"
