"""A policy that proposes fixed tactics, read from a file of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...data.errors import UsageError, unreadable
from ...data.records import ProofState
from .base import PolicyOutput, Proposal, Query


class ScriptedPolicy:
    """Proposes fixed tactics by a state's key or text; `default` where the table has neither."""

    name = "scripted"

    def __init__(
        self, table: Mapping[str, Sequence[Proposal]], default: Sequence[Proposal] = ()
    ) -> None:
        self._table = table
        self._default = default

    async def propose(self, queries: Sequence[Query]) -> list[PolicyOutput]:
        """Answer each query from the table."""
        return [PolicyOutput(tuple(self._find(q.state))) for q in queries]

    def _find(self, state: ProofState) -> Sequence[Proposal]:
        by_text = self._table.get(state.pretty, self._default)
        return self._table.get(state.key, by_text)


def read_script(path: Path) -> ScriptedPolicy:
    """Read a policy from lines of JSON: `{"state": STATE, "tactics": [TACTIC...]}`.

    STATE is the key of a state, or its text as Lean prints it; a line without one holds for all
    states that no line names. A TACTIC is a text, or a pair of a text and its prior; without a
    prior tactic number i, counted from 1, has the prior 1 / i. Raises UsageError.
    """
    table: dict[str, list[Proposal]] = {}
    default: list[Proposal] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            proposals = [_proposal(i, each) for i, each in enumerate(row["tactics"], 1)]
            state = row.get("state")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            shape = '{"state": TEXT, "tactics": [TACTIC...]}'
            raise UsageError(f"{path}:{number}: not a line {shape}") from error
        if state is None:
            default += proposals
        else:
            table.setdefault(str(state), []).extend(proposals)
    return ScriptedPolicy(table, default)


def _proposal(number: int, entry: Any) -> Proposal:
    if isinstance(entry, str):
        return Proposal(entry, 1 / number)
    tactic, prior = entry
    if not (isinstance(tactic, str) and 0 < float(prior) <= 1):
        raise ValueError("a tactic and its prior")
    return Proposal(tactic, float(prior))
