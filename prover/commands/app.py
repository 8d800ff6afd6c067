"""The verbs of the command line and what each is for; a verb's module is imported when it is used.

So `lakatos --version` and `--help` import neither a database, nor a graph library, nor Lean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from .option_groups import flattened

VERBS = {
    "prove": "Prove every sorry of the files; print the proofs, or write them with --write.",
    "repair": "Mend the broken proofs of the files; print them, or write them with --write.",
    "eval": "Try the theorems of a problem set, and keep what came of each.",
    "extract": "Turn Lean files or stored attempts into training data, or Lean's library into "
    "problems.",
    "verify": "Judge whether FILE proves the theorems of the original, and nothing weaker.",
    "show": "List stored attempts; with a number, show one: its tree, proof and statistics.",
    "report": "Report what came of a run over a problem set.",
    "compare": "Compare two runs on the problems that both have.",
    "setup": "Set up the embedded Lean now: once, about 120 MB to download.",
    "doctor": "Say what was found here; start a worker and check one theorem, or try a policy's "
    "models.",
    "help": "Print the help of a verb: lakatos help prove.",
}
"""Each verb with its first line of help; its module in `verbs` has the same name."""

SETTINGS = {"help_option_names": ["-h", "--help"]}


class VerbTable(Mapping[str, Any]):
    """The commands by name, each built when it is first looked up."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in VERBS:
            raise KeyError(name)
        if name not in self._built:
            self._built[name] = _command(name)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


def _command(name: str) -> Any:
    """The command of a verb, from its module."""
    module = import_module(f".verbs.{name}", __package__)
    one = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)
    one.command(name, cls=VerbCommand, help=VERBS[name])(flattened(module.run))
    return typer.main.get_command(one)


class QuickHelp:
    """A command whose `--help` is False where it is not given.

    Typer's own is then None, and to make a bool of that it imports pydantic.
    """

    def get_help_option(self, ctx: Any) -> Any:
        """As typer's."""
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.default = False
        return option


class VerbCommand(QuickHelp, TyperCommand):
    """The command of a verb."""


class VerbGroup(QuickHelp, TyperGroup):
    """The top command: knows the verbs without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": VerbTable()})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs, each with its line."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


app = typer.Typer(
    cls=VerbGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
)


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.")
    ] = False,
) -> None:
    """Prove Lean 4 theorems; real Lean checks every step."""
    if show_version:
        from importlib.metadata import version

        typer.echo(f"lakatos {version('lakatos')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        return
    raise typer.Exit(0)
