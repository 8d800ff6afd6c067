"""`lakatos help`: the help of a verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Context

from ..help_page import VerbHelp

HELP = VerbHelp(
    examples=(
        ("List the verbs", "lakatos help"),
        ("Print the options of a verb", "lakatos help prove"),
    ),
    exit_codes={2: "there is no such verb"},
)


@dataclass(frozen=True)
class HelpOptions:
    """The options of `lakatos help`."""

    verb: Annotated[
        str | None, Argument(metavar="VERB", help="The verb; without it, verbs are listed.")
    ] = None


def run(context: Context, options: HelpOptions) -> int:
    """Print the help of a verb, or the list of verbs; the exit code."""
    group = context.find_root().command
    words = [options.verb, "--help"] if options.verb else ["--help"]
    return int(group.main(words, prog_name="lakatos", standalone_mode=False) or 0)
