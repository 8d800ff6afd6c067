"""What a store teaches: steps, values, pairs, proofs, conversations; read attempt by attempt."""

import json
from dataclasses import replace

import pytest
from lakatos.data.dataset.dataset import Excluded
from lakatos.data.dataset.from_store import (
    COLUMNS,
    KINDS,
    PAIRS_PER_STATE,
    collect_rows,
    part_of,
    write,
)
from lakatos.data.outcomes import PASSING
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    Rejected,
    Step,
    StopReason,
    Theorem,
    TimedOut,
)
from lakatos.data.store.store import Store
from lakatos.data.turns import Turn

SOURCE = "theorem t : p ∧ q := by\n  sorry\n-- end\n"
START = len(SOURCE[: SOURCE.index("sorry")].encode())


def state(key):
    return ProofState(key, (Goal(f"goal {key}"),))


def theorem(key="root"):
    place = {"start": START, "stop": START + 5, "line": 2, "column": 2}
    return Theorem("t", SOURCE, "a.lean", mode="tactic", state=state(key), **place)


EXPANSIONS = [
    Expansion(
        state("root"),
        (
            Step("simp", 0.5, Rejected("no progress"), 1.0),
            Step("skip", 0.3, Advanced((state("dead"),)), 1.0),
            Step("constructor", 0.1, Advanced((state("l"), state("r"))), 2.0),
            Step("omega", 0.1, TimedOut(5.0), 5000.0),
        ),
        0.4,
    ),
    Expansion(state("dead"), (Step("rfl", 1.0, Rejected("not equal")),), 0.1),
    Expansion(state("l"), (Step("exact hp", 1.0, Advanced(())),), 0.9),
    Expansion(state("r"), (Step("exact hq", 1.0, Advanced(())),), 0.9),
]


def fill(
    store, *, stop=StopReason.PROVED, verdict=None, expansions=(), turns=(), visits=None, ends=True
):
    recorder = store.recorder(store.start_run("prove a.lean", {}, "Lean 1", 0))
    recorder.start_attempt(theorem())
    recorder.expansions(theorem(), list(expansions))
    recorder.turns(theorem(), list(turns))
    if ends:
        recorder.finish_attempt(Attempt(theorem(), stop, "the proof", verdict, visits=visits or {}))
    store.flush()


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "l.db")) as store:
        yield store


def rows(store):
    found = {kind: [] for kind in KINDS}
    collect_rows(store, lambda kind, row: found[kind].append(row))
    return found


def test_every_step_is_a_row_the_rejected_ones_with_their_message(store):
    fill(store, verdict=Accepted(), expansions=EXPANSIONS)
    steps = {row["tactic"]: row for row in rows(store)["steps"]}
    assert len(steps) == 7
    assert steps["simp"]["outcome"] == "elaboration"
    assert steps["simp"]["message"] == "no progress"
    assert steps["simp"]["state"] == "⊢ goal root"
    assert steps["constructor"]["next_states"] == ["⊢ goal l", "⊢ goal r"]
    assert steps["exact hp"]["next_states"] == []
    assert [t for t, row in steps.items() if row["proves"]] == [
        "constructor",
        "exact hp",
        "exact hq",
    ]
    assert steps["omega"]["outcome"] == "timed_out"


def test_values_know_the_steps_to_go(store):
    fill(store, verdict=Accepted(), expansions=EXPANSIONS)
    values = {row["key"]: row for row in rows(store)["values"]}
    assert {key: row["steps_to_go"] for key, row in values.items()} == {
        "root": 3, "dead": None, "l": 1, "r": 1,
    }  # fmt: skip
    assert values["dead"]["status"] == "failed"
    assert values["root"]["status"] == "proved"
    assert values["root"]["value"] == 0.4


def test_descents_are_shares_of_a_states_tactics(store):
    again = Expansion(state("root"), (Step("skip", 0.3, Advanced((state("dead"),))),), 0.4)
    visits = {("root", "skip"): 3, ("root", "constructor"): 1, ("l", "exact hp"): 1}
    fill(store, verdict=Accepted(), expansions=[*EXPANSIONS, again], visits=visits)
    found = rows(store)
    told = [(row["tactic"], row["visits"], row["visit_share"]) for row in found["steps"]]
    assert told == [
        ("simp", 0, 0.0), ("skip", 3, 0.75), ("constructor", 1, 0.25), ("omega", 0, 0.0),
        ("rfl", None, None), ("exact hp", 1, 1.0), ("exact hq", None, None), ("skip", 0, 0.0),
    ]  # fmt: skip
    assert {row["key"]: row["visits"] for row in found["values"]} == {
        "root": 4, "dead": 0, "l": 1, "r": 0,
    }  # fmt: skip


def test_what_proves_is_preferred_to_what_was_rejected(store):
    fill(store, verdict=Accepted(), expansions=EXPANSIONS)
    (pair,) = rows(store)["preferences"]
    assert (pair["chosen"], pair["rejected"]) == ("constructor", "simp")
    assert pair["chosen_proves"] is True
    assert pair["message"] == "no progress"


def test_a_state_gives_only_so_many_pairs(store):
    bad = tuple(Step(f"bad {n}", 0.01, Rejected("no")) for n in range(20))
    good = (Step("skip", 0.5, Advanced((state("next"),))),)
    fill(store, stop=StopReason.DEAD_END, expansions=[Expansion(state("root"), bad + good, 0.0)])
    pairs = rows(store)["preferences"]
    assert len(pairs) == PAIRS_PER_STATE
    assert {(pair["chosen"], pair["chosen_proves"]) for pair in pairs} == {("skip", False)}


