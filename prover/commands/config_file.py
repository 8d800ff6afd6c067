"""Defaults of options from files: `lakatos.toml`, pyproject.toml, and the user's `config.toml`.

A file of the project wins over the user's; the command line and the environment win over both.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.errors import UsageError, unreadable
from .option_groups import FileOption

PROJECT_FILE, PYPROJECT, USER_FILE = "lakatos.toml", "pyproject.toml", "config.toml"
LAKE_FILES = "lakefile.lean", "lakefile.toml"
OWN_KEYS = {"doctor": ("policy", "model-option")}
"""Options that a verb takes from its own table only: `lakatos doctor` is to look at the machine."""

Options = Mapping[str, Mapping[str, FileOption]]
"""By verb, then by key: the options that a file may set."""


@dataclass(frozen=True)
class DefaultsFile:
    """A file with defaults, as it was read. values: its keys, and a table for each verb."""

    path: Path
    values: Mapping[str, Any]

    def of(self, verb: str) -> dict[str, Any]:
        """What it says for one verb; a key in the verb's own table wins."""
        top = {
            key: each
            for key, each in self.values.items()
            if not isinstance(each, dict) and key not in OWN_KEYS.get(verb, ())
        }
        return {**top, **self.values.get(verb, {})}

    @property
    def keys(self) -> list[str]:
        """All its keys: `time`, `eval.time`."""
        found = []
        for key, each in self.values.items():
            found += [f"{key}.{own}" for own in each] if isinstance(each, dict) else [key]
        return found


@dataclass(frozen=True)
class Setting:
    """An option that a file sets. name: its field; value: as the command line would give it."""

    path: Path
    text: str
    name: str
    value: Any


@dataclass(frozen=True)
class Defaults:
    """What files set for one verb, each option once."""

    settings: tuple[Setting, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """The values by field."""
        return {each.name: each.value for each in self.settings}

    def only(self, names: Collection[str]) -> Defaults:
        """The settings of these options alone."""
        return Defaults(tuple(each for each in self.settings if each.name in names))

    def path_of(self, name: str) -> Path:
        """The file that sets an option."""
        return next(each.path for each in self.settings if each.name == name)

    def lines(self) -> Iterator[str]:
        """One line for each file: `lakatos.toml: time = 120, policy = 'hammer'`."""
        for path in dict.fromkeys(each.path for each in self.settings):
            texts = [each.text for each in self.settings if each.path == path]
            yield f"{path}: {', '.join(texts)}"


def find_files(folder: Path, user_folder: Path | None) -> list[DefaultsFile]:
    """The files that hold for a folder: the project's before the user's. Raises UsageError."""
    found = []
    for each in _up_to_the_root(folder):
        if project := _project_file(each):
            found.append(project)
            break
    user = user_folder / USER_FILE if user_folder else None
    if user and user.is_file():
        found.append(DefaultsFile(user, _read(user)))
    return found


def _up_to_the_root(folder: Path) -> list[Path]:
    """The folder and those above it, up to the git repository, else the Lake project, it is in.

    Where it is in neither, the folder alone: what lies above it is somebody else's.
    """
    folders = [folder, *folder.parents]
    for marks in ((".git",), LAKE_FILES):
        for depth, each in enumerate(folders):
            if any((each / mark).exists() for mark in marks):
                return folders[: depth + 1]
    return [folder]


def _project_file(folder: Path) -> DefaultsFile | None:
    path = folder / PROJECT_FILE
    if path.is_file():
        return DefaultsFile(path, _read(path))
    path = folder / PYPROJECT
    table = _read(path).get("tool", {}).get("lakatos") if path.is_file() else None
    return None if table is None else DefaultsFile(path, table)


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise unreadable(path, error) from None


def defaults_of(verb: str, files: Sequence[DefaultsFile], options: Options) -> Defaults:
    """The defaults that files set for a verb; the first file that has a key decides.

    Raises UsageError for a key that is no option, or a value of another type: all keys are
    looked at, whatever the verb.
    """
    found: dict[str, Setting] = {}
    for file in files:
        _check(file, options)
        for key, value in file.of(verb).items():
            option = options[verb].get(key)
            if option and option.name not in found:
                meant = option.value(value, file.path.parent)
                text = f"{key} = {value!r}"
                found[option.name] = Setting(file.path, text, option.name, meant)
    return Defaults(tuple(found.values()))


def _check(file: DefaultsFile, options: Options) -> None:
    everywhere = {key: option for each in options.values() for key, option in each.items()}
    for key, value in file.values.items():
        if isinstance(value, dict):
            if key not in options:
                raise UsageError(_unknown(file, key, "verb", options))
            for own, its in value.items():
                if own not in options[key]:
                    raise UsageError(_unknown(file, f"{key}.{own}", "option", options[key]))
                _check_type(file, f"{key}.{own}", its, options[key][own])
        elif key not in everywhere:
            raise UsageError(_unknown(file, key, "option", everywhere))
        else:
            _check_type(file, key, value, everywhere[key])


def _check_type(file: DefaultsFile, key: str, value: Any, option: FileOption) -> None:
    if not option.is_fit(value):
        raise UsageError(f"{file.path}: {key} must be {option.wanted}, not {value!r}")


def _unknown(file: DefaultsFile, key: str, what: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key.rpartition(".")[2].replace("_", "-"), known, n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return f"{file.path}: no {what} {key}{hint}"
