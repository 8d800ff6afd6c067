"""Groups of options: a verb takes one dataclass, which becomes one flag for each of its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from typer import Context
from typer.models import ArgumentInfo

from .help_page import DRAFTS, MODEL, SEARCH

Group = TypeVar("Group")


def flattened(verb: Callable[..., int]) -> Callable[..., int]:
    """A verb `(context, options)` as a function with one parameter for each option.

    options: a dataclass; a field whose type is a dataclass stands for the options in it.
    """
    hints = get_type_hints(verb, include_extras=True)
    kind = hints["options"]
    parameters = {"context": _keyword("context", inspect.Parameter.empty, hints["context"])}
    parameters |= {each.name: each for each in _parameters(kind)}

    def flat(context: Context, **given: Any) -> int:
        options = _filled(kind, given)
        if taken := from_files(context):
            unfit = _unfit(context)
            options = with_defaults(options, unfit)
            context.obj = replace(context.obj, defaults=context.obj.defaults.only(taken - unfit))
        return verb(context, options)

    flat.__name__, flat.__doc__ = verb.__name__, verb.__doc__
    flat.__annotations__ = {name: each.annotation for name, each in parameters.items()}
    flat.__signature__ = inspect.Signature([*parameters.values()])  # type: ignore[attr-defined]
    return flat


def _unfit(context: Context) -> set[str]:
    """Options of files that belong to a policy or a search other than the one that is named."""
    named = {each.name for each in context.command.params if each.name} - set(left_out(context))
    panels = [MODEL, SEARCH, DRAFTS] if "policy" in named else [SEARCH] if "search" in named else []
    of_panels = {
        each.name
        for each in context.command.params
        if each.name and getattr(each, "rich_help_panel", None) in panels
    }
    return of_panels & from_files(context)


def _parameters(kind: Any) -> Iterator[inspect.Parameter]:
    types = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        if is_dataclass(types[each.name]):
            yield from _parameters(types[each.name])
            continue
        default = inspect.Parameter.empty if each.default is MISSING else each.default
        yield _keyword(each.name, default, types[each.name])


def _filled(kind: Any, given: Mapping[str, Any]) -> Any:
    types = get_type_hints(kind, include_extras=True)
    values = {
        each.name: _filled(types[each.name], given)
        if is_dataclass(types[each.name])
        else given[each.name]
        for each in fields(kind)
    }
    return kind(**values)


def _keyword(name: str, default: object, annotation: object) -> inspect.Parameter:
    only = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, only, default=default, annotation=annotation)


def left_out(context: Context) -> dict[str, str]:
    """The options that the user did not give, by parameter: the flag of each."""
    source = context.get_parameter_source
    parameters = [each for each in context.command.params if each.name]
    return {
        each.name: each.opts[0]
        for each in parameters
        if (found := source(each.name)) and found.name != "COMMANDLINE"
    }


def from_files(context: Context) -> set[str]:
    """The options whose values come from a file of defaults, by parameter."""
    source = context.get_parameter_source
    names = [each.name for each in context.command.params if each.name]
    return {name for name in names if (found := source(name)) and found.name == "DEFAULT_MAP"}


def with_defaults(group: Group, names: Collection[str]) -> Group:
    """A group of options in which the named ones have their built-in defaults."""
    values: dict[str, Any] = {}
    for each in fields(group):  # type: ignore[arg-type]
        value = getattr(group, each.name)
        if is_dataclass(value):
            values[each.name] = with_defaults(value, names)
        elif each.name in names:
            values[each.name] = each.default
    return replace(group, **values)  # type: ignore[type-var]


_WANTED = {
    bool: "true or false", int: "a whole number", float: "a number",
    str: "a text in quotes", Path: "a path in quotes",
}  # fmt: skip


@dataclass(frozen=True)
class FileOption:
    """An option that a file of defaults may set. kind: the type of a value, or of each of many."""

    name: str
    kind: type
    is_list: bool = False

    @property
    def wanted(self) -> str:
        """What a value has to be, in words."""
        return "a text in quotes, or a list of them" if self.is_list else _WANTED[self.kind]

    def is_fit(self, value: object) -> bool:
        """Whether a value of a TOML file is of the right type."""
        if self.is_list:
            return isinstance(value, str) or (
                isinstance(value, list) and all(isinstance(each, str) for each in value)
            )
        if self.kind is float:
            return isinstance(value, int | float) and not isinstance(value, bool)
        if self.kind is int:
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, bool if self.kind is bool else str)

    def value(self, value: Any, folder: Path) -> Any:
        """The value as the command line would give it; paths are relative to the file's folder."""
        if self.is_list:
            values = [value] if isinstance(value, str) else value
            return [self._one(each, folder) for each in values]
        return self._one(value, folder)

    def _one(self, value: Any, folder: Path) -> Any:
        is_file = self.kind is Path or (self.name == "db" and "://" not in value)
        if is_file:
            return str(folder / Path(value).expanduser())
        return float(value) if self.kind is float else value


def file_options(verb: Callable[..., int]) -> dict[str, FileOption]:
    """The options of a verb that a file may set, by key: the long flag without its dashes."""
    found: dict[str, FileOption] = {}
    for each in _parameters(get_type_hints(verb, include_extras=True)["options"]):
        hint, info = get_args(each.annotation)[:2]
        if isinstance(info, ArgumentInfo):
            continue
        written = info.default, *(info.param_decls or ())  # the first flag stands for a default
        flags = [flag for flag in written if isinstance(flag, str) and flag.startswith("--")]
        key = (flags or [each.name])[0].lstrip("-").replace("_", "-")
        if isinstance(hint, UnionType):
            hint = next(part for part in get_args(hint) if part is not type(None))
        is_list = not isinstance(hint, type) or bool(get_args(hint))
        found[key] = FileOption(each.name, get_args(hint)[0] if is_list else hint, is_list)
    return found
