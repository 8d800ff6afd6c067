"""LeanDojo's benchmark: its folder written, and read (Yang et al. 2023, arXiv:2306.15626).

Its loaders look every marked premise up in the corpus, so only those of traced files are marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..traced import TracedDeclaration, TracedFile, TracedStep, state_text
from .dataset import Dataset, DatasetOrigin, Proof, path_of
from .splits import PARTS, STRATEGIES, Splittable, split

VERSION = "4.20.0"
"""Of LeanDojo, whose layout this is."""

CORPUS_KINDS = ("theorem", "definition", "inductive", "axiom", "opaque", "instance")


def write(dataset: Dataset, folder: Path, creation_time: datetime | None = None) -> None:
    """Write the benchmark into an empty folder: all is read twice, and nothing of it held."""
    outline = _outline(dataset)
    parts = {name: split(outline.theorems, name, dataset.seed) for name in STRATEGIES}
    with ExitStack() as stack:
        lists: dict[str, dict[int, _JsonList]] = {}
        for strategy, numbers in parts.items():
            (folder / strategy).mkdir()
            lists[strategy] = {}
            for part in PARTS:
                opened = _JsonList(folder / strategy / f"{part}.json")
                stack.callback(opened.close)
                lists[strategy] |= dict.fromkeys(numbers[part], opened)
        corpus = stack.enter_context(_corpus(folder / "corpus.jsonl", outline.imports))
        number = 0
        for file, declarations in dataset.files():
            corpus(file, declarations)
            for each in filter(_is_theorem, declarations):
                entry = theorem(dataset.origin, (file, each), outline.paths)
                for by_number in lists.values():
                    by_number[number].add(entry)
                number += 1
    _write_about(dataset, folder, creation_time or datetime.now(UTC))


@dataclass
class _Outline:
    """What the splits and the order of the files need. paths: of modules; imports: by path."""

    paths: dict[str, str] = field(default_factory=dict)
    imports: dict[str, list[str]] = field(default_factory=dict)
    theorems: list[Splittable] = field(default_factory=list)


def _outline(dataset: Dataset) -> _Outline:
    outline = _Outline()
    modules: dict[str, tuple[str, ...]] = {}
    for file, declarations in dataset.files():
        outline.paths[path_module(file.path)] = file.path
        modules[file.path] = file.imports
        theorems = filter(_is_theorem, declarations)
        outline.theorems += [Splittable(each.key, each.premises) for each in theorems]
    for path, names in modules.items():
        outline.imports[path] = [outline.paths[name] for name in names if name in outline.paths]
    return outline


def _is_theorem(declaration: TracedDeclaration) -> bool:
    return declaration.is_proof and declaration.kind == "theorem"


def path_module(path: str) -> str:
    """The module that a file of a project is."""
    return path.removesuffix(".lean").replace("/", ".")


def theorem(origin: DatasetOrigin, proof: Proof, paths: dict[str, str]) -> dict[str, Any]:
    """One entry of train.json, val.json, test.json."""
    file, declaration = proof
    steps = [step for step in declaration.steps if step.before and "·" not in step.tactic]
    return {
        "url": origin.url,
        "commit": origin.commit,
        "file_path": file.path,
        "full_name": declaration.name,
        "theorem_statement": file.statement(declaration),
        "start": list(file.place(declaration.start)),
        "end": list(file.place(declaration.stop)),
        "traced_tactics": [_tactic(file, step, paths) for step in steps],
    }


def _tactic(file: TracedFile, step: TracedStep, paths: dict[str, str]) -> dict[str, Any]:
    text, constants = file.annotated(step, lambda each: not each.module or each.module in paths)
    premises = []
    for each in constants:
        assert each.place is not None
        start, end = each.place
        premises.append(
            {
                "full_name": each.name,
                "def_path": path_of(each, file.path, paths),
                "def_pos": list(start),
                "def_end_pos": list(end),
            }
        )
    return {
        "tactic": step.tactic,
        "annotated_tactic": [text, premises],
        "state_before": state_text(step.before),
        "state_after": state_text(step.after),
    }


@contextmanager
def _corpus(
    place: Path, imports: dict[str, list[str]]
) -> Iterator[Callable[[TracedFile, Sequence[TracedDeclaration]], None]]:
    """What takes the files; in the end there is one line for each, imported files first."""
    lines: dict[str, int] = {}
    with place.with_suffix(".part").open("w+b") as part:

        def add(file: TracedFile, declarations: Sequence[TracedDeclaration]) -> None:
            lines[file.path] = part.tell()
            premises = [_premise(file, each) for each in _outer(declarations)]
            row = {"path": file.path, "imports": imports[file.path], "premises": premises}
            part.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

        yield add
        with place.open("wb") as out:
            for path in in_order(imports):
                part.seek(lines[path])
                out.write(part.readline())
    place.with_suffix(".part").unlink()


def _outer(declarations: Sequence[TracedDeclaration]) -> Iterator[TracedDeclaration]:
    """Those that are premises by themselves: no constructors, no fields, no examples."""
    stop = 0
    for each in declarations:
        if each.kind in CORPUS_KINDS and each.start >= stop:
            stop = each.stop
            yield each


def in_order(imports: dict[str, list[str]]) -> list[str]:
    """The files, each after all that it imports. Raises UsageError for a circle."""
    done: dict[str, None] = {}
    waiting = list(reversed(imports))
    entered: set[str] = set()
    while waiting:
        path = waiting[-1]
        open_ = [each for each in imports[path] if each not in done]
        if not open_ or path in done:
            done[waiting.pop()] = None
            continue
        if path in entered:
            raise UsageError(f"{path} imports itself by way of {open_[0]}")
        entered.add(path)
        waiting += open_
    return list(done)


def _premise(file: TracedFile, declaration: TracedDeclaration) -> dict[str, Any]:
    is_theorem = declaration.kind == "theorem"
    stop = declaration.value if is_theorem and declaration.value else declaration.stop
    return {
        "full_name": declaration.name,
        "code": file.text(declaration.head, stop).rstrip(),
        "start": list(file.place(declaration.start)),
        "end": list(file.place(declaration.stop)),
        "kind": "commanddeclaration",
    }


def _write_about(dataset: Dataset, folder: Path, creation_time: datetime) -> None:
    metadata = {
        "dataset_name": dataset.origin.name,
        "creation_time": str(creation_time),
        "from_repo": {"url": dataset.origin.url, "commit": dataset.origin.commit},
        "leandojo_version": VERSION,
        "lean": dataset.lean,
        "seed": dataset.seed,
    }
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    licenses = folder / "licenses"
    licenses.mkdir()
    for name, text in dataset.origin.licenses.items():
        (licenses / name).write_text(text, encoding="utf-8")
    text = "The licences of the files from which this was made.\n"
    (licenses / "README.md").write_text(text, encoding="utf-8")


class _JsonList:
    """A JSON list written entry by entry."""

    def __init__(self, place: Path) -> None:
        self._out = place.open("w", encoding="utf-8")
        self._between = "["

    def add(self, entry: dict[str, Any]) -> None:
        """Write one entry."""
        self._out.write(self._between + json.dumps(entry, ensure_ascii=False))
        self._between = ",\n"

    def close(self) -> None:
        """End the list."""
        self._out.write("[]" if self._between == "[" else "]")
        self._out.close()
