"""How the help of a verb looks: its options in groups, then examples and exit codes.

Plain text, with no library but typer: help is to come at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COMMON, PROBLEMS, RUNS, BUDGET = "Common options", "Problems", "Runs", "Budget"
MODEL, SEARCH, DRAFTS = "Model", "Search", "Whole proofs and sketches"
LEAN, KERNEL, OUTPUT, ADVANCED = "Lean", "Second opinion", "Output", "Advanced"
PANELS = (
    COMMON, PROBLEMS, RUNS, BUDGET, MODEL, SEARCH, DRAFTS, LEAN, KERNEL, OUTPUT, ADVANCED,
)  # fmt: skip
"""Groups of options, in the order in which help lists them; an option that names none is last."""

EXIT_CODES = {
    0: "success",
    2: "the command or a file is wrong; the message says what to change",
    3: "this machine or a model server is at fault; `lakatos doctor` looks for the cause",
    130: "interrupted with Ctrl-C; results so far are stored",
    141: "the program that read the output has ended (`| head`); results so far are stored",
}
"""What the exit codes of every verb mean."""

SOUNDNESS_ALARM = "soundness alarm: the verifier refuses a proof that the search found; report it"


@dataclass(frozen=True)
class VerbHelp:
    """What the help of a verb says besides its options.

    details: the text below the first line. examples: pairs of what a command does, and the
    command. exit_codes: those that mean something of their own here.
    """

    details: str = ""
    examples: Sequence[tuple[str, str]] = ()
    exit_codes: Mapping[int, str] = field(default_factory=dict)


NAME_COLUMNS = 24
"""Columns for the names of options; a longer name has a line of its own."""

EXAMPLE = " Example: "


def write_options(parameters: Sequence[Any], formatter: Any) -> None:
    """Write arguments, then the options of each group, a heading above each."""
    rows: dict[str, list[tuple[str, str]]] = {panel: [] for panel in ("Arguments", *PANELS)}
    for each in parameters:
        is_argument = each.param_type_name == "argument"
        panel = "Arguments" if is_argument else each.rich_help_panel or PANELS[-1]
        rows[panel].append((each.metavar if is_argument else names_of(each), _text(each)))
    for panel, listed in rows.items():
        write_rows(panel, listed, formatter)


def write_rows(
    title: str, rows: Sequence[tuple[str, str]], formatter: Any, columns: int = NAME_COLUMNS
) -> None:
    """Write a heading, then names with their texts in two columns; nothing without rows."""
    if rows:
        with formatter.section(title):
            padded = [(name.ljust(columns), text) for name, text in rows]
            formatter.write_dl(padded, col_max=columns)


def names_of(option: Any) -> str:
    """`-k, --pass-at K`."""
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar}"


def _text(parameter: Any) -> str:
    """The help text; with its default, if that is a plain value, before the example."""
    default, text = parameter.default, parameter.help or ""
    if parameter.required or default is None or default is False:
        return text
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    what, example, value = text.partition(EXAMPLE)
    return f"{what} Default: {shown}.{example}{value}"


def write_examples(examples: Sequence[tuple[str, str]], formatter: Any) -> None:
    """Write commands, what each does above it."""
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        for text, command in examples:
            formatter.write(f"{indent}# {text}\n{indent}{command}\n")


def write_exit_codes(own: Mapping[int, str], formatter: Any) -> None:
    """Write exit codes, each with what it means. own: those of the verb."""
    codes = dict(sorted({**EXIT_CODES, **own}.items()))
    write_rows("Exit codes", [(str(code), text) for code, text in codes.items()], formatter, 3)
