"""The modules of the user's own project: where they are, what they import, in which order.

Read from the lakefile (lakefile.py says what of it), those of local packages included. Without a
lakefile the modules are the files below the folder itself. A file is read once, so that a run sees
one state of it. Knows nothing of Lean processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...data.errors import UsageError
from .header import Header, read_header
from .lakefile import LAKEFILES, Lakefile, Options, read_lakefile

CORE = ("Init", "Std", "Lean", "Lake")
"""The libraries that come with Lean."""


@dataclass(frozen=True)
class SourceModule:
    """A module of the project. path: as messages name it; options: what its library sets."""

    name: str
    path: str
    text: str = field(repr=False)
    header: Header = field(repr=False)
    options: Options = field(default_factory=dict)


class Project:
    """The project at a folder. lakefiles: its own first, then those of local packages.

    Raises UsageError when a lakefile is broken.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.lakefiles = list(_lakefiles(self.folder))
        self._modules: dict[str, SourceModule | None] = {}

    @classmethod
    def at(cls, place: Path) -> Project:
        """The project of a file or folder: the nearest lakefile's, else the folder itself."""
        place = place.resolve()
        folder = place if place.is_dir() else place.parent
        found = next((each for each in (folder, *folder.parents) if _has_lakefile(each)), folder)
        return cls(found)

    @property
    def lakefile(self) -> Lakefile | None:
        """The project's own."""
        return self.lakefiles[0] if self.lakefiles else None

    def options(self, place: Path | None) -> Options:
        """What the lakefile sets for a file: for its library, or else for the package."""
        if self.lakefile is None:
            return {}
        for library in self.lakefile.libraries:
            folder = (self.folder / library.folder).resolve()
            if place is not None and place.is_file() and place.resolve().is_relative_to(folder):
                inside = place.resolve().relative_to(folder).with_suffix("")
                if library.holds(".".join(inside.parts)):
                    return self.lakefile.options | library.options
        return dict(self.lakefile.options)

    def module(self, name: str) -> SourceModule | None:
        """A module of the project, or None. Raises UsageError when its file cannot be read."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def closure_of_own(self, text: str) -> list[SourceModule]:
        """The same, where other packages have what the project has not. Raises for a circle."""
        return self.closure(text, is_whole=False)

    def closure(self, text: str, *, is_whole: bool = True) -> list[SourceModule]:
        """The project's modules that a text imports, also by others; imported ones come first.

        is_whole: there is no other package. Raises UsageError, in one line, for a circle, and then
        for a module that nobody has.
        """
        done: dict[str, SourceModule] = {}
        path: list[tuple[SourceModule, Iterator[SourceModule]]] = []
        above: set[str] = set()
        waiting = self._imported(read_header(text), "", is_whole)
        while True:
            module = next(waiting, None)
            if module is None:
                if not path:
                    return list(done.values())
                finished, waiting = path.pop()
                above.discard(finished.name)
                done[finished.name] = finished
            elif module.name in above:
                names = [each.name for each, _ in path]
                circle = [*names[names.index(module.name) :], module.name]
                raise UsageError(f"the module {module.name} imports itself: {' → '.join(circle)}")
            elif module.name not in done:
                path.append((module, waiting))
                above.add(module.name)
                waiting = self._imported(module.header, module.path, is_whole)

    def context(self, text: str) -> str:
        """A digest of all that a text imports of the project; empty when it imports nothing."""
        try:
            closure = self.closure(text)
        except UsageError as error:
            return str(error)
        digest = hashlib.sha256()
        for module in closure:
            digest.update(
                f"{module.name}\0{module.text}\0{sorted(module.options.items())}".encode()
            )
        return digest.hexdigest() if closure else ""

    def foreign(self, text: str, imports: Sequence[str]) -> list[str]:
        """Those of `imports` that are the project's, and that a text does not import."""
        known = {module.name for module in self.closure(text)}
        return [name for name in imports if name not in known and self.module(name) is not None]

    def _imported(self, header: Header, path: str, is_whole: bool) -> Iterator[SourceModule]:
        """The project's modules that a header imports. path: of its file; empty for the first."""
        for each in header.imports:
            module = self.module(each.module)
            if module is not None:
                yield module
            elif not is_whole or each.module.partition(".")[0] in CORE:
                continue
            elif path or self.lakefile:
                place = f" ({path}:{each.line})" if path else ""
                raise UsageError(f"unknown module {each.module}{place}: {self._why(each.module)}")

    def _find(self, name: str) -> SourceModule | None:
        parts = name.split(".")
        if parts[0] in CORE or not all(part and "/" not in part for part in parts):
            return None
        for place, label, options in self._places(name):
            file = place.joinpath(*parts).with_name(f"{parts[-1]}.lean")
            if file.is_file():
                path = Path(label, *parts).as_posix() + ".lean"
                try:
                    text = file.read_text(encoding="utf-8")
                except (OSError, UnicodeDecodeError) as error:
                    raise UsageError(
                        f"the module {name} cannot be read ({path}): {error}"
                    ) from error
                return SourceModule(name, path, text, read_header(text), options)
        return None

    def _places(self, name: str) -> Iterator[tuple[Path, str, Options]]:
        """Where a module's file may be: the folder, its name in messages, what its library sets."""
        if not self.lakefiles:
            yield self.folder, "", {}
        for lakefile in self.lakefiles:
            base = lakefile.file.parent
            owners = [each for each in lakefile.libraries if each.holds(name)]
            folders = [(each.folder, lakefile.options | each.options) for each in owners]
            folders += [(each, lakefile.options) for each in lakefile.folders if not owners]
            for folder, options in folders:
                place = (base / folder).resolve()
                inside = place.is_relative_to(self.folder)
                label = place.relative_to(self.folder) if inside else Path(base.name, folder)
                yield place, label.as_posix(), options

    def _why(self, name: str) -> str:
        """What to do about a module that the project does not have."""
        if self.lakefile is None:
            return f"no file {name.replace('.', '/')}.lean in {self.folder}"
        file = self.lakefile.file.name
        for lakefile in self.lakefiles:
            for library in lakefile.libraries:
                if library.holds(name):
                    place = Path(library.folder, *name.split(".")).as_posix()
                    return f"its library {library.name} ({file}) has no file {place}.lean"
        root = name.partition(".")[0]
        packages = [each for lakefile in self.lakefiles for each in lakefile.requires]
        owner = next((each for each in packages if each.lower() == root.lower()), None)
        if owner is None and packages and root not in self._own_roots():
            owner = " or ".join(packages)
        if owner:
            return (
                f"it is of the package {owner}, which the embedded Lean does not have: install "
                "Lean with elan, run `lake exe cache get` or `lake build`, and use --lean native"
            )
        known = ", ".join(sorted(self._own_roots())) or "none"
        return f"no library of {file} holds it (libraries: {known}), and it requires no package"

    def _own_roots(self) -> set[str]:
        return {root for each in self.lakefiles for lib in each.libraries for root in lib.roots}


def _has_lakefile(folder: Path) -> bool:
    return any((folder / name).is_file() for name in LAKEFILES)


def _lakefiles(folder: Path) -> Iterator[Lakefile]:
    """The lakefile of a folder and those of the local packages it requires, each once."""
    waiting, seen = [folder], set()
    while waiting:
        place = waiting.pop(0).resolve()
        if place in seen or not _has_lakefile(place):
            continue
        seen.add(place)
        lakefile = read_lakefile(place)
        yield lakefile
        waiting += [each for each in lakefile.requires.values() if each is not None]
