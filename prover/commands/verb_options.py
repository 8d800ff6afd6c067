"""Options that only one verb has: `extract`, `verify`, `show`, `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .completion import FORMATS, KERNELS, POLICIES, SOURCES, one_of
from .help_page import COMMON, KERNEL
from .options import Json, Seed

_common = partial(Option, rich_help_panel=COMMON)
_kernel = partial(Option, rich_help_panel=KERNEL)


@dataclass(frozen=True)
class ExtractOptions:
    """What to make a dataset of, and in which form."""

    path: Annotated[
        str,
        Argument(
            metavar="SOURCE",
            help="A Lean file, a folder, a Lake project, a folder of LeanDojo's benchmark, or "
            "URL[@COMMIT] of a git repository that LeanDojo traces. Or a word. core: theorems of "
            "Lean's own library, as problems. store: all attempts in the database. synthetic: "
            "problems made at random.",
            autocompletion=one_of(*SOURCES),
        ),
    ]
    out: Annotated[
        Path | None, _common(metavar="DIR", help="Write the dataset into this folder.")
    ] = None
    stats: Annotated[
        bool, _common("--stats", help="Only count what the dataset would hold; write nothing.")
    ] = False
    format: Annotated[
        list[str] | None,
        _common(
            metavar="NAME",
            help="File format: jsonl, parquet, datasets, and for files and projects leandojo. "
            "Can be given several times. Default: jsonl.",
            autocompletion=one_of(*FORMATS),
        ),
    ] = None
    exclude: Annotated[
        list[Path] | None,
        _common(
            metavar="PATH",
            help="Leave out everything that states or proves a problem of this problem set. Can "
            "be given several times. Example: --exclude miniF2F/",
        ),
    ] = None
    module: Annotated[
        list[str] | None,
        _common(
            metavar="PATTERN",
            help="For core: only modules whose name matches. Example: --module 'Init.Data.*'",
        ),
    ] = None
    premises: Annotated[
        str | None,
        _common(
            metavar="MODE",
            help="For core: strict, a theorem sees what its module imports; accessible, the "
            "theorems of its module that are known to stand above it too. Default: strict.",
            autocompletion=one_of("strict", "accessible"),
        ),
    ] = None
    count: Annotated[
        int | None,
        _common(min=1, metavar="N", help="For synthetic: how many problems to make. Default: 100."),
    ] = None
    seed: Seed = 0
    workers: Annotated[
        int | None,
        _common(
            min=1,
            metavar="N",
            help="Number of Lean processes. Default: one for each core; 1 for core.",
        ),
    ] = None


@dataclass(frozen=True)
class SecondOpinionOptions:
    """A second check of a verdict, by an external kernel."""

    export: Annotated[
        Path | None,
        _kernel(
            metavar="DIR",
            help="Write what each verdict rests on into this new or empty folder, in lean4export's "
            "format, with a manifest.",
        ),
    ] = None
    kernel: Annotated[
        str | None,
        _kernel(
            metavar="NAME|PATH",
            autocompletion=one_of(*KERNELS),
            help="An external checker that has to accept the proofs too: nanoda, leanchecker, or "
            "the path of a program.",
        ),
    ] = None
    kernel_time: Annotated[
        float,
        _kernel(metavar="SECONDS", min=0.0, help="Time for its answer about one theorem."),
    ] = 600.0


@dataclass(frozen=True)
class ShowOptions:
    """Which stored attempt to show, or which to list."""

    attempt: Annotated[
        int | None,
        Argument(metavar="NUMBER", help="Number of the attempt; without it, attempts are listed."),
    ] = None
    run: Annotated[
        int | None, _common(metavar="N", help="List only attempts of run N. Example: --run 3")
    ] = None
    theorem: Annotated[
        str | None,
        _common(
            metavar="PATTERN",
            help="List only theorems whose name matches. Example: --theorem 'amc_*'",
        ),
    ] = None
    failed: Annotated[bool, _common("--failed", help="List only attempts that proved nothing.")] = (
        False
    )
    limit: Annotated[
        int | None,
        _common(min=1, metavar="N", help="List at most N attempts. Default: 30."),
    ] = None
    as_json: Json = False
    conversation: Annotated[
        bool,
        _common(
            "--conversation",
            help="Print the prompts and answers of a model: those about drafts, and those about "
            "tactics if the attempt was made with --keep-prompts.",
        ),
    ] = False
    html: Annotated[
        Path | None,
        _common(
            "--html",
            metavar="FILE",
            help="Write the proof graph as an HTML page; - is standard output.",
        ),
    ] = None
    dot: Annotated[
        Path | None,
        _common(
            "--dot",
            metavar="FILE",
            help="Write the proof graph for Graphviz; - is standard output.",
        ),
    ] = None


@dataclass(frozen=True)
class DoctorOptions:
    """Which models doctor tries."""

    policy: Annotated[
        str | None,
        _common(
            metavar="SPEC",
            help="Check the models of this policy instead of Lean: packages, device or server, "
            "and one completion. Example: --policy openai:qwen3@http://localhost:8000/v1",
            autocompletion=one_of(*POLICIES),
        ),
    ] = None
    model_option: Annotated[
        list[str] | None,
        _common(
            metavar="KEY=VALUE",
            help="An option of the model, as of `lakatos prove`. Example: --model-option "
            "device=cpu",
        ),
    ] = None
