"""What a run over a problem set is made of, from the options of the command line.

A new run, or a stored one that goes on with its own problems and options.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.errors import UsageError
from ...data.evaluation import Evaluation, Problem, ResultClass, hash_of
from ...data.problems.reader import CORE_HEADER, read_problems, with_header
from ...data.problems.selection import Selection
from ...data.source import read_source
from ...lean_env.worker_command import Toolchain
from ..agent.rejections import worker_name
from ..evaluation.runner import MAX_ERRORS, AttemptPlan
from ..session import RunConfig
from .continuation import (
    WantedRun,
    check_same,
    described,
    problems_changed,
    run_to_retry,
    same_run,
)
from .evaluation_console import ConsoleReporter
from .evaluation_options import AttemptOptions, ProblemOptions

if TYPE_CHECKING:
    from ...data.store.store import Store

FindLean = Callable[[Path | None], tuple[Toolchain, dict[str, str | None]]]
"""Finds the toolchain for a path, and gives the options by which it was chosen."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Where a run is stored. command: as the user typed it; db_option: ` --db FILE`, or nothing."""

    store: Store
    command: str
    db_option: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """What is evaluated, and how.

    only_elaborable: skip statements that Lean refuses, instead of counting them. choice: how the
    problems were chosen, as JSON values. earlier: the run that goes on; None: a new one. retry:
    classes of it to try again. cluster: address of a Ray cluster; None: this machine.
    """

    name: str
    problems: tuple[Problem, ...] = field(repr=False)
    config: RunConfig
    toolchain: Toolchain
    attempts: int = 1
    all_attempts: bool = False
    only_elaborable: bool = False
    choice: dict[str, Any] = field(default_factory=dict)
    earlier: Evaluation | None = None
    retry: tuple[ResultClass, ...] = ()
    reporter: ConsoleReporter = field(default_factory=ConsoleReporter)
    cluster: str | None = None
    max_errors: int = MAX_ERRORS

    @property
    def plan(self) -> AttemptPlan:
        """How each problem is tried. Raises UsageError for a senseless number."""
        return AttemptPlan(self.config.prover, self.attempts, self.all_attempts, self.max_errors)

    @property
    def lean(self) -> str:
        """The toolchain as the store names it."""
        return f"{self.toolchain.name} {self.toolchain.lean}"

    @property
    def proving(self) -> RunConfig:
        """The configuration, with the premises in the problems' headers as allowed axioms."""
        premises = dict.fromkeys(name for problem in self.problems for name in problem.premises)
        return replace(self.config, allow_axioms=(*self.config.allow_axioms, *premises))

    @property
    def sources(self) -> list[str]:
        """Texts that may declare an allowed axiom: the headers, and problems that name one."""
        axioms = self.config.allow_axioms
        naming = [p.lean for p in self.problems if any(name in p.lean for name in axioms)]
        return [*dict.fromkeys(problem.header for problem in self.problems), *naming]

    @property
    def as_json(self) -> dict[str, Any]:
        """The whole configuration as JSON values, as the store keeps it."""
        evaluation = {"attempts": self.attempts, "all_attempts": self.all_attempts, **self.choice}
        values = asdict(self.config)
        worker = worker_name(self.toolchain, self.config.prover.heartbeats[-1])
        values |= {"worker": worker, "evaluation": evaluation}
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return plain


def evaluation_config(
    options: ProblemOptions,
    attempts: AttemptOptions,
    config: RunConfig,
    find_lean: FindLean,
    record: RunRecord,
) -> EvaluationConfig:
    """The configuration that the options ask for; malformed problems are named, and counted.

    find_lean: called when everything else is known to be right. record: where the run is stored.
    Raises UsageError.
    """
    AttemptPlan(config.prover, attempts.pass_at, max_errors=attempts.max_errors)
    retry = result_classes(attempts.retry or ())
    reporter = ConsoleReporter(attempts.quiet, attempts.as_json)
    stored = None if attempts.run is None else record.store.load_evaluation(attempts.run)
    _check_problems_named(options, stored)
    selection = _selection(options)
    problems = _read_problems(options, selection, reporter) if options.data else ()
    if options.header and problems:  # a file that cannot be read is told before Lean is set up
        read_source(str(options.header))
    toolchain, lean_choice = find_lean(options.data or (_data_of(stored) if stored else None))
    problems, header = _with_header(options, problems, toolchain)
    name = options.problem_set or "problems"
    choice = asdict(selection) | lean_choice | _paths(options)
    evaluation = EvaluationConfig(
        name=f"{name}-core" if options.core else name,
        problems=problems,
        config=config,
        toolchain=toolchain,
        attempts=attempts.pass_at,
        all_attempts=attempts.all_attempts,
        cluster=attempts.cluster,
        max_errors=attempts.max_errors,
        only_elaborable=options.core and all(problem.is_core is None for problem in problems),
        choice=choice | {"header": header, "read": hash_of(problems)},
        retry=retry,
        reporter=reporter,
    )
    if stored:
        if not options.problem_set:
            evaluation = replace(evaluation, name=stored.problem_set)
        return _continued(evaluation, stored, options, record.db_option)
    if retry or attempts.resume:
        wanted = WantedRun(evaluation.name, problems, evaluation.lean, evaluation.as_json)
        find_run = run_to_retry if retry else same_run
        return replace(evaluation, earlier=find_run(record.store, wanted, record.db_option))
    return evaluation


