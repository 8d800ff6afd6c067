"""Options that one verb has: `extract`, `verify`, `show`; groups as in options.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .options import Json


@dataclass(frozen=True)
class ExtractOptions:
    """What to make a dataset of, and what of it."""

    path: Annotated[
        str,
        Argument(
            metavar="PATH|core|store|synthetic",
            help="A Lean file, a folder, a Lake project, LeanDojo's benchmark; URL[@COMMIT] is a "
            "git repository that LeanDojo traces; core: Lean's own theorems; store: all that was "
            "tried; synthetic: problems made up.",
        ),
    ]
    out: Annotated[Path | None, Option(metavar="DIR", help="Write the dataset there.")] = None
    format: Annotated[
        list[str] | None,
        Option(metavar="NAME", help="jsonl, parquet, datasets; of files leandojo too."),
    ] = None
    stats: Annotated[bool, Option("--stats", help="Count what is there, write nothing.")] = False
    exclude: Annotated[
        list[Path] | None, Option(metavar="PATH", help="Leave out what speaks of these problems.")
    ] = None
    module: Annotated[
        list[str] | None, Option(metavar="GLOB", help="core: only these modules, Init.Data.*")
    ] = None
    count: Annotated[
        int | None, Option(min=1, metavar="N", help="synthetic: how many problems.")
    ] = None
    seed: Annotated[int, Option(help="Of the splits, and of what is made up.")] = 0
    workers: Annotated[int | None, Option(min=1, help="Lean processes; default: cores.")] = None


@dataclass(frozen=True)
class SecondOpinionOptions:
    """Who looks at a verdict a second time."""

    export: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Write there what each verdict rests on, for external checkers "
            "(lean4export's NDJSON), and a manifest.",
        ),
    ] = None
    kernel: Annotated[
        str | None,
        Option(
            metavar="nanoda|leanchecker|PATH",
            help="An external checker that has to accept the proofs too.",
        ),
    ] = None
    kernel_time: Annotated[
        float, Option(metavar="SECONDS", min=0.0, help="For its answer about one theorem.")
    ] = 600.0


@dataclass(frozen=True)
class ShowOptions:
    """Which stored attempt to show, or which to list."""

    attempt: Annotated[
        int | None, Argument(metavar="NUMBER", help="Of an attempt; none lists the last.")
    ] = None
    run: Annotated[int | None, Option(metavar="N", help="List only attempts of run N.")] = None
    theorem: Annotated[
        str | None, Option(metavar="GLOB", help="List only these theorems: barber, 'amc_*'.")
    ] = None
    failed: Annotated[bool, Option("--failed", help="List only what was not proved.")] = False
    limit: Annotated[
        int | None, Option(min=1, metavar="N", help="List at most so many; default 30.")
    ] = None
    as_json: Json = False
    conversation: Annotated[
        bool,
        Option(
            "--conversation",
            help="Print what was said with a model: about drafts; about tactics where the attempt "
            "was made with --keep-prompts.",
        ),
    ] = False
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write the graph as a page.")
    ] = None
    dot: Annotated[
        Path | None, Option("--dot", metavar="FILE", help="Write the graph for Graphviz.")
    ] = None
