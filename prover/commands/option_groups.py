"""Groups of options: a verb takes one dataclass, which becomes one flag for each of its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

from typer import Context


def flattened(verb: Callable[..., int]) -> Callable[..., int]:
    """A verb `(context, options)` as a function with one parameter for each option.

    options: a dataclass; a field whose type is a dataclass stands for the options in it.
    """
    hints = get_type_hints(verb, include_extras=True)
    kind = hints["options"]
    parameters = {"context": _keyword("context", inspect.Parameter.empty, hints["context"])}
    parameters |= {each.name: each for each in _parameters(kind)}

    def flat(context: Context, **given: Any) -> int:
        return verb(context, _filled(kind, given))

    flat.__name__, flat.__doc__ = verb.__name__, verb.__doc__
    flat.__annotations__ = {name: each.annotation for name, each in parameters.items()}
    flat.__signature__ = inspect.Signature([*parameters.values()])  # type: ignore[attr-defined]
    return flat


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
