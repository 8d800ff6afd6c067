"""Options that several verbs share, with their help texts.

Only words are here: run_options.py makes configurations of them.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .completion import LEANS, one_of
from .help_page import ADVANCED, BUDGET, COMMON, LEAN, OUTPUT

_common = partial(Option, rich_help_panel=COMMON)
_lean = partial(Option, rich_help_panel=LEAN)
_advanced = partial(Option, rich_help_panel=ADVANCED)

Seconds = Annotated[
    float,
    _common(
        "--time",
        metavar="SECONDS",
        help="Time for one theorem, its final check included.",
    ),
]
Workers = Annotated[
    int | None,
    _common(
        min=1,
        metavar="N",
        help="Number of Lean processes, each with 1 to 2 GB of memory. Default: one for each "
        "core, or fewer where memory is short.",
    ),
]
Axioms = Annotated[
    list[str] | None,
    _lean(
        metavar="NAME",
        help="Allow this axiom too, besides propext, Quot.sound and Classical.choice. Can be "
        "given several times. Example: --allow-axiom Lean.ofReduceBool",
    ),
]
CheckTimeOption = Annotated[
    float | None,
    Option(
        metavar="SECONDS",
        rich_help_panel=BUDGET,
        help="Time for the final check of one proof or file. Default: 60, and 30 more for each "
        "1,000 bytes of the file.",
    ),
]
Markdown = Annotated[
    bool,
    Option(
        "--markdown",
        rich_help_panel=OUTPUT,
        help="Print Markdown tables, for a README or an issue.",
    ),
]
Json = Annotated[
    bool,
    Option(
        "--json",
        rich_help_panel=OUTPUT,
        help="Print one JSON object per line; docs/json.md describes every field.",
    ),
]
Db = Annotated[
    str | None,
    _advanced(
        metavar="FILE|URL",
        help="The database of results: an SQLite file, or the URL of a PostgreSQL database. "
        "Default: $LAKATOS_DB, else a file in your data folder (`lakatos doctor` names it).",
    ),
]
Seed = Annotated[int, _advanced(metavar="N", help="Seed of all random choices.")]
Depth = Annotated[
    int,
    Option(
        metavar="N",
        rich_help_panel=BUDGET,
        help="How often the part of a proof that is searched anew may grow outwards from the "
        "error, the last time to the whole proof. 0: only the failing steps.",
    ),
]


@dataclass(frozen=True)
class InputOptions:
    """Lean files, and where their proofs go."""

    files: Annotated[
        list[str],
        Argument(
            metavar="FILE...",
            help="Lean files, folders (all .lean files in them), patterns such as 'src/*.lean', "
            "or - for standard input.",
        ),
    ]
    theorem: Annotated[
        list[str] | None,
        _common(
            metavar="NAME",
            help="Work on this theorem only. Can be given several times. Example: --theorem "
            "Nat.sub_self",
        ),
    ] = None
    write: Annotated[
        bool,
        _common(
            "--write",
            help="Write the proofs into the files. Everything else stays as it is, byte for byte.",
        ),
    ] = False
    out: Annotated[
        str | None,
        _common(
            metavar="FILE",
            help="Write the file with its proofs to FILE instead; - is standard output. For one "
            "input file. Example: --out Proved.lean",
        ),
    ] = None
    as_json: Json = False


@dataclass(frozen=True)
class LeanOptions:
    """Which Lean."""

    lean: Annotated[
        str,
        _lean(
            metavar="NAME",
            help="Which Lean to use. embedded: Lean 4.28 without Mathlib, which Lakatos sets up "
            "itself. native: the one that elan has installed for the Lake project. auto: native "
            "for a file in a Lake project whose Lean is installed, else embedded.",
            autocompletion=one_of(*LEANS),
        ),
    ] = "auto"
    project: Annotated[
        Path | None,
        _lean(
            metavar="DIR",
            help="The Lake project whose Lean and dependencies are used. Default: the project "
            "that the file lies in. Example: --project ~/mathlib4",
        ),
    ] = None

    @property
    def words(self) -> dict[str, str | None]:
        """The options as a run stores them, the folder with its whole path."""
        return {
            "lean": self.lean,
            "project": str(self.project.absolute()) if self.project else None,
        }


@dataclass(frozen=True)
class RuntimeOptions:
    """Processes, random numbers, and where results are stored."""

    workers: Workers = None
    seed: Seed = 0
    minimise: Annotated[
        str,
        Option(
            metavar="on|off",
            autocompletion=one_of("on", "off"),
            rich_help_panel=OUTPUT,
            help="on: leave out of a found proof what it does not need, in at most 10 s beyond "
            "--time. off: print the proof as it was found.",
        ),
    ] = "on"
    keep_prompts: Annotated[
        bool,
        _advanced(
            "--keep-prompts",
            help="Store every prompt sent to a tactic model and every answer; `lakatos show N "
            "--conversation` prints them.",
        ),
    ] = False
    db: Db = None
    allow_axiom: Axioms = None
    check_time: CheckTimeOption = None

    @property
    def db_option(self) -> str:
        """What other commands on the same results need: ` --db FILE`, or nothing."""
        return f" --db {shlex.quote(self.db)}" if self.db else ""


@dataclass(frozen=True)
class FileVerbOptions:
    """What the verbs share that work on Lean files."""

    input: InputOptions
    runtime: RuntimeOptions
    lean: LeanOptions
