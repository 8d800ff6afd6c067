"""What Lean finds wrong with a file, as records: its broken commands and where each can be cut.

Asks the worker's ops `cut` and `parse`; knows nothing of what is done about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...data.errors import ProtocolError, UsageError
from ...data.records import Message
from ..protocol import Json, Result, proposed_field, to_message
from ..verification.judge import Asks
from ..verification.rewrite import Edit

CUT_WALL_S = 60.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Bytes [start, stop) of a source that `text` may replace; kind: see LeanEnv/Cut.lean."""

    start: int
    stop: int
    text: str
    kind: str

    @property
    def edit(self) -> Edit:
        """The replacement."""
        return Edit(self.start, self.stop, self.text)

    def shifted(self, by: int) -> Cut:
        """The same, `by` bytes further on."""
        return replace(self, start=self.start + by, stop=self.stop + by)


@dataclass(frozen=True, slots=True)
class ProofFault:
    """An error of Lean, and where to cut for it, smallest first. near: names it may have meant."""

    message: Message
    cuts: tuple[Cut, ...]
    is_parser: bool = False
    near: tuple[str, ...] = ()

    def shifted(self, by: int) -> ProofFault:
        """The same, `by` bytes further on; the line of its message stays."""
        said = self.message
        stop = None if said.stop is None else said.stop + by
        message = replace(said, start=said.start + by, stop=stop)
        return replace(self, message=message, cuts=tuple(cut.shifted(by) for cut in self.cuts))


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """A `sorry`, and the wider cuts around it, smallest first."""

    start: int
    stop: int
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class BrokenCommand:
    """A command that has errors or holds a `sorry`. stop: with all the parser gave up of it.

    value: the cut that leaves nothing of its proof; None where it has none. tactics: the place
    of each tactic, outer ones first.
    """

    start: int
    stop: int
    kind: str
    name: str | None
    value: Cut | None
    tactics: tuple[tuple[int, int], ...]
    faults: tuple[ProofFault, ...]
    holes: tuple[OpenPlace, ...]

    def shifted(self, by: int) -> BrokenCommand:
        """The same, in a source where it stands `by` bytes further on."""
        return replace(
            self,
            start=self.start + by,
            stop=self.stop + by,
            value=self.value and self.value.shifted(by),
            tactics=tuple((start + by, stop + by) for start, stop in self.tactics),
            faults=tuple(fault.shifted(by) for fault in self.faults),
            holes=tuple(
                OpenPlace(h.start + by, h.stop + by, tuple(c.shifted(by) for c in h.cuts))
                for h in self.holes
            ),
        )


async def look(
    pool: Asks, source: str, proposed: tuple[int, int] | None = None
) -> list[BrokenCommand]:
    """The commands of a file that are broken or hold a `sorry`, in order.

    proposed: the bytes that a model wrote; syntax in it that no proof may have is an error.

    Raises UsageError when Lean cannot open the file or takes too long, WorkerDied.
    """
    fields = {"source": source, **proposed_field(proposed)}
    answer = await pool.request("cut", wall_s=CUT_WALL_S, **fields)
    if not isinstance(answer, Result):
        why = getattr(answer, "text", "it takes too long")
        raise UsageError(f"cannot look into the file: {why}")
    try:
        return [_command(each) for each in answer.value["commands"]]
    except (KeyError, TypeError) as error:
        raise ProtocolError(f"worker answered `cut` in no known shape: {error}") from error


async def stumbles(pool: Asks, before: str, texts: Sequence[str]) -> list[int | None]:
    """For each text the byte where Lean's parser fails to read it as one command; None: nowhere.

    before: the file up to it, for notations. Raises UsageError, WorkerDied.
    """
    if not texts:
        return []
    answer = await pool.request("parse", wall_s=CUT_WALL_S, before=before, texts=list(texts))
    if not isinstance(answer, Result):
        raise UsageError(f"cannot parse: {getattr(answer, 'text', 'it takes too long')}")
    return [result["place"] for result in answer.value["results"]]


def _command(wire: Json) -> BrokenCommand:
    return BrokenCommand(
        start=wire["start"],
        stop=wire["stop"],
        kind=wire["kind"].rpartition(".")[2],
        name=wire["names"][0] if wire["names"] else wire["name"],
        value=_cut(wire["value"]) if wire["value"] else None,
        tactics=tuple((start, stop) for start, stop in wire["tactics"]),
        faults=tuple(_fault(each) for each in wire["errors"]),
        holes=tuple(OpenPlace(h["start"], h["stop"], _cuts(h["cuts"])) for h in wire["holes"]),
    )


def _fault(wire: Json) -> ProofFault:
    return ProofFault(
        to_message(wire), _cuts(wire["cuts"]), wire["parser"], tuple(wire.get("near", ()))
    )


def _cuts(wires: Sequence[Json]) -> tuple[Cut, ...]:
    return tuple(_cut(wire) for wire in wires)


def _cut(wire: Json) -> Cut:
    return Cut(wire["start"], wire["stop"], wire["text"], wire["kind"])
