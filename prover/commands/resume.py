"""Continues searches that the store has.

The stored expansions are replayed first, in their order, without asking Lean; then the search goes
on. With the same configuration it ends as if it had never stopped. A proof found before is found
again without Lean, then minimised and judged again. Expansions, steps and time in Lean count on;
the wall time starts at zero. The new attempt records all expansions, the replayed ones too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from ...data.records import Expansion, Theorem
from ...lean_env.worker_command import Toolchain
from ..agent.rejections import RejectionLookup, Remembered, worker_name
from ..agent.task import ReplaySource, no_replay
from ..config import SAMPLING, SearchConfig
from ..session import RunConfig

if TYPE_CHECKING:
    from ...data.store.attempts import StoredAttempt
    from ...data.store.store import Store


def begin(store: Store, command: str, config: RunConfig, toolchain: Toolchain) -> int:
    """Record that a run begins; its number."""
    values = asdict(config) | {"worker": _worker(config, toolchain)}
    return store.start_run(command, values, _title(toolchain), config.prover.seed)


def earlier(
    store: Store, run: int, config: RunConfig, toolchain: Toolchain, resume: bool
) -> tuple[ReplaySource, RejectionLookup]:
    """What earlier runs left for run `run`: searches, if it resumes, and rejected tactics."""
    how, title = config.prover.search, _title(toolchain)
    recall = Resumption(store, run, policy=config.policy, search=how, toolchain=title)
    return recall if resume else no_replay, Remembered(store, _worker(config, toolchain))


def _worker(config: RunConfig, toolchain: Toolchain) -> str:
    return worker_name(toolchain, config.prover.heartbeats[-1])


def _title(toolchain: Toolchain) -> str:
    return f"{toolchain.name} {toolchain.lean}"


class Resumption:
    """Finds the longest earlier search for a theorem that the present one can continue.

    That is one at the same `sorry` of the same file text, by the same policy, in the same Lean,
    and with samples if the present one samples. run: the number of the present run.
    """

    def __init__(
        self, store: Store, run: int, *, policy: str, search: SearchConfig, toolchain: str
    ) -> None:
        self._store = store
        self._run = run
        self._policy = policy
        self._search = search
        self._toolchain = toolchain

    def __call__(self, theorem: Theorem) -> Iterable[Expansion]:
        """Its expansions in the order of the search; none when there is no such search."""
        earlier = [a for a in self._store.attempts_at(theorem) if a.run_id != self._run]
        for summary in sorted(earlier, key=lambda a: (-a.expansions, -a.id)):
            if not summary.expansions:
                break
            stored = self._store.load_attempt(summary.id)
            if self._fits(stored, theorem):
                return stored.expansions
        return ()

    def _fits(self, stored: StoredAttempt, theorem: Theorem) -> bool:
        search = stored.config.get("prover", {}).get("search", {}).get("name", "")
        return (
            stored.config.get("policy") == self._policy
            and (search in SAMPLING) == self._search.samples
            and stored.toolchain == self._toolchain
            and stored.theorem.state == theorem.state
        )
