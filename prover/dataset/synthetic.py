"""Problems made from a seed, kept only when Lean takes them: `lakatos extract synthetic`.

Whatever proposes one (families.py, mutation.py), Lean must take its evidence, must read its
statement, and must not have met its key before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from ...data.dataset.dataset import NOTHING_EXCLUDED, Excluded
from ...data.dataset.from_store import part_of
from ...data.dataset.tables import Columns, Row, new_tables
from ...data.errors import UsageError, WorkerDied
from ...data.problems.families import Candidate, identity, machine
from ...data.problems.reader import ProblemSet
from ...data.records import Advanced, ProofState, Step
from ...lean_env.opened_file import OpenedFile
from ...lean_env.pool import LeanPool
from ...lean_env.toolchains.find import Toolchain
from ...lean_env.worker_command import lean_title
from .decontamination import exclude_problems
from .mutation import Mutator
from .progress import OnProgress, silent

CLOSERS = ("rfl", "simp", "omega", "decide")
SHARES = (("identity", 0.3), ("machine", 0.2), ("mutation", 0.5))
COUNT = 100
"""Problems, when nobody says how many."""

TRIES = 60
"""Candidates for each problem wanted, after which no more come."""


class CandidatePool(Protocol):
    """The part of a pool that judges candidates."""

    async def open(self, path: str, source: str) -> OpenedFile:
        """Elaborate a file. Raises UsageError, WorkerDied."""

    async def apply(self, state: ProofState, tactics: list[str]) -> list[Step]:
        """Try tactics at a state."""

    def close_file(self, opened: OpenedFile) -> None:
        """Keep nothing of it."""


@dataclass
class CandidateFilter:
    """Keeps of the candidates what Lean takes. dropped: how many were not, and why."""

    pool: CandidatePool
    seed: int
    excluded: Excluded = NOTHING_EXCLUDED
    dropped: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)

    async def take(self, candidate: Candidate, number: int) -> Row | None:
        """A row, or None. Raises WorkerDied only from a pool that cannot go on."""
        name = f"{candidate.family}_{number}"
        statement = f"theorem {name}{_spaced(candidate.signature)} := by sorry\n"
        source = f"{candidate.header}\n{candidate.evidence}\n\n{statement}"
        try:
            opened = await self.pool.open(f"{name}.lean", source)
        except (UsageError, WorkerDied):
            self.dropped["not readable"] += 1
            return None
        try:
            if any(m.severity == "error" for m in opened.messages) or len(opened.theorems) != 1:
                self.dropped["not taken by Lean"] += 1
                return None
            state = opened.theorems[0].state
            if state.key in self.keys:
                self.dropped["a duplicate"] += 1
                return None
            self.keys.add(state.key)
            if self.excluded.meets([state.key]):
                self.dropped["excluded"] += 1
                return None
            steps = await self.pool.apply(state, list(CLOSERS))
        finally:
            self.pool.close_file(opened)
        closed = [s.tactic for s in steps if s.outcome == Advanced(())]
        return {
            "name": name,
            "split": part_of(state.key, self.seed),
            "header": candidate.header,
            "formal_statement": statement,
            "core": True,
            "family": candidate.family,
            "key": state.key,
            "closed_by": closed[0] if closed else None,
            "evidence": candidate.evidence,
            "known_proof": candidate.proof,
            "seed": self.seed,
        }


def _spaced(signature: str) -> str:
    return signature if signature.startswith(" ") else f" {signature}"


@dataclass(frozen=True)
class SyntheticProblems:
    """Problems made, and how many candidates were dropped, and why."""

    rows: list[Row]
    dropped: Counter[str]


@dataclass(frozen=True)
class SyntheticExtraction:
    """One `lakatos extract synthetic`. out: None: only count.

    problems: sets that are not to be among it.
    """

    count: int
    seed: int
    out: Path | None = None
    formats: tuple[str, ...] = ("jsonl",)
    problems: tuple[ProblemSet, ...] = ()

    async def run(
        self, toolchain: Toolchain, on_progress: OnProgress = silent
    ) -> SyntheticProblems:
        """Make and write. Raises UsageError, WorkerDied, ToolchainError."""
        async with LeanPool(toolchain, workers=1) as pool:
            excluded = await exclude_problems(self.problems, pool, toolchain.name == "embedded")
            sieve = CandidateFilter(pool, self.seed, excluded)
            rows: list[Row] = []
            try:
                async for row in self.rows(pool, sieve, on_progress):
                    rows.append(row)
            finally:  # what is made when it is interrupted is kept
                if self.out and rows:
                    self._write(self.out, rows, lean_title(toolchain), sieve)
        return SyntheticProblems(rows, sieve.dropped)

    def _write(self, out: Path, rows: list[Row], lean: str, sieve: CandidateFilter) -> None:
        with new_tables(out, self.formats) as tables:
            take = tables.open("problems", COLUMNS)
            for row in rows:
                take(row)
            tables.describe(_card(rows, lean, sieve, tables.hash))

    async def rows(
        self, pool: LeanPool, sieve: CandidateFilter, on_progress: OnProgress = silent
    ) -> AsyncIterator[Row]:
        """The problems, family by family; fewer when candidates run out of luck."""
        made = 0
        for kind, share in SHARES:
            wanted = round(self.count * share)
            random = Random(f"{self.seed} {kind}")
            found = tried = 0
            async for candidate in _proposed(kind, random, pool):
                if found == wanted or tried == wanted * TRIES:
                    break
                tried += 1
                row = await sieve.take(candidate, found)
                if row is not None:
                    found, made = found + 1, made + 1
                    on_progress(made, self.count, row["name"])
                    yield row


async def _proposed(kind: str, random: Random, pool: LeanPool) -> AsyncIterator[Candidate]:
    if kind == "mutation":
        async for candidate in Mutator(pool, random).candidates():
            yield candidate
    propose = {"identity": identity, "machine": machine}[kind]
    while True:
        yield propose(random)


def _card(rows: list[Row], lean: str, sieve: CandidateFilter, digest: str) -> str:
    families = Counter(row["family"] for row in rows).most_common()
    table = "\n".join(f"| {family} | {count:,} |" for family, count in families)
    name = sieve.excluded.name
    without = f"- without the problems of {name}\n" if name else ""
    return (
        "# Problems made from a seed\n\n"
        "Made by `lakatos extract synthetic`. Mutations are of theorems of Lean's own library "
        "(Apache-2.0).\n\n"
        f"- checked by {lean}\n- seed: {sieve.seed}\n- hash: {digest}\n{without}\n"
        "Lean took the `evidence` of each: the statement with its `known_proof`; of an identity, "
        "its case at a small width; of a machine that runs on, a proof with lemmas that the "
        "problem does not have.\n\n"
        f"| family | problems |\n|---|---|\n{table}\n"
    )


COLUMNS: Columns = {
    **dict.fromkeys(("name", "split", "header", "formal_statement"), "text"),
    "core": "bool",
    **dict.fromkeys(("family", "key", "closed_by", "evidence", "known_proof"), "text"),
    "seed": "number",
}
