"""What a run looks like in a terminal."""

import io
import json

import pytest
from lakatos.data.evaluation import ResultClass
from lakatos.data.records import (
    Accepted,
    Attempt,
    Expansion,
    Goal,
    Message,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    StopReason,
    Theorem,
)
from lakatos.data.report import json_output, words
from lakatos.prover.commands import tables as terminal
from rich.console import Console

STATE = ProofState("k", (Goal("p ∧ q"),))
THEOREM = Theorem("t", "theorem t : p := by\n  sorry", "f.lean", 22, 27, 2, 2, "tactic", STATE)


def text_of(renderable):
    out = io.StringIO()
    Console(file=out, width=100).print(renderable, soft_wrap=True)
    return out.getvalue()


def test_messages_of_lean_take_one_line():
    message = Message("error", "unknown\n  identifier `x`", 3, 4)
    assert terminal.message_line("a.lean", message) == "a.lean:3:5: error: unknown identifier `x`"
    assert len(terminal.one_line("word " * 1000)) == 240


@pytest.mark.parametrize(
    ("proof", "shown"),
    [
        ("omega", ["    omega"]),
        ("intro h\n  exact h", ["    intro h", "    exact h"]),
        ("intro h\n  · simp\n    omega", ["    intro h", "    · simp", "      omega"]),
        ("by\n    intro h\n    exact h", ["    by", "      intro h", "      exact h"]),
        ("\n    intro h\n    · exact h", ["    intro h", "    · exact h"]),
    ],
)
def test_proofs_are_shown_as_they_nest(proof, shown):
    attempt = Attempt(THEOREM, StopReason.PROVED, proof, Accepted(), 3, 9, 1.25)
    first, *rest = text_of(terminal.attempt_text(attempt)).rstrip("\n").split("\n")
    assert first == "✓ f.lean:2:3 t  proved, 1.2 s, 3 expansions"
    assert rest == shown


def test_a_refused_attempt_says_why():
    verdict = Refused((Refusal(RefusalKind.AXIOM, "uses\nfoo"),))
    attempt = Attempt(THEOREM, StopReason.REFUSED, "omega", verdict)
    assert "refused by the verifier" in text_of(terminal.attempt_text(attempt))
    assert "axiom: uses foo" in text_of(terminal.attempt_text(attempt))
    assert not attempt.is_alarm
    verdict = Refused((Refusal(RefusalKind.STATEMENT_CHANGED, "another type"),))
    assert Attempt(THEOREM, StopReason.REFUSED, "omega", verdict).is_alarm


def test_a_block_below_its_by_keeps_its_steps_whatever_the_column():
    theorem = Theorem("t", "", "f.lean", 0, 5, 1, 60, "term", STATE)
    proof = "by\n  cases xs with\n  | nil =>\n    rfl"
    attempt = Attempt(theorem, StopReason.PROVED, proof, Accepted())
    shown = text_of(terminal.attempt_text(attempt)).rstrip("\n").split("\n")[1:]
    assert shown == ["    by", "      cases xs with", "      | nil =>", "        rfl"]


def test_names_are_not_taken_for_markup():
    theorem = Theorem("«[bold]»", "", "f.lean", 0, 5, 1, 0, "tactic", STATE)
    attempt = Attempt(theorem, StopReason.DEAD_END)
    assert "«[bold]»" in text_of(terminal.summary_table([attempt]))
    assert "«[bold]»" in text_of(terminal.attempt_text(attempt))


def test_every_stop_reason_has_a_word():
    assert set(words.STOPS) == set(StopReason)
    phrases = [words.outcome_word(outcome) for outcome in ResultClass]
    assert len(set(phrases)) == len(phrases)


def test_json_of_an_attempt_is_json():
    verdict = Refused((Refusal(RefusalKind.AXIOM, "foo"),))
    attempt = Attempt(THEOREM, StopReason.REFUSED, "omega", verdict, 3, 9, 1.23456)
    read = json.loads(json.dumps(json_output.attempt_object(attempt)))
    assert read["proved"] is False
    assert read["reasons"] == [{"kind": "axiom", "text": "foo"}]
    assert (read["wall_s"], read["theorem"], read["stop"]) == (1.235, "t", "refused")
    assert (read["line"], read["column"]) == (2, 3)


def test_the_live_display_follows_the_run():
    ends = []
    progress = terminal.ProofProgress(ends.append, theorems=2)
    progress.start_attempt(THEOREM)
    progress.expansions(THEOREM, [Expansion(STATE, (), 0.5)] * 3)
    shown = text_of(terminal.live(progress, 12.4, "1 of 2 busy"))
    assert "0 of 2 done · 3 expansions · 12/s · workers: 1 of 2 busy" in shown
    assert "t  3  ⊢ p ∧ q" in shown
    progress.finish_attempt(Attempt(THEOREM, StopReason.PROVED, "x", Accepted()))
    assert [attempt.proof for attempt in ends] == ["x"]
    shown = text_of(terminal.live(progress, 0.0, "0 of 2 busy"))
    assert "1 proved · 1 of 2 done" in shown
    assert "⊢" not in shown


def test_the_rate_is_of_the_last_looks():
    progress = terminal.ProofProgress(lambda attempt: None)
    assert progress.per_second(100.0) == 0.0
    progress.expansions(THEOREM, [Expansion(STATE, (), 0.5)] * 30)
    assert progress.per_second(102.0) == 15.0
    for second in range(103, 140):
        assert progress.per_second(float(second)) <= 15.0
    assert progress.per_second(140.0) == 0.0
