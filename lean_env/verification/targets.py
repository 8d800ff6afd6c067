"""What a whole file has to prove, what is wrong with it as an original, and names to show.

Pure: knows the shape of an original that the judge has open, asks nothing.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...data.errors import UsageError
from ...data.records import Accepted, Refusal, RefusalKind, Refused, Verdict
from .judge import Original, error_key
from .rewrite import EXAMPLE_NAME, examples

COMPILED = ("Lean.ofReduceBool", "Lean.trustCompiler")
"""Axioms that a proof by compiled code rests on."""
_EXAMPLE = re.compile(rf"(_root_\.)?{EXAMPLE_NAME}\d+")


@dataclass(frozen=True)
class VerifiedTarget:
    """What a whole file has to prove: the name to show, the bytes of its command."""

    shown: str
    start: int
    stop: int


def targets_of(original: Original) -> dict[str, VerifiedTarget]:
    """All targets of a file by the name to ask the judge for, in file order.

    A declaration that rests on a `sorry` is one wherever the `sorry` comes from.
    """
    targets: list[tuple[str, VerifiedTarget]] = []
    for command in original.commands:
        names = (d["name"] for d in command["declarations"] if d["kind"] == "theorem")
        targets.extend((n, VerifiedTarget(n, command["start"], command["stop"])) for n in names)
        for name, named in command.get("sorries", ()):
            targets.append((name, VerifiedTarget(named, command["start"], command["stop"])))
    for hole in original.holes:
        if (name := hole["declaration"]) is not None:
            command = original.commands[hole["command"]]
            targets.append((name, VerifiedTarget(name, command["start"], command["stop"])))
    for number, example in enumerate(examples(original.source), 1):
        inside = (c for c in original.commands if example.keyword in range(c["start"], c["stop"]))
        stop = next((c["stop"] for c in inside), example.keyword + 1)
        target = VerifiedTarget(f"example@{example.line}", example.start, stop)
        targets.append((f"{EXAMPLE_NAME}{number}", target))
    return dict(sorted(targets, key=lambda entry: entry[1].start))


def shown(verdict: Verdict, names: Mapping[str, VerifiedTarget]) -> Verdict:
    """The verdict, with the examples in its texts called as the user knows them."""
    if isinstance(verdict, Accepted):
        return verdict

    def name(found: re.Match[str]) -> str:
        target = names.get(found.group().removeprefix("_root_."))
        return target.shown if target else "the example"

    named = (replace(reason, text=_EXAMPLE.sub(name, reason.text)) for reason in verdict.reasons)
    return Refused(tuple(named))


def unread_fault(path: str, original: Original) -> None:
    """Raise UsageError for the first part of an original that is no command to Lean's parser."""
    for message in original.unread:
        place = f"{path}:{message['line']}:{message['column'] + 1}"
        raise UsageError(f"{place}: Lean cannot read this command: {message['text']}")


def misspelt(allowed: Sequence[str], known: Collection[str], original: Original) -> dict[str, str]:
    """A line for each allowed axiom that is not `known`, with the name it is near to."""
    own = [d["name"] for c in original.commands for d in c["declarations"] if d["kind"] == "axiom"]
    lines = {}
    for name in allowed:
        if name not in known and name not in own:
            near = difflib.get_close_matches(name, [*known, *own, *COMPILED], n=1)
            hint = f"did you mean {near[0]}?" if near else "neither file nor imports declare it"
            lines[name] = f"--allow-axiom {name}: there is no such axiom; {hint}"
    return lines


def new_errors(
    messages: Sequence[Any], known: Counter[str], name: str, shift: int
) -> tuple[Refusal, ...]:
    """Errors that the original does not have; `shift`: lines added above the proof."""
    left = Counter(known)
    refusals: list[Refusal] = []
    for message in messages:
        if message["severity"] != "error":
            continue
        key = error_key(message["text"])
        if left[key] > 0:
            left[key] -= 1
            continue
        where = f"{name}:{message['line'] - shift}:{message['column']}"
        refusals.append(Refusal(RefusalKind.DOES_NOT_COMPILE, f"{where}: {message['text']}"))
    return tuple(refusals)


def with_errors(verdict: Verdict, errors: tuple[Refusal, ...]) -> Verdict:
    """The verdict, refused where there are errors."""
    if not errors:
        return verdict
    return Refused(errors + (verdict.reasons if isinstance(verdict, Refused) else ()))
