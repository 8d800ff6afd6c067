"""Files and proof states that a client goes on from, by short names; the oldest are forgotten.

A state's name depends on its file and the tactics that lead to it alone, so the same state has the
same name whoever comes to it, and nobody guesses one of a text that they do not know.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from ...data.errors import UsageError
from ...data.records import Advanced, ProofState, ProofTree, Step, Theorem
from ...lean_env.opened_file import OpenedFile, digest_of
from ...lean_env.verification.script import script
from .snippets import SnippetChecker

MOST_FILES = 32
"""Texts that stay open, the latest ones."""

MOST_STATES = 20_000
"""States that are kept, the latest ones."""


@dataclass(eq=False)
class NamedState:
    """A proof state that a client may name.

    theorem: the hole that it belongs to. parent, tactic: what led to it. siblings: all states that
    the tactic left, itself among them. proof: once it is closed.
    """

    name: str
    record: ProofState
    theorem: Theorem = field(repr=False)
    file: OpenedFile = field(repr=False)
    parent: NamedState | None = field(default=None, repr=False)
    tactic: str = ""
    siblings: Sequence[NamedState] = field(default=(), repr=False)
    proof: ProofTree | None = field(default=None, repr=False)

    def close(self, tactic: str) -> None:
        """Note that a tactic closes it; and so those above it of which nothing else is left."""
        node, tree = self, ProofTree(self.record, tactic)
        while True:
            node.proof = tree
            proofs = [each.proof for each in node.siblings if each.proof is not None]
            if node.parent is None or len(proofs) < len(node.siblings):
                return
            tree = ProofTree(node.parent.record, node.tactic, tuple(proofs))
            node = node.parent

    @property
    def whole_proof(self) -> str | None:
        """The proof of its hole, where all of that is closed; not yet judged."""
        root = self
        while root.parent is not None:
            root = root.parent
        is_all = root.proof is not None and not self.theorem.others
        return script(root.proof) if root.proof is not None and is_all else None


class KeptStates:
    """The files and states of one server."""

    def __init__(
        self, checker: SnippetChecker, *, files: int = MOST_FILES, states: int = MOST_STATES
    ) -> None:
        self._checker = checker
        self._most_files = files
        self._most_states = states
        self._files: OrderedDict[str, tuple[OpenedFile, AsyncExitStack]] = OrderedDict()
        self._states: OrderedDict[str, NamedState] = OrderedDict()

    async def open(self, text: str) -> OpenedFile:
        """Elaborate a text, and keep it open. Raises UsageError where Lean cannot read it."""
        digest = digest_of(text)
        if digest not in self._files:
            stack = AsyncExitStack()
            opened = await stack.enter_async_context(self._checker.opened(text))
            if digest in self._files:  # somebody else opened it meanwhile
                await stack.aclose()
            else:
                self._files[digest] = opened, stack
        self._files.move_to_end(digest)
        opened = self._files[digest][0]
        while len(self._files) > self._most_files:
            await self._forget_oldest()
        return opened

    def roots(self, file: OpenedFile, theorem: Theorem) -> list[NamedState]:
        """What is to be proved at a hole."""
        return [self._keep(each, theorem, file) for each in (theorem.state, *theorem.others)]

    def after(self, parent: NamedState, step: Step) -> list[NamedState]:
        """The states that a tactic leaves; none where it closes the state or is rejected."""
        if not isinstance(step.outcome, Advanced):
            return []
        left = [self._keep(each, parent.theorem, parent.file) for each in step.outcome.states]
        for each in left:
            each.parent, each.tactic, each.siblings = parent, step.tactic, left
        if not left:
            parent.close(step.tactic)
        return left

    def get(self, name: str) -> NamedState:
        """The state of that name. Raises UsageError where there is none (any more)."""
        if name not in self._states:
            raise UsageError(f"no state {name[:40]!r}: ask for the holes of the file again")
        self._states.move_to_end(name)
        return self._states[name]

    async def close(self) -> None:
        """Forget everything."""
        while self._files:
            await self._forget_oldest()

    def _keep(self, record: ProofState, theorem: Theorem, file: OpenedFile) -> NamedState:
        way = [(o.tactic, o.index, o.hole is not None) for o in record.recipe]
        name = "s" + hashlib.sha256(repr((record.root, way)).encode()).hexdigest()[:12]
        kept = self._states.setdefault(name, NamedState(name, record, theorem, file))
        self._states.move_to_end(name)
        while len(self._states) > self._most_states:
            self._states.popitem(last=False)
        return kept

    async def _forget_oldest(self) -> None:
        _, (opened, stack) = self._files.popitem(last=False)
        void = [name for name, each in self._states.items() if each.file is opened]
        for name in void:
            del self._states[name]
        await stack.aclose()
