"""Which flag of `lakatos eval` sets which part of the configuration of a stored run.

So a run can go on without its flags, and the flags in which two runs differ can be named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ...data.evaluation import Problem

PATHS = {
    "--expansions": "prover.expansions",
    "--time": "prover.wall_s",
    "--steps": "prover.steps",
    "--lean-time": "prover.lean_s",
    "--heartbeats": "prover.heartbeats",
    "--tokens": "prover.tokens",
    "--refute": "prover.refute",
    "--seed": "prover.seed",
    "--minimise": "prover.minimise",
    "--keep-prompts": "prover.keep_prompts",
    "--search": "prover.search.name",
    "--alpha": "prover.search.alpha",
    "--exploration": "prover.search.exploration",
    "--discount": "prover.search.discount",
    "--flatten": "prover.search.flatten",
    "--widening": "prover.search.widening",
    "--sample-steps": "prover.search.sample_steps",
    "--granularity": "prover.search.granularity",
    "--policy": "policy",
    "--prompt": "model.prompt",
    "--samples": "model.samples",
    "--temperature": "model.temperature",
    "--critic": "model.critic",
    "--retriever": "model.retriever",
    "--premises": "model.premises",
    "--model-option": "model.options",
    "--priors": "model.priors",
    "--memory": "model.memory",
    "--allow-axiom": "allow_axioms",
    "--check-time": "check_s",
    "--mode": "drafts.mode",
    "--attempts": "drafts.attempts",
    "--turns": "drafts.turns",
    "--repair-depth": "drafts.repair_depth",
    "-k": "evaluation.attempts",
    "--all-attempts": "evaluation.all_attempts",
    "--split": "evaluation.split",
    "--name": "evaluation.names",
    "--core": "evaluation.core",
    "--slice": "evaluation.part",
    "--shard": "evaluation.shard",
    "--header": "evaluation.header_file",
    "--lean": "evaluation.lean",
    "--project": "evaluation.project",
}
"""Flag of `lakatos eval` to the place of its value in the configuration of a run."""

FREE = (
    "workers", "retries", "prover.concurrency", "evaluation.data", "evaluation.lean",
    "evaluation.project", "evaluation.read", "evaluation.header", "evaluation.left_out",
)  # fmt: skip
"""What may change when a run goes on, or is compared apart: its problems and its Lean."""

_LABELS = {"worker": "the worker that speaks to Lean, version"}
_FOLDERS = ("--header", "--project")
_WHOLE = ("model.options", "retries")
_FOLLOW_THE_POLICY = ("--mode", "--search")
_SHOWN = 3
Group = TypeVar("Group")


def flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a configuration, each with its place: `prover.wall_s`."""
    for name, value in config.items():
        place = above + name
        if isinstance(value, Mapping) and place not in _WHOLE:
            yield from flat(value, f"{place}.")
        else:
            yield place, value


def of_a_run(flags: Mapping[str, str]) -> set[str]:
    """The options that a stored run decides. flags: the flag of each option by its field."""
    return {name for name, flag in flags.items() if flag in PATHS or flag == "--data"}


@dataclass(frozen=True, slots=True)
class StoredOptions:
    """The options of a stored run, which stand in for those that the user left out.

    config: of the run. left_out: options that the user did not give, by field: the flag of each.
    """

    config: Mapping[str, Any]
    left_out: Mapping[str, str]

    def fill(self, group: Group) -> Group:
        """A group of options, a dataclass, filled in. A new policy brings its own search."""
        stored = dict(flat(self.config))
        is_new = "--policy" not in self.left_out.values()
        values: dict[str, Any] = {}
        for each in fields(group):  # type: ignore[arg-type]
            value = getattr(group, each.name)
            flag = self.left_out.get(each.name, "")
            if is_dataclass(value):
                values[each.name] = self.fill(value)
            elif PATHS.get(flag) in stored and not (is_new and flag in _FOLLOW_THE_POLICY):
                values[each.name] = _as_option(flag, stored[PATHS[flag]])
        return replace(group, **values)  # type: ignore[type-var]


def _as_option(flag: str, stored: Any) -> Any:
    """A value of a configuration as the command line gives it."""
    if isinstance(stored, Mapping):
        return [f"{key}={value}" for key, value in stored.items()]
    if flag == "--heartbeats":
        return _word(stored)
    return Path(stored) if stored and flag in _FOLDERS else stored


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In which flags two configurations differ: `--time 8, now 9`; without what may change."""
    sides = dict(flat(before)), dict(flat(now))
    flags = {place: flag for flag, place in PATHS.items()}
    found = []
    for place in dict.fromkeys([*sides[1], *sides[0]]):
        first, second = (side.get(place) for side in sides)
        if place not in FREE and _word(first) != _word(second):
            label = flags.get(place) or _LABELS.get(place, place)
            found.append(f"{label} {_word(first)}, now {_word(second)}")
    return found


def _word(value: Any) -> str:
    """A value as a user would type it."""
    if value is True:
        return "given"
    if value is None or value is False or value in ("", [], (), {}):
        return "not given"
    if isinstance(value, Mapping):
        return " ".join(_as_option("", value))
    if isinstance(value, list | tuple):
        between = "," if all(isinstance(each, int) for each in value) else " "
        return between.join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def changed(before: Sequence[Problem], now: Sequence[Problem], *, is_part: bool) -> list[str]:
    """How the problems differ, one phrase each: `t3 reads otherwise`.

    is_part: `before` holds only some of those that were read then.
    """
    new = {problem.name: problem for problem in now}
    old = {problem.name for problem in before}
    found = [
        f"{p.name} is gone" if p.name not in new else f"{p.name} reads otherwise"
        for p in before
        if p.name not in new or not _reads_alike(p, new[p.name])
    ]
    found += [] if is_part else [f"{name} is new" for name in new if name not in old]
    return found


def _reads_alike(one: Problem, other: Problem) -> bool:
    return (one.lean, one.hole, one.flaw) == (other.lean, other.hole, other.flaw)


def listed(phrases: Sequence[str]) -> str:
    """The first phrases, and how many more there are."""
    more = len(phrases) - _SHOWN
    return ", ".join(phrases[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
