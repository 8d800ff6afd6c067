"""The verbs of the command line and what each is for; a verb's module is imported when it is used.

So `lakatos --version` and `--help` import neither a database, nor a graph library, nor Lean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from .config_file import defaults_of, find_files
from .help_page import (
    VerbHelp,
    names_of,
    write_examples,
    write_exit_codes,
    write_options,
    write_rows,
)
from .option_groups import file_options, flattened
from .streams import Interrupted

GROUPS = {
    "Prove": {
        "prove": "Prove every sorry of Lean files.",
        "repair": "Repair broken proofs in Lean files.",
        "verify": "Check whether a file proves the theorems of another file.",
    },
    "Evaluate": {
        "eval": "Run a problem set: try to prove each of its theorems.",
        "report": "Show the results of a run over a problem set.",
        "compare": "Compare two runs on the problems that both have.",
        "show": "Show stored attempts: proof, search tree, statistics.",
    },
    "Make training data": {
        "extract": "Write a dataset from Lean files, Lean's library or stored attempts.",
    },
    "Train models": {
        "train": "Train a model, priors or a memory on what was tried.",
        "learn": "Prove and learn in turn: expert iteration over a problem set.",
    },
    "Serve other programs": {
        "serve": "Serve Lean to agents (MCP) and over HTTP: check, judge, prove.",
        "repl": "Answer the JSON requests of leanprover-community/repl.",
    },
    "Look after this machine": {
        "setup": "Set up the embedded Lean now (121.5 MB to download).",
        "doctor": "Check this machine, or a model and its server.",
        "help": "Show the options of a verb.",
    },
}
"""The verbs by what they are for, each with the first line of its help; its module in `verbs` has
the same name."""

VERBS = {name: line for verbs in GROUPS.values() for name, line in verbs.items()}
WITHOUT_DEFAULTS = ("help", "setup")
"""Verbs for which no file of defaults is read, so that they work where one is wrong."""

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


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
    text = f"{VERBS[name]}\n\n{module.HELP.details}".strip()
    function = flattened(module.run)
    one.command(name, cls=VerbCommand, help=text)(function)
    command = typer.main.get_command(one)
    assert isinstance(command, VerbCommand)
    command.page = module.HELP
    for each in command.params:
        _spare_conversion(each, get_args(function.__annotations__[each.name])[0])
    return command


def _spare_conversion(parameter: Any, kind: Any) -> None:
    """Leave a default as it is, and a text that is to be a text.

    Typer imports pydantic for the conversion, which takes as long as all the rest of the start.
    """
    convert = parameter.process_value

    def process_value(ctx: Any, value: Any) -> Any:
        is_default = value is None or value == parameter.default
        is_right = isinstance(value, str) and kind in (str, str | None)
        if is_right or (is_default and not parameter.required):
            return value
        return convert(ctx, value)

    parameter.process_value = process_value


class QuickFlags:
    """A command whose flags are False where they are not given.

    Those that typer adds itself are None then, and to make a bool of that it imports pydantic.
    """

    def get_params(self, ctx: Any) -> Any:
        """As typer's."""
        found = super().get_params(ctx)  # type: ignore[misc]
        for each in found:
            if getattr(each, "is_flag", False) and each.default is None:
                each.default = False
        return found


class VerbCommand(QuickFlags, TyperCommand):
    """The command of a verb. page: what its help says besides the options."""

    page = VerbHelp()

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. Raises Interrupted for Ctrl-C, which typer would end without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`FILE... [OPTIONS]`; an argument that may be left out stands in brackets."""
        arguments = [each for each in self.params if each.param_type_name == "argument"]
        names = [f"{each.metavar}" if each.required else f"[{each.metavar}]" for each in arguments]
        return [*names, "[OPTIONS]"]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options in groups."""
        write_options(self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write examples and exit codes."""
        write_examples(self.page.examples, formatter)
        write_exit_codes(self.page.exit_codes, formatter)


class VerbGroup(QuickFlags, TyperGroup):
    """The top command: knows the verbs without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": VerbTable()})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs in groups, each with its line."""
        for title, verbs in GROUPS.items():
            write_rows(title, list(verbs.items()), formatter, max(map(len, VERBS)))
        formatter.write("\nlakatos VERB --help shows the options of a verb, with examples.\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the verbs first, then the few options that need none."""
        self.format_commands(ctx, formatter)
        options: list[Any] = self.get_params(ctx)
        rows = [(names_of(each), each.help) for each in options]
        write_rows("Options", rows, formatter)


app = typer.Typer(
    cls=VerbGroup,
    subcommand_metavar="VERB ...",
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
        verb, environment = context.invoked_subcommand, context.obj
        if environment and not environment.asks_for_help and verb not in WITHOUT_DEFAULTS:
            _take_defaults(context, verb)
        return
    raise typer.Exit(0)


def _take_defaults(context: typer.Context, verb: str) -> None:
    """Let the files of defaults stand in for what the command line leaves out."""
    if not (files := find_files(Path.cwd(), context.obj.settings)):
        return
    runs = {name: import_module(f".verbs.{name}", __package__).run for name in VERBS}
    options = {name: file_options(run) for name, run in runs.items()}
    defaults = defaults_of(verb, files, options)
    if context.obj.database:  # an environment variable wins over files
        defaults = defaults.only(defaults.values.keys() - {"db"})
    context.obj = replace(context.obj, defaults=defaults)
    context.default_map = {verb: defaults.values}