@pytest.mark.parametrize("kind", sorted(PASSING))
def test_what_says_nothing_against_a_tactic_is_no_pair(store, kind):
    passing = Step("library?", 0.9, Rejected("later", kind), 1.0)
    expansions = [replace(EXPANSIONS[0], steps=(passing, *EXPANSIONS[0].steps)), *EXPANSIONS[1:]]
    fill(store, verdict=Accepted(()), expansions=expansions)
    assert [pair["rejected"] for pair in rows(store)["preferences"]] == ["simp"]


@pytest.mark.parametrize(
    ("stop", "verdict", "kind"),
    [
        (StopReason.PROVED, Accepted(("propext",)), "proofs"),
        (StopReason.DISPROVED, Accepted(), "disproofs"),
        (StopReason.REFUSED, Refused((Refusal(RefusalKind.SORRY, "a sorry"),)), "refused"),
        (StopReason.PROVED, None, None),
    ],
)
def test_whole_proofs_go_where_their_verdict_says(store, stop, verdict, kind):
    fill(store, stop=stop, verdict=verdict)
    found = rows(store)
    told = {each: found[each] for each in ("proofs", "disproofs", "refused") if found[each]}
    assert list(told) == ([kind] if kind else [])
    for (row,) in told.values():
        assert row["before"] + row["proof"] + row["after"] == SOURCE.replace("sorry", "the proof")


def test_conversations_mark_what_the_model_wrote(store):
    turns = [
        Turn(0, "user", "prove it"), Turn(0, "assistant", "simp", is_right=False),
        Turn(0, "user", "no", is_feedback=True), Turn(0, "assistant", "omega", is_right=True),
        Turn(1, "user", "prove it"), Turn(1, "assistant", "rfl", is_right=False),
    ]  # fmt: skip
    fill(store, verdict=Accepted(), turns=turns)
    first, second = rows(store)["conversations"]
    assert [m["content"] for m in first["messages"]] == ["prove it", "simp", "no", "omega"]
    assert [m["train"] for m in first["messages"]] == [False, True, False, True]
    assert (first["is_right"], second["is_right"]) == (True, False)


def test_an_attempt_that_still_runs_is_passed_over(store):
    fill(store, expansions=EXPANSIONS, ends=False)
    assert collect_rows(store, lambda *_: None).counts["attempts"] == 0


def test_one_statement_is_in_one_part(store):
    fill(store, verdict=Accepted(), expansions=EXPANSIONS)
    fill(store, stop=StopReason.DEAD_END, expansions=EXPANSIONS[:2])
    found = rows(store)
    assert len({row["split"] for kind in KINDS for row in found[kind]}) == 1
    parts = [part_of(str(n), 0) for n in range(2000)]
    assert 60 < parts.count("test") < 140
    assert 60 < parts.count("val") < 140


def test_what_is_written_can_be_read(store, tmp_path):
    turns = [Turn(0, "user", "prove it"), Turn(0, "assistant", "omega", is_right=False)]
    fill(store, verdict=Accepted(), expansions=EXPANSIONS, turns=turns)
    fill(store, stop=StopReason.REFUSED, verdict=Refused((Refusal(RefusalKind.SORRY, "why"),)))
    counts = write(store, tmp_path, ["jsonl", "parquet"]).counts
    parquet = pytest.importorskip("pyarrow.parquet")
    for kind, columns in COLUMNS.items():
        lines = (tmp_path / "jsonl" / f"{kind}.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        assert len(told) == counts[kind]
        assert all(row.keys() == columns.keys() for row in told)
        assert parquet.read_table(tmp_path / "parquet" / f"{kind}.parquet").to_pylist() == told
    card = (tmp_path / "README.md").read_text()
    assert "| steps | 7 |" in card
    assert "- source: 2 attempts at theorems of 1 files" in card
    assert "- checked by Lean 1\n" in card


@pytest.mark.parametrize("met", ["root", "dead", "r"])
def test_an_attempt_that_met_a_problem_teaches_nothing(store, tmp_path, met):
    fill(store, verdict=Accepted(), expansions=EXPANSIONS)
    assert collect_rows(store, lambda *_: None, excluded=Excluded("x")).counts["attempts"] == 1
    counts = write(store, tmp_path, excluded=Excluded("miniF2F", states=frozenset([met]))).counts
    assert (counts["attempts"], counts["excluded"], counts["steps"]) == (0, 1, 0)
    assert "1 attempts at files with a problem of miniF2F" in (tmp_path / "README.md").read_text()


def test_what_belongs_to_an_excluded_problem_goes_with_it(store):
    """Its negation, the holes of its drafts: other theorems of the same run and file."""
    recorder = store.recorder(store.start_run("eval", {}, "Lean 1", 0))
    for key, path in (("root", "set/1"), ("hole", "set/1"), ("else", "set/2")):
        each = replace(theorem(key), path=path, start=len(key))
        recorder.start_attempt(each)
        recorder.finish_attempt(Attempt(each, StopReason.DEAD_END))
    fill(store)
    excluded = Excluded("x", states=frozenset(["root"]))
    counts = collect_rows(store, lambda *_: None, excluded=excluded).counts
    assert (counts["attempts"], counts["excluded"]) == (1, 3)
