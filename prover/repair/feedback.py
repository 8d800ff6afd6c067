"""The feedback to a model whose draft failed: Lean's errors, the open goals, what is proved.

{errors}: each message, trimmed, with the line that it is about. {holes}: the goals that are still
open, with a mark at those that are false. {proof}: the proof as far as it is proved, with `sorry`
for the rest. Each is empty or ends in a blank line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...data.records import Message, ProofState, Refused, Theorem, Verdict

MOST_ERRORS = 4
"""Errors shown; the first ones of the draft."""

MOST_HOLES = 4
"""Open goals shown."""

MESSAGE_CHARS = 600
"""Most characters of one message, and of one goal."""

NO_PROOF = "There is no Lean proof of the theorem in the answer.\n\n"


def trimmed(text: str, most: int = MESSAGE_CHARS) -> str:
    """A text of Lean without its middle when it is long: what is wanted stands at its ends."""
    text = text.strip()
    if len(text) <= most:
        return text
    head, tail = text[: most * 2 // 3], text[-(most // 3) :]
    return f"{head.rpartition(chr(10))[0] or head}\n[...]\n{tail.partition(chr(10))[2] or tail}"


def errors_text(block: str, messages: Sequence[Message], shift: int) -> str:
    """The errors of a tactic block. shift: lines of the file above it."""
    lines = block.split("\n")
    texts = []
    unique = list({(m.line, m.text): m for m in messages}.values())
    for message in unique[:MOST_ERRORS]:
        number = message.line - shift
        line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
        where = f"line {number}, `{line}`" if line else "the end"
        texts.append(f"Error at {where}:\n{trimmed(message.text)}\n\n")
    if more := len(unique) - MOST_ERRORS:
        texts += [f"({more} more errors)\n\n"] if more > 0 else []
    return "".join(texts)


def holes_text(holes: Sequence[Theorem], false: Sequence[ProofState]) -> str:
    """The goals that stay open."""
    wrong = {state.key for state in false}
    texts = []
    for hole in holes[:MOST_HOLES]:
        word = "False, it has a counterexample" if hole.state.key in wrong else "Not proved"
        texts.append(f"{word}:\n```\n{trimmed(hole.state.pretty)}\n```\n\n")
    if len(holes) > MOST_HOLES:
        texts.append(f"({len(holes) - MOST_HOLES} more open goals)\n\n")
    return "".join(texts)


def proof_text(block: str | None) -> str:
    """The proof so far."""
    return f"Proved so far:\n```lean4\n{block}\n```\n\n" if block else ""


def refusal_text(verdict: Verdict | None) -> str:
    """Why the verifier refused."""
    if not isinstance(verdict, Refused):
        return ""
    return "".join(f"{r.kind.value}: {trimmed(r.text)}\n\n" for r in verdict.reasons[:MOST_ERRORS])


def feedback(errors: str = "", holes: str = "", proof: str = "") -> Mapping[str, str]:
    """The values of a feedback's placeholders."""
    return {"errors": errors, "holes": holes, "proof": proof}
