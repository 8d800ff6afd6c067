"""What one worker generation holds, and the recipes that name states across workers.

Pure bookkeeping, no I/O: a `Recipe` is a state's way from its root; `Handles` says under which
wire id a worker holds it, evicts the least recently used, and collects what to release.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..data.errors import UsageError
from ..data.records import ProofState

MAX_STATES = 4_000
MAX_FILES = 32


@dataclass(frozen=True, slots=True)
class Root:
    """Where recipes start: state `index` of a hole of a source, or a bare statement after it.

    digest: of the source text; hole: its number in file order, None for a statement.
    """

    digest: str
    hole: int | None = None
    index: int = 0
    statement: str = ""

    @property
    def name(self) -> str:
        """The text kept in `ProofState.root`; `parse` reads it back."""
        if self.hole is None:
            return f"{self.digest}={self.statement}"
        return f"{self.digest}:{self.hole}.{self.index}"

    @staticmethod
    def parse(name: str) -> Root:
        """The root of that name. Raises UsageError when it is none."""
        digest, sign, statement = name.partition("=")
        if sign:
            return Root(digest, statement=statement)
        digest, _, place = name.partition(":")
        hole, _, index = place.partition(".")
        if not (hole.isdigit() and index.isdigit()):
            raise UsageError(f"no state of an opened file: its root is {name!r}")
        return Root(digest, int(hole), int(index))


class Recipe:
    """One state as the way to it: a node in a trie of (tactic, index, together) steps.

    Compared by identity: two ways to equal states may name their hypotheses differently.
    """

    __slots__ = ("_children",)

    def __init__(self) -> None:
        self._children: dict[tuple[str, int, bool], Recipe] = {}

    def child(self, tactic: str, index: int, together: bool = False) -> Recipe:
        """The recipe one step longer; made when new."""
        step = (tactic, index, together)
        child = self._children.get(step)
        if child is None:
            child = self._children[step] = Recipe()
        return child

    def below(self) -> Iterator[Recipe]:
        """This recipe and every longer one."""
        waiting = [self]
        while waiting:
            recipe = waiting.pop()
            yield recipe
            waiting.extend(recipe._children.values())


class Recipes:
    """All recipes of a pool, by the name of their root."""

    def __init__(self) -> None:
        self._roots: dict[str, Recipe] = {}

    def root(self, name: str) -> Recipe:
        """The empty recipe of a root; made when new."""
        recipe = self._roots.get(name)
        if recipe is None:
            recipe = self._roots[name] = Recipe()
        return recipe

    def of(self, state: ProofState) -> Recipe:
        """The recipe of a state."""
        recipe = self.root(state.root)
        for step in state.recipe:
            recipe = recipe.child(step.tactic, step.index, step.together)
        return recipe

    def forget_source(self, digest: str) -> None:
        """Remove all roots of a source and what is below them."""
        for name in [name for name in self._roots if name.startswith(digest)]:
            del self._roots[name]

    def forget(self, name: str) -> list[Recipe]:
        """Remove a root and all below; returns what was there."""
        recipe = self._roots.pop(name, None)
        return [] if recipe is None else list(recipe.below())


@dataclass(slots=True)
class _File:
    wire: Any
    roots: list[Recipe]


class Handles:
    """The states and files that one worker generation holds, by recipe and by digest.

    Roots live as long as their file; other states at most `max_states`, used last kept.
    """

    def __init__(self, max_states: int = MAX_STATES, max_files: int = MAX_FILES) -> None:
        self._max_states = max_states
        self._max_files = max_files
        self._files: OrderedDict[str, _File] = OrderedDict()
        self._roots: dict[Recipe, Any] = {}
        self._states: OrderedDict[Recipe, Any] = OrderedDict()
        self._dropped_states: list[Any] = []
        self._dropped_files: list[Any] = []

    def __contains__(self, recipe: Recipe) -> bool:
        return recipe in self._states or recipe in self._roots

    def __len__(self) -> int:
        return len(self._states) + len(self._roots)

    @property
    def dropped(self) -> int:
        """How many states and files wait for their release."""
        return len(self._dropped_states) + len(self._dropped_files)

    def has_file(self, digest: str) -> bool:
        """Whether that source is open here."""
        return digest in self._files

    def file(self, digest: str) -> Any | None:
        """The wire id of an open source, now the last used one; None when it is not open."""
        held = self._files.get(digest)
        if held is None:
            return None
        self._files.move_to_end(digest)
        return held.wire

    def get(self, recipe: Recipe) -> Any | None:
        """The wire id of a state, now the last used one; None when it is not live."""
        wire = self._states.get(recipe)
        if wire is None:
            return self._roots.get(recipe)
        self._states.move_to_end(recipe)
        return wire

    def put(self, recipe: Recipe, wire: Any) -> None:
        """Note a live state; an older handle of it is dropped."""
        self.drop(recipe)
        self._states[recipe] = wire

    def trim(self) -> None:
        """Drop the least recently used states and files over the caps."""
        while len(self._states) > self._max_states:
            _, oldest = self._states.popitem(last=False)
            self._dropped_states.append(oldest)
        while len(self._files) > self._max_files:
            self.drop_file(next(iter(self._files)))

    def put_file(self, digest: str, wire: Any) -> None:
        """Note an open source; its older opening is dropped."""
        self.drop_file(digest)
        self._files[digest] = _File(wire, [])

    def put_root(self, digest: str, recipe: Recipe, wire: Any) -> None:
        """Note a root state of an open source."""
        self.drop(recipe)
        self._roots[recipe] = wire
        self._files[digest].roots.append(recipe)

    def drop(self, recipe: Recipe) -> None:
        """Let a state go, if it is live."""
        for held in (self._states, self._roots):
            wire = held.pop(recipe, None)
            if wire is not None:
                self._dropped_states.append(wire)

    def release_later(self, states: list[Any], files: list[Any]) -> None:
        """Add handles that nobody knows any more to what is to be released."""
        self._dropped_states.extend(states)
        self._dropped_files.extend(files)

    def take_dropped(self) -> tuple[list[Any], list[Any]]:
        """The states and files to release now; they are no longer remembered here."""
        taken = self._dropped_states, self._dropped_files
        self._dropped_states, self._dropped_files = [], []
        return taken

    def drop_file(self, digest: str) -> None:
        """Let a source and its root states go, if it is open."""
        held = self._files.pop(digest, None)
        if held is not None:
            self._dropped_files.append(held.wire)
            for recipe in held.roots:
                self.drop(recipe)
