"""LeanDojo's benchmark: its folder written, and read (Yang et al. 2023, arXiv:2306.15626).

Its loaders look every marked premise up in the corpus, so only those of traced files are marked.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .dataset import Dataset, Origin, Proof, path_of
from .errors import UsageError
from .splits import PARTS, STRATEGIES
from .traced import TracedDeclaration, TracedFile, TracedStep, state_text

VERSION = "4.20.0"
"""Of LeanDojo, whose layout this is."""

CORPUS_KINDS = ("theorem", "definition", "inductive", "axiom", "opaque", "instance", "constructor")


def write(dataset: Dataset, folder: Path, creation_time: datetime | None = None) -> None:
    """Write the benchmark into an empty folder."""
    paths = {path_module(file.path): file.path for file in dataset.read()}
    for strategy in STRATEGIES:
        parts = dataset.split(strategy, named=True)
        part_of = {number: part for part in PARTS for number in parts[part]}
        place = folder / strategy
        place.mkdir()
        lists = {part: _JsonList(place / f"{part}.json") for part in PARTS}
        try:
            named = (each for each in dataset.proofs() if each[1].kind == "theorem")
            for number, proof in enumerate(named):
                lists[part_of[number]].add(theorem(dataset.origin, proof, paths))
        finally:
            for each in lists.values():
                each.close()
    _write_corpus(dataset, folder / "corpus.jsonl", paths)
    _write_about(dataset, folder, creation_time or datetime.now(UTC))


def path_module(path: str) -> str:
    """The module that a file of a project is."""
    return path.removesuffix(".lean").replace("/", ".")


def theorem(origin: Origin, proof: Proof, paths: dict[str, str]) -> dict[str, Any]:
    """One entry of train.json, val.json, test.json."""
    file, declaration = proof
    steps = [step for step in declaration.steps if not step.tactic.startswith("·")]
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


def _write_corpus(dataset: Dataset, place: Path, paths: dict[str, str]) -> None:
    """One line a file, imported files first."""
    imports = {
        file.path: [paths[name] for name in file.imports if name in paths]
        for file in dataset.read()
    }
    lines: dict[str, int] = {}
    with place.open("w+b") as out, place.with_suffix(".part").open("w+b") as part:
        for file, declarations in dataset.files():
            lines[file.path] = part.tell()
            premises = [_premise(file, each) for each in declarations if _is_premise(each)]
            row = {"path": file.path, "imports": imports[file.path], "premises": premises}
            part.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        for path in in_order(imports):
            part.seek(lines[path])
            out.write(part.readline())
    place.with_suffix(".part").unlink()


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


def _is_premise(declaration: TracedDeclaration) -> bool:
    return declaration.kind in CORPUS_KINDS


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
    told = "The licences of the files from which this was made.\n"
    (licenses / "README.md").write_text(told, encoding="utf-8")


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
