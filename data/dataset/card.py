"""The card of a dataset: what is in it, where it is from, under which licences; Markdown."""

from __future__ import annotations

from .dataset import Dataset, Figures

MOST_TACTICS = 15
MOST_FAILURES = 50


def figure_rows(figures: Figures) -> list[tuple[str, str]]:
    """What was counted, in words and numbers."""
    proofs, by = figures.modes.total(), figures.modes
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in figures.kinds.most_common())
    return [
        ("files", f"{figures.files:,} with {figures.lines:,} lines"),
        ("declarations", f"{figures.kinds.total():,}: {kinds}"),
        ("proofs", f"{proofs:,}: {by['tactic']:,} by tactics, {by['term']:,} by terms"),
        ("tactics", f"{figures.steps:,}, at most {figures.longest:,} in a proof"),
        ("states before a tactic", f"{figures.states:,} different ones"),
        ("premises", f"{figures.citations:,} citations in tactics, {figures.premises:,} premises"),
        ("left out", f"{figures.unproved:,} with `sorry`, {figures.excluded:,} excluded"),
        ("commonest tactics", _commonest(figures)),
        ("hash", figures.hash),
    ]


def _commonest(figures: Figures) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in figures.tactics.most_common(MOST_TACTICS))


def card(dataset: Dataset, figures: Figures) -> str:
    """The text of README.md."""
    origin = dataset.origin
    source = f"{origin.url} at {origin.commit}" if origin.url else origin.name
    licences = ", ".join(sorted(origin.licenses)) or "none found beside the files"
    rows = "\n".join(f"| {name} | {said} |" for name, said in figure_rows(figures))
    lines = [
        f"# Proofs of {origin.name}",
        "Extracted by `lakatos extract` from Lean files.",
        f"- source: {source}",
        f"- licences: {licences}",
        f"- checked by {dataset.lean}",
        f"- seed of the splits: {dataset.seed}",
    ]
    if dataset.excluded.name:
        lines.append(f"- without what speaks of the problems of {dataset.excluded.name}")
    parts = ["\n".join(lines[2:]), f"| | |\n|---|---|\n{rows}"]
    failures = [f"- `{path}`: {why}" for path, why in dataset.failures[:MOST_FAILURES]]
    if failures:
        line = f"Not all could be taken of {len(dataset.failures)} files:"
        parts.append("\n".join([line, "", *failures]))
    parts.append(
        "Proofs of one statement are never in two parts of a split. A null place of a premise: "
        "Lean did not say where it is defined."
    )
    return "\n\n".join([*lines[:2], *parts]) + "\n"
