"""The worker's own Lean files: Worker.lean and what it imports, in an order to compile them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import ToolchainError

ROOT = Path(__file__).parents[1]
IMPORT = re.compile(r"^import\s+(?:all\s+)?([\w.]+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class WorkerSource:
    """One Lean file: its module name, its path, its text."""

    module: str
    path: Path
    text: str

    @property
    def imports(self) -> list[str]:
        """The modules it imports, in its order."""
        return IMPORT.findall(self.text)

    @property
    def body(self) -> str:
        """The text with its imports blanked, so that every line keeps its number."""
        return IMPORT.sub("", self.text)


def worker_sources(root: Path = ROOT, module: str = "Worker") -> list[WorkerSource]:
    """A module, Worker.lean by default, and those below `root` that it needs, imported ones first.

    Raises ToolchainError when a module is missing or imports itself.
    """
    ordered: dict[str, WorkerSource] = {}
    _visit(module, root, ordered, ())
    return list(ordered.values())


def _visit(
    module: str, root: Path, ordered: dict[str, WorkerSource], above: tuple[str, ...]
) -> None:
    if module in ordered:
        return
    if module in above:
        raise ToolchainError(f"the Lean module {module} imports itself")
    path = root.joinpath(*module.split(".")).with_suffix(".lean")
    if not path.is_file():
        raise ToolchainError(f"{path} is missing: install lakatos again")
    source = WorkerSource(module, path, path.read_text(encoding="utf-8"))
    for each in source.imports:
        if each.partition(".")[0] == "LeanEnv":
            _visit(each, root, ordered, (*above, module))
    ordered[module] = source
