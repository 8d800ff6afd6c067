"""What a Lake project holds, read from its lakefile without Lake.

Of lakefile.toml: `srcDir`, `leanOptions`; of `lean_lib` also name, roots and globs, of `lean_exe`
name, root and srcDir, of `require` name and path. Of lakefile.lean the same where they are plain
texts and names: what one computes is not seen. Nothing else is looked at.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.errors import UsageError, unreadable
from .header import skip_blank

LAKEFILES = ("lakefile.lean", "lakefile.toml")  # Lake, too, prefers the first

Options = dict[str, bool | int | str]

_NAME = r"(«[^»\n]+»|\"[^\"\n]+\"|[\w.'!?-]+)"
_DECLARATION = re.compile(
    rf"^[ \t]*(?:@\[[^\]]*\]\s*)?(package|lean_lib|lean_exe|require)\s+{_NAME}(?:\s*/\s*{_NAME})?",
    re.MULTILINE,
)
_BLOCK_END = re.compile(
    r"^[ \t]*(?:@\[|package\b|lean_lib\b|lean_exe\b|require\b|target\b|script\b|extern_lib\b|def\b"
    r"|abbrev\b|post_update\b|meta\b|library_facet\b|module_facet\b|input_file\b|input_dir\b)",
    re.MULTILINE,
)
_TEXT = r'"([^"\n]*)"'
_OPTION = re.compile(rf"⟨\s*`([\w.«»]+)\s*,\s*(?:{_TEXT}|(true|false)|\.?(?:ofNat)?\s*(\d+))\s*⟩")
_QUOTED = re.compile(r"`(?:«([^»\n]+)»|([\w.'!?]+))")


@dataclass(frozen=True)
class LakeLibrary:
    """A library or an executable. folder: of its sources, from the package's.

    roots: a module is its own when it is one of them or, for a library, below one.
    """

    name: str
    folder: str
    roots: tuple[str, ...]
    is_executable: bool = False
    options: Options = field(default_factory=dict)

    def holds(self, module: str) -> bool:
        """Whether a module is one of this library."""
        below = () if self.is_executable else tuple(f"{root}." for root in self.roots)
        return module in self.roots or module.startswith(below)


@dataclass(frozen=True)
class Lakefile:
    """A lakefile. requires: names of packages, with the folder of a local one.

    folders: where sources may be that no library claims; only a lakefile.lean leaves room for them.
    """

    file: Path
    libraries: tuple[LakeLibrary, ...]
    requires: Mapping[str, Path | None]
    options: Options = field(default_factory=dict)
    folders: tuple[str, ...] = ()


def read_lakefile(folder: Path) -> Lakefile:
    """The lakefile in a folder. Raises UsageError when it is not there or cannot be read."""
    for name in LAKEFILES:
        file = folder / name
        if file.is_file():
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise unreadable(file, error) from None
            return _of_lean(file, text) if name.endswith(".lean") else _of_toml(file, text)
    raise UsageError(f"{folder} has no {' or '.join(LAKEFILES)}")


def _of_toml(file: Path, text: str) -> Lakefile:
    try:
        table = tomllib.loads(text)
        source = _text(table, "srcDir", ".")
        options = _options(table.get("leanOptions", {}))
        libraries = [_library(source, each) for each in table.get("lean_lib", [])]
        libraries += [_executable(source, each) for each in table.get("lean_exe", [])]
        requires = {_text(each, "name"): _local(file, each) for each in table.get("require", [])}
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is broken: {error}") from error
    return Lakefile(file, tuple(libraries), requires, options)


def _library(source: str, table: Mapping[str, Any]) -> LakeLibrary:
    name = _text(table, "name")
    globs = [str(each).removesuffix(".*").removesuffix(".+") for each in table.get("globs", [])]
    roots = [str(each) for each in table.get("roots", [name])]
    folder = f"{source}/{_text(table, 'srcDir', '.')}"
    options = _options(table.get("leanOptions", {}))
    return LakeLibrary(name, folder, _plain([*roots, *globs]), options=options)


def _executable(source: str, table: Mapping[str, Any]) -> LakeLibrary:
    name = _text(table, "name")
    root = _text(table, "root", name)
    folder = f"{source}/{_text(table, 'srcDir', '.')}"
    options = _options(table.get("leanOptions", {}))
    return LakeLibrary(name, folder, _plain([root]), is_executable=True, options=options)


def _local(file: Path, table: Mapping[str, Any]) -> Path | None:
    return file.parent / _text(table, "path") if "path" in table else None


def _text(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a text, not {value!r}")
    return value


def _plain(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.replace("«", "").replace("»", "") for name in names))


def _options(given: Any, prefix: str = "") -> Options:
    """Options as a table, nested or dotted, or as an array of tables with name and value."""
    if isinstance(given, list):
        given = {_text(each, "name"): each["value"] for each in given if "value" in each}
    options: Options = {}
    for name, value in given.items():
        if isinstance(value, dict):
            options |= _options(value, f"{prefix}{name}.")
        elif isinstance(value, bool | int | str):
            options[f"{prefix}{name}"] = value
        else:
            raise ValueError(f"the option {prefix}{name} must be true, false, a number or a text")
    return options


def _of_lean(file: Path, text: str) -> Lakefile:
    text = _without_comments(text)
    source, options = ".", Options()
    libraries: list[LakeLibrary] = []
    requires: dict[str, Path | None] = {}
    for found in _DECLARATION.finditer(text):
        kind, name = found[1], found[2].strip('«»"')
        end = _BLOCK_END.search(text, found.end())
        block = text[found.end() : end.start() if end else len(text)]
        if kind == "package":
            source, options = _field(block, "srcDir", "."), _lean_options(block)
        elif kind == "require":
            requires[(found[3] or name).strip('«»"')] = _lean_local(file, block)
        else:
            folder = f"{source}/{_field(block, 'srcDir', '.')}"
            names = _names(block, "roots") or _names(block, "root") or (name,)
            names = tuple(dict.fromkeys([*names, *_names(block, "globs")]))
            is_executable = kind == "lean_exe"
            libraries.append(LakeLibrary(name, folder, names, is_executable, _lean_options(block)))
    folders = tuple(dict.fromkeys([source, *(each.folder for each in libraries)]))
    return Lakefile(file, tuple(libraries), requires, options, folders)


def _field(block: str, name: str, default: str) -> str:
    found = re.search(rf"\b{name}\s*:=\s*{_TEXT}", block)
    return found[1] if found else default


def _names(block: str, name: str) -> tuple[str, ...]:
    found = re.search(rf"\b{name}\s*:=\s*(#?\[[^\]]*\]|`\S+)", block)
    return tuple(a or b for a, b in _QUOTED.findall(found[1])) if found else ()


def _lean_options(block: str) -> Options:
    found = re.search(r"\bleanOptions\s*:=\s*#\[(.*?)\]", block, re.DOTALL)
    options = Options()
    for name, text, flag, number in _OPTION.findall(found[1]) if found else ():
        value: bool | int | str = flag == "true" if flag else int(number) if number else text
        options[name.replace("«", "").replace("»", "")] = value
    return options


def _lean_local(file: Path, block: str) -> Path | None:
    """The folder of `require NAME from ".." / "folder"`; None for one from elsewhere."""
    found = re.match(rf"\s*from\s+({_TEXT}(?:\s*/\s*{_TEXT})*)", block)
    return file.parent.joinpath(*re.findall(_TEXT, found[1])) if found else None


def _without_comments(text: str) -> str:
    """Comments as blanks; what stands in texts is no comment."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith(("--", "/-"), at):
            plain = "/- " + text[at + 3 :] if text.startswith(("/--", "/-!"), at) else text[at:]
            at += skip_blank(plain, 0)
            parts.append("\n")
        elif found := re.compile(_TEXT).match(text, at):
            parts.append(found[0])
            at = found.end()
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts)
