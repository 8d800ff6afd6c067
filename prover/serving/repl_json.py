"""JSON of leanprover-community/repl: its requests, and how it shows messages and goals.

Pure; the formats are those of its README and REPL/JSON.lean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...data.errors import UsageError
from ...data.records import Goal, Message

Json = dict[str, Any]

NO_INFOTREE = "info trees are not served here; ask without `infotree`"

_KINDS: tuple[tuple[str, dict[str, type], dict[str, type]], ...] = (
    ("tactic", {"proofState": int, "tactic": str}, {}),
    ("pickle_environment", {"env": int, "pickleTo": str}, {}),
    ("unpickle_environment", {"unpickleEnvFrom": str}, {}),
    ("pickle_state", {"proofState": int, "pickleTo": str}, {}),
    ("unpickle_state", {"unpickleProofStateFrom": str}, {"env": int}),
    ("command", {"cmd": str}, {"env": int}),
    ("file", {"path": str}, {"env": int}),
)
"""Requests by the fields that make them one, in the order in which they are tried, and the fields
that they may have besides."""

_OPTIONS: dict[str, type] = {"allTactics": bool, "rootGoals": bool, "infotree": str}


@dataclass(frozen=True, slots=True)
class ReplRequest:
    """A request. fields: with their right types; those that may be missing are None then."""

    kind: str
    fields: Json


def parse_request(text: str) -> ReplRequest:
    """Read a request. Raises UsageError, with the original's first line, for anything else."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise UsageError(f"Could not parse JSON:\n{error}") from None
    fault = "not an object"
    for kind, needed, more in _KINDS if isinstance(given, dict) else ():
        if missing := needed.keys() - given.keys():
            fault = f"no `{min(missing)}`"
            continue
        fields: Json = {}
        types = needed | more | (_OPTIONS if kind in ("command", "file") else {})
        for name, wanted in types.items():
            value = given.get(name)
            if value is None and name not in needed:
                fields[name] = None
            elif type(value) is not wanted:
                fault = f"`{name}` must be of type {wanted.__name__}"
                break
            else:
                fields[name] = value
        else:
            return ReplRequest(kind, fields)
        break
    raise UsageError(f"Could not parse as a valid JSON command:\n{fault}")


def place(line: int | None, column: int | None) -> Json | None:
    """A position: line from 1, column in characters from 0; None where there is none."""
    return None if line is None else {"line": line, "column": column or 0}


def message_json(message: Message, lines: int = 0) -> Json:
    """A message. lines: how many lines stand above the text of the request."""
    end = message.end_line
    return {
        "severity": message.severity,
        "pos": place(max(1, message.line - lines), message.column),
        "endPos": place(None if end is None else max(1, end - lines), message.end_column),
        "data": message.text.strip(),
    }


def goals_text(goals: Iterable[Goal]) -> str:
    """Goals in one text."""
    return "\n".join(goal.pretty for goal in goals)
