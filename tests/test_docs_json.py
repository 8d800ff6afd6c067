"""docs/json.md against real output: every field that appears is told, every one told appears."""

import json
import re
from pathlib import Path

import pytest
from lakatos.data.report import json_output
from lakatos.data.store.store import Store

from .made_up_runs import keep, result

PAGE = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
LIKE = {"repair": "attempt", "report": "summary"}
FREE = {"classes", "config"}
"""Fields whose own fields are names of classes, and of options."""
BASE = {"type", "schema"}
FILE = """theorem yes (p : Prop) : p → p := by sorry
theorem no : 2 + 2 = 5 := by
  sorry
"""
BROKEN = "theorem broken (a b : Nat) (h : a = b) : b = a := by\n  exact h\n"


def documented():
    """The fields of each type, by the page."""
    told = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        kind = re.match(r"`(\w+)`", section)[1]
        firsts = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
        told[kind] = set(re.findall(r"`([^`]+)`", " ".join(firsts)))
    for kind, base in LIKE.items():
        assert f"the fields of `{base}`" in PAGE
        told[kind] |= told[base]
    return told


def fields_of(value, above=""):
    """The fields of an object, `attempts[].seed` for one in a list."""
    for name, inside in value.items():
        place = above + name
        yield place
        if name in FREE:
            continue
        if isinstance(inside, dict):
            yield from fields_of(inside, f"{place}.")
        for each in inside if isinstance(inside, list) else ():
            if isinstance(each, dict):
                yield from fields_of(each, f"{place}[].")


def objects(out):
    found = [json.loads(line) for line in out.splitlines()]
    assert all(each["schema"] == json_output.SCHEMA for each in found)
    return found


def check(found, kinds):
    """Hold the fields of objects of all these types against the page."""
    told = documented()
    assert {each["type"] for each in found} == set(kinds)
    for kind in kinds:
        seen = {f for each in found if each["type"] == kind for f in fields_of(each)} - BASE
        assert seen == told[kind], f"{kind}: {sorted(seen ^ told[kind])}"


def test_reports_and_comparisons_are_as_told(run, tmp_path):
    with Store.open(str(tmp_path / "attempts.db")) as store:
        for signs in (["+", "-", "n"], ["+", "+", "u"]):
            keep(store, [result(f"p{i}", sign) for i, sign in enumerate(signs)])
    found = []
    for words in (["report"], ["report", 2], ["compare", 1, 2]):
        code, out, error = run(*words, "--json")
        assert (code, error) == (0, [])
        found += objects(out)
    check(found, ["run", "report", "comparison"])
    *_, told, compared = found
    assert (told["theorems"], told["tried"], told["classes"]["solved"]) == (3, 2, 2)
    assert told["rates_of_tried"][0]["value"] == 1.0
    assert (compared["theorems"], compared["gains"], compared["too_few"]) == (2, ["p1"], True)


@pytest.mark.lean
def test_what_lean_has_a_part_in_is_as_told(run, tmp_path):
    (tmp_path / "file.lean").write_text(FILE, encoding="utf-8")
    (tmp_path / "broken.lean").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "wrong.lean").write_text(FILE.replace("sorry", "skip"), encoding="utf-8")
    one = "--json", "--workers", 1
    found = []
    for words in (
        ["prove", "file.lean", *one, "--expansions", 20],
        ["repair", "broken.lean", *one],
        ["eval", "toy", "--data", "file.lean", *one, "--expansions", 20],
        ["verify", "wrong.lean", "--original", "file.lean", "--json"],
    ):
        _, out, _ = run(*words)
        found += objects(out)
    proved = next(each for each in found if each["type"] == "attempt" and each["proved"])
    assert (proved["line"], proved["column"]) == (1, FILE.index("sorry") + 1)
    refused = next(each for each in found if each["type"] == "verdict" and not each["accepted"])
    for each in found:  # a search seldom finds what is refused: the reasons are as verify's
        if each["type"] in ("attempt", "repair"):
            assert each["reasons"] == []
            each["reasons"] = refused["reasons"]
    check(found, ["attempt", "repair", "theorem", "summary", "verdict"])
