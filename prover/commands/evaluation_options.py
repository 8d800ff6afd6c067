"""Options for a run over a problem set: which problems, how often, and which run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .help_page import COMMON, OUTPUT, PROBLEMS, RUNS
from .options import Json

_common = partial(Option, rich_help_panel=COMMON)
_problems = partial(Option, rich_help_panel=PROBLEMS)
_runs = partial(Option, rich_help_panel=RUNS)


@dataclass(frozen=True)
class ProblemOptions:
    """A problem set, and which of its problems."""

    problem_set: Annotated[
        str | None,
        Argument(
            metavar="NAME",
            help="A name for the problem set, for the reports: minif2f. Not needed with --run.",
        ),
    ] = None
    data: Annotated[
        Path | None,
        _common(
            metavar="PATH",
            help="The problems: a folder of Lean files, one Lean file, or a JSON or JSON lines "
            "file. Example: --data miniF2F/",
        ),
    ] = None
    split: Annotated[
        str | None,
        _problems(metavar="NAME", help="Only problems of this split. Example: --split test"),
    ] = None
    name: Annotated[
        list[str] | None,
        _problems(
            metavar="PATTERN",
            help="Only problems whose name matches: a pattern, or a regular expression between "
            "slashes. Can be given several times. Example: --name 'amc12*'",
        ),
    ] = None
    core: Annotated[
        bool,
        _problems(
            "--core",
            help="Skip statements that Lean does not accept, and replace Mathlib's imports, so "
            "that problems which need no Mathlib run in the embedded Lean.",
        ),
    ] = False
    part: Annotated[
        str | None,
        _problems(
            "--slice",
            metavar="N|A:B",
            help="Only the first N problems, or those from A up to before B, counted from 0. "
            "Example: --slice 40:60",
        ),
    ] = None
    shard: Annotated[
        str | None,
        _problems(
            metavar="I/N",
            help="Only part I of N, counted from 1, to share a set among machines. 1/8 takes the "
            "1st, 9th, 17th, ... problem.",
        ),
    ] = None
    header: Annotated[
        Path | None,
        _problems(
            metavar="FILE",
            help="Use the text of FILE in place of the imports, opens and options that stand "
            "above each problem.",
        ),
    ] = None


@dataclass(frozen=True)
class AttemptOptions:
    """How often problems are attempted, which run goes on, and what is printed."""

    pass_at: Annotated[
        int,
        _common("-k", "--pass-at", metavar="K", help="Attempts at each theorem, for pass@K."),
    ] = 1
    all_attempts: Annotated[
        bool,
        _runs(
            "--all-attempts",
            help="Make all K attempts, also after the first proof, so that pass@k is estimated "
            "for every k up to K.",
        ),
    ] = False
    resume: Annotated[
        bool,
        _runs(
            "--resume",
            help="Continue the newest run of the same problems and options. Where there is none, "
            "stop and say what differs.",
        ),
    ] = False
    run: Annotated[
        int | None,
        _common(
            metavar="N",
            help="Continue run N, with its problems and its options. Example: --run 38",
        ),
    ] = None
    retry: Annotated[
        list[str] | None,
        _runs(
            metavar="CLASS",
            help="Try the theorems of this class of the last run again: crash, model-failed, "
            "budget, ... Can be given several times.",
        ),
    ] = None
    max_errors: Annotated[
        int,
        _runs(
            metavar="N",
            help="Stop the run when the model failed in N attempts in a row: its server does not "
            "answer, or answers without text.",
        ),
    ] = 10
    check: Annotated[
        bool,
        _common(
            "--check",
            help="Only check: elaborate all statements, ask the model once, and estimate the "
            "time, tokens and disk space of the run. Nothing is tried or stored.",
        ),
    ] = False
    cluster: Annotated[
        str | None,
        _runs(
            metavar="ADDRESS",
            help="Run on all nodes of this Ray cluster, or on a new one here: local. Example: "
            "--cluster 10.0.0.1:6379",
        ),
    ] = None
    quiet: Annotated[
        bool,
        Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Print the summary only."),
    ] = False
    as_json: Json = False