def result_classes(words: Sequence[str]) -> tuple[ResultClass, ...]:
    """The classes that words such as `dead-end` name. Raises UsageError."""
    known = {outcome.value.replace(" ", "-"): outcome for outcome in ResultClass}
    names = [word.replace(" ", "-").replace("_", "-") for word in words]
    for word, name in zip(words, names, strict=True):
        if name not in known:
            raise UsageError(f"no class {word!r}; there is: {', '.join(known)}")
    return tuple(known[name] for name in names)


def _selection(options: ProblemOptions) -> Selection:
    return Selection(
        split=options.split,
        names=tuple(options.name or ()),
        core=options.core,
        part=options.part,
        shard=options.shard,
    )


def _check_problems_named(options: ProblemOptions, stored: Evaluation | None) -> None:
    """Raise UsageError where the options do not say which problems."""
    missing = "" if options.data else "--data PATH"
    missing = "NAME" if options.problem_set is None else missing
    if missing and stored is None:
        raise UsageError(f"missing {missing}: lakatos eval NAME --data PATH, or --run N to go on")


def _read_problems(
    options: ProblemOptions, selection: Selection, reporter: ConsoleReporter
) -> tuple[Problem, ...]:
    """The selected problems; malformed ones are named, quiet or not. Raises UsageError."""
    assert options.data
    problem_set = read_problems(options.problem_set or "problems", options.data)
    for line in problem_set.flaws:
        reporter.warn(line)
    for line in problem_set.notes:
        reporter.note(line)
    return selection(problem_set.problems)


def _with_header(
    options: ProblemOptions, problems: tuple[Problem, ...], toolchain: Toolchain
) -> tuple[tuple[Problem, ...], str]:
    """The problems under the header of the options, and what that header is, in words.

    In the embedded Lean, `--core` puts numbers by Mathlib's names in the place of imports.
    """
    if options.header and problems:
        header = read_source(str(options.header)).text
        return with_header(problems, header), str(options.header)
    if options.core and toolchain.name == "embedded":
        return with_header(problems, CORE_HEADER, only_foreign=True), "core"
    return problems, "the set's"


def _paths(options: ProblemOptions) -> dict[str, str | None]:
    """Where the problems and their header are, as whole paths."""
    paths = {"data": options.data, "header_file": options.header}
    return {name: str(path.absolute()) if path else None for name, path in paths.items()}


def _data_of(stored: Evaluation) -> Path | None:
    path = stored.config.get("evaluation", {}).get("data")
    return Path(path) if path else None


def _continued(
    evaluation: EvaluationConfig, stored: Evaluation, options: ProblemOptions, db_option: str
) -> EvaluationConfig:
    """The evaluation on the problems of the stored run. Raises UsageError if it cannot go on."""
    config = {} if evaluation.retry else evaluation.as_json
    check_same(stored, evaluation.lean, config, db_option)
    own = tuple(result.problem for result in stored.results)
    if options.data and (changes := problems_changed(stored, evaluation.problems)):
        raise UsageError(
            f"{described(stored)} has other problems: {changes}. "
            f"Go on with its own: lakatos eval --run {stored.run_id}{db_option}."
        )
    if not options.data and (changes := _changes_on_disk(evaluation, stored, options)):
        line = f"{_data_of(stored)} has changed ({changes}); the run keeps its own"
        evaluation.reporter.warn(line)
    return replace(evaluation, problems=own, only_elaborable=False, earlier=stored)


def _changes_on_disk(
    evaluation: EvaluationConfig, stored: Evaluation, options: ProblemOptions
) -> str:
    """How the file of the problems differs from what the run has; empty if it does not.

    A file that is gone has not changed.
    """
    path = _data_of(stored)
    if path is None:
        return ""
    try:
        selected = _selection(options)(read_problems(stored.problem_set, path).problems)
        return problems_changed(stored, _with_header(options, selected, evaluation.toolchain)[0])
    except UsageError:
        return ""
