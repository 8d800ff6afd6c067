"""Whole proofs, and repairs, to train a model of drafts on.

Each is asked as a draft generator asks: the file up to the proof; for a repair besides the draft
that failed, and what Lean said of it. From `lakatos extract store`: proofs that the verifier
accepted, the conversations that led to one, and what `lakatos repair` mended. From `lakatos extract
PATH`: the proofs by tactics.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...data.dataset.rows_read import read_rows, table_of
from ...data.lean_text import masked
from ...data.records import ProofState, Theorem
from ..learning.outcomes import goal_of
from ..models.base import Prompt
from ..policy.answers import command_end, declaration_start, proof_in
from ..policy.base import Query
from ..policy.prompts import PromptFormat, formats
from ..repair.draft_task import block_of
from ..repair.feedback import feedback
from ..repair.sorrifier import Draft

HOLE = "sorry"


@dataclass(frozen=True, slots=True)
class DraftExample:
    """A prompt, the whole proof that answers it, and where both are from.

    proof: with the mark that ends it. state: of the theorem. theorem: its key.
    """

    prompt: str
    proof: str
    state: str
    theorem: str


def draft_examples(dataset: Path, form: PromptFormat) -> Iterator[DraftExample]:
    """All examples of a dataset, in a format of plain text. Raises UsageError."""
    proofs = table_of(dataset, "proofs")
    if proofs.is_file():
        said = _said(dataset)
        columns = "attempt", "theorem", "root_key", "path", "state", "before", "after", "proof"
        for row in read_rows(proofs, *columns):
            yield from _of_attempt(row, said.get(row["attempt"], ()), form)
    if (theorems := table_of(dataset, "theorems")).is_file():
        for row in read_rows(theorems, "key", "theorem_statement", "proof", "traced_tactics"):
            yield from _of_file(row, form)


def _said(dataset: Path) -> dict[int, list[list[dict[str, Any]]]]:
    """The conversations of each attempt."""
    found: dict[int, list[list[dict[str, Any]]]] = {}
    for name in ("conversations", "repairs"):
        if (place := table_of(dataset, name)).is_file():
            for row in read_rows(place, "attempt", "messages"):
                found.setdefault(row["attempt"], []).append(row["messages"])
    return found


def _of_attempt(
    row: dict[str, Any], said: Sequence[list[dict[str, Any]]], form: PromptFormat
) -> Iterator[DraftExample]:
    """The accepted proof of an attempt, as an answer to the theorem and to each failed draft."""
    theorem = _theorem(row)
    block = _block(theorem, row["before"], row["proof"])
    if not block or HOLE in masked(block):
        return
    asked = form.write(Query(theorem, theorem.state))
    yield _example(asked, block, row["state"], row["root_key"])
    for messages in said:
        prompt = asked
        for draft, errors in _failed(theorem, row["before"], messages):
            if draft == block:
                break
            prompt = form.reply(prompt, written(draft), feedback(errors))
            yield _example(prompt, block, row["state"], row["root_key"])


def _of_file(row: dict[str, Any], form: PromptFormat) -> Iterator[DraftExample]:
    """A proof of a file, if it is one by tactics."""
    opened = re.match(r":=\s*by\b", row["proof"] or "")
    if not opened:
        return
    above = [f"import {name}" for name in row.get("imports", ()) if name != "Init"]
    above += [f"open {' '.join(row['opens'])}"] if row.get("opens") else []
    above += [f"namespace {row['namespace']}"] if row.get("namespace") else []
    before = "".join(f"{line}\n\n" for line in above)
    source = f"{before}{row['theorem_statement']} := by\n  {HOLE}\n"
    start = source.rindex(HOLE)
    first = next((step["state_before"] for step in row["traced_tactics"]), "")
    name = row.get("full_name") or "example"
    theorem = _placed(name, source, start, len(before), ProofState(row["key"]))
    if block := proof_in(textwrap.dedent(row["proof"][opened.end() :]), name):
        yield _example(form.write(Query(theorem, theorem.state)), block, first, row["key"])


def _example(prompt: Prompt, block: str, state: str, key: str) -> DraftExample:
    return DraftExample(prompt.text, f"{written(block)}```", state, key)


def written(block: str) -> str:
    """A block as a model writes it behind a statement that ends in `:= by`."""
    return textwrap.indent(block, "  ") + "\n"


def _theorem(row: dict[str, Any]) -> Theorem:
    """The theorem of a stored attempt, as far as prompts speak of it."""
    before, key = row["before"], row["root_key"]
    state = ProofState(key, (goal_of(row["state"]),))
    source = f"{before}{HOLE}{row['after']}"
    return _placed(row["theorem"], source, len(before), declaration_start(before), state)


def _placed(name: str, source: str, start: int, command: int, state: ProofState) -> Theorem:
    """A theorem of a text. start, command: characters before its hole, and its command."""
    stop = start + len(HOLE)
    end = stop + command_end(source[stop:])
    start, stop, command, end = (len(source[:at].encode()) for at in (start, stop, command, end))
    found = Theorem(name, source, "", start, stop, line=0, column=0, mode="tactic", state=state)
    return replace(found, command_start=command, command_stop=end)


def _block(theorem: Theorem, before: str, value: str) -> str:
    """A tactic block at column 0, of what stands in a file for a theorem's `sorry`."""
    is_term = value.startswith("by") or before.rstrip().endswith(":=")
    mode = "term" if is_term else "tactic"
    return block_of(replace(theorem, mode=mode), Draft(before, value, "", 0))


def _failed(
    theorem: Theorem, before: str, messages: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    """The drafts of a conversation that failed, each with what Lean said of it.

    It ends where a draft holds no proof, or what was said of it cannot be told from the rest.
    """
    if messages[0]["is_feedback"]:  # of `lakatos repair`: the broken proof and its errors
        broken = _BROKEN.fullmatch(messages[0]["content"])
        if broken and (block := _block(theorem, before, broken[1])):
            yield block, broken[2]
        return
    for asked, answer, turn in zip(messages, messages[1:], messages[2:], strict=False):
        if not turn["is_feedback"]:
            continue
        draft = proof_in(answer["content"], theorem.name)
        errors = _errors(asked["content"], answer["content"], turn["content"])
        if not draft or errors is None:
            return
        yield draft, errors


_BROKEN = re.compile(r"```lean4\n(.*)\n```\n\n(.*)", re.DOTALL)


def _errors(asked: str, answer: str, said: str) -> str | None:
    """What stood for the errors, the holes and the proof in a feedback; None if it is unknown.

    Of a model that continues text, the whole prompt was said again.
    """
    if said.startswith(f"{asked}{answer}") and said.endswith(asked):
        said = said[len(asked) + len(answer) : -len(asked)].removeprefix("\n```").strip("\n")
    for each in formats().values():
        head, _, tail = each.feedback.partition("{errors}{holes}{proof}")
        if said.startswith(head) and said.endswith(tail):
            return said[len(head) : len(said) - len(tail)]
    return None
