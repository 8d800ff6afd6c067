"""Files of what was learned: tables of priors, memories of tactics; and those that come with us."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...data.errors import UsageError
from ...data.files import write_whole
from ...data.records import Goal, Hypothesis
from .memory import StoredStep
from .priors import PriorTable

PRIORS = "lakatos priors 2"
MEMORY = "lakatos memory 1"
"""What the files say of themselves first."""

NONE, SHIPPED, RANDOM = "none", "shipped", "random"
"""Words of `--priors` and `--memory` in the place of a file."""

_NAMES = {PRIORS: "priors.json", MEMORY: "memory.json"}


def write_priors(place: Path, table: PriorTable) -> None:
    """Write a table. Raises UsageError or EnvironmentFault when the disk takes nothing."""
    _write(place, {"form": PRIORS} | table.as_json)


def read_priors(place: Path | None, lean: str = "") -> PriorTable:
    """Read a table; None: the one that comes with Lakatos.

    lean: the version that runs here. Raises UsageError, also for a file made with another.
    """
    value = _read(place, PRIORS, "lakatos train priors")
    _check_lean(place, value, lean, "lakatos train priors")
    try:
        return PriorTable.from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{place}: no table of priors: {error}") from error


def write_memory(place: Path, steps: list[StoredStep], lean: str) -> None:
    """Write a memory. Raises as `write_priors`."""
    rows = [
        [each.goal.target, [[h.name, h.type] for h in each.goal.hypotheses], *each[1:]]
        for each in steps
    ]
    _write(place, {"form": MEMORY, "lean": lean, "steps": rows})


def read_memory(place: Path | None, lean: str = "") -> list[StoredStep]:
    """Read a memory; None: the one that comes with Lakatos. lean, errors: as `read_priors`."""
    value = _read(place, MEMORY, "lakatos train memory")
    _check_lean(place, value, lean, "lakatos train memory")
    try:
        return [
            StoredStep(Goal(target, tuple(Hypothesis(*h) for h in above)), tactic, theorem)
            for target, above, tactic, theorem in value["steps"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{place}: no memory of tactics: {error}") from error


def known_steps(word: str | None, lean: str = "") -> list[StoredStep]:
    """The steps of `--memory`; None: those that come with Lakatos. lean: as `read_priors`.

    Raises UsageError.
    """
    if word == NONE:
        return []
    return read_memory(None if word in (None, SHIPPED) else Path(str(word)), lean)


def _write(place: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    write_whole(place, text.encode() + b"\n")


def _read(place: Path | None, form: str, made_by: str) -> dict[str, Any]:
    try:
        raw = place.read_bytes() if place else _shipped(form)
        value = json.loads(raw)
    except OSError as error:
        raise UsageError(
            f"{place} cannot be read: {error.strerror}; {made_by} writes one"
        ) from error
    except ValueError as error:
        raise UsageError(f"{place}: not what {made_by} writes: {error}") from error
    if not isinstance(value, dict) or value.get("form") != form:
        raise UsageError(f"{place}: not what {made_by} writes")
    return value


def _check_lean(place: Path | None, value: dict[str, Any], lean: str, made_by: str) -> None:
    """Raise UsageError for a file that was made with another Lean; what ships serves all."""
    made = value.get("lean")
    if place and made and lean and made != lean:
        why = f"made with Lean {made}, and Lean {lean} runs here"
        raise UsageError(f"{place}: {why}; {made_by} makes one from runs of Lean {lean}")


def _shipped(form: str) -> bytes:
    return (files(__package__) / "shipped" / _NAMES[form]).read_bytes()
