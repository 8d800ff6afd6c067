"""The settings of a proving run, each documented once, under its field."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_args, get_type_hints

from ..data.errors import UsageError
from ..data.records import ProofState
from ..search.driver import RECIPES, Search

SAMPLING = ("rmax", "whole-proof")
"""Searches that get whole-proof samples, one tactic for each state, instead of full expansions."""


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """Which search, and its numbers, as options.py says; None: what its authors give.

    Raises UsageError for an unknown search, a number that it does not have, or one out of range.
    """

    name: str = "htps"
    alpha: float | None = None
    exploration: float | None = None
    discount: float | None = None
    flatten: float | None = None
    widening: float | None = None
    sample_steps: int = 32
    granularity: int | None = None

    def __post_init__(self) -> None:
        if self.name not in RECIPES:
            raise UsageError(f"no search {self.name!r}; there is: {', '.join(RECIPES)}")
        known = inspect.signature(RECIPES[self.name]).parameters
        for name, value in self._numbers().items():
            if name not in known:
                raise UsageError(f"search {self.name} has no {name}")
            if value < 0 or (name == "flatten" and not value):
                raise UsageError(f"{name} must be above 0, not {value}")
            if name in ("alpha", "discount") and value > 1:
                raise UsageError(f"{name} must lie in [0, 1], not {value}")
        if self.sample_steps < 1:
            raise UsageError(f"sample_steps must be at least 1, not {self.sample_steps}")
        if self.granularity is not None and not self.samples:
            raise UsageError(f"search {self.name} has no granularity")
        if self.granularity is not None and self.granularity < 0:
            raise UsageError(f"granularity must be at least 0, not {self.granularity}")

    @property
    def samples(self) -> bool:
        """Whether this search gets whole-proof samples."""
        return self.name in SAMPLING

    @property
    def tactics_per_check(self) -> int:
        """Tactics of a proposed block that a sample checks at once; 0: the whole block."""
        return int(self.name == "rmax") if self.granularity is None else self.granularity

    def start(self, root: ProofState) -> Search:
        """A new search of that kind."""
        return RECIPES[self.name](root, **self._numbers())

    def _numbers(self) -> dict[str, float]:
        no_numbers = ("name", "sample_steps", "granularity")
        names = [f.name for f in fields(self) if f.name not in no_numbers]
        return {name: value for name in names if (value := getattr(self, name)) is not None}


Kind = TypeVar("Kind")


def options(kind: type[Kind], values: Mapping[str, str], what: str) -> Kind:
    """A dataclass of options from `key=value` words; what: names their owner in an error.

    Raises UsageError for an unknown key, with near names, or a value of another type.
    """
    types = {name: _type_name(found) for name, found in get_type_hints(kind).items()}
    read: dict[str, Any] = {}
    for name, text in values.items():
        if name not in types:
            raise unknown_option(what, name, list(types))
        try:
            read[name] = _READ[types[name]](text)
        except (ValueError, KeyError) as error:
            raise UsageError(f"option {name} must be {types[name]}, not {text!r}") from error
    return kind(**read)


def rising_limits(text: str) -> tuple[int, ...]:
    """The limits in a text such as `500,2000`. Raises UsageError."""
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError as error:
        raise UsageError(f"heartbeats: whole numbers with commas, not {text!r}") from error


def unknown_option(what: str, name: str, known: Sequence[str]) -> UsageError:
    """The error for an option that does not exist, with near names. what: names its owner."""
    near = difflib.get_close_matches(name, known, n=3)
    suggestion = f"did you mean {', '.join(near)}?" if near else f"it has: {', '.join(known)}"
    return UsageError(f"{what} has no option {name}; {suggestion}")


def _type_name(hint: Any) -> str:
    """The name of a type, of `X` where it is `X | None`."""
    found = [each for each in get_args(hint) if each is not type(None)] or [hint]
    return str(found[0].__name__)


def key_values(words: Sequence[str]) -> dict[str, str]:
    """From words such as `top_p=0.9`. Raises UsageError."""
    for word in words:
        if not re.fullmatch(r"\w+=.*", word, re.DOTALL):
            raise UsageError(f"not key=value: {word!r}")
    return {key: value for key, _, value in (word.partition("=") for word in words)}


_READ: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": {
        "true": True,
        "1": True,
        "yes": True,
        "false": False,
        "0": False,
        "no": False,
    }.__getitem__,
}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """How policies are set up: models, and what was learned. Raises UsageError for a value out of
    range."""

    prompt: str | None = None
    """The format of prompts: its name or a file; None: chosen by the model's name."""
    samples: int = 16
    """Completions of one state."""
    temperature: float = 1.0
    """Above 0."""
    critic: str = "own"
    """What gives the values of states: `own`, the model's value head or else its likelihood;
    `hf:NAME`, another model; `constant`."""
    retriever: str = "none"
    """Who chooses premises for prompts: `bm25`, `hf:NAME`, an encoder, or `none`."""
    premises: int = 16
    """Most premises of a prompt."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The rest: top_p, max_tokens, beam, and what each kind of model has of its own."""
    priors: str | None = None
    """In which order the hammer's tactics are tried: `none`, its own; `shipped`, by what came of
    them at other theorems; a file of `lakatos train priors`; `random`. None: its own."""
    memory: str | None = None
    """What `knn` remembers from the start: `none`, `shipped` or a file of `lakatos train memory`.
    None: `shipped`."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UsageError(f"samples must be at least 1, not {self.samples}")
        if not self.temperature > 0:
            raise UsageError(f"temperature must be above 0, not {self.temperature}")
        if self.critic not in ("own", "constant") and not re.match("hf:.", self.critic):
            raise UsageError(f"no critic {self.critic!r}; there is: own, constant, hf:NAME")
        if self.retriever not in ("none", "bm25") and not re.match("hf:.", self.retriever):
            raise UsageError(f"no retriever {self.retriever!r}; there is: bm25, hf:NAME, none")
        if self.premises < 1:
            raise UsageError(f"premises must be at least 1, not {self.premises}")


HEARTBEATS = (500, 2_000, 8_000, 40_000)
"""The limits of one tactic, one after the other, in thousands as `maxHeartbeats`."""


@dataclass(frozen=True, slots=True)
class ProverConfig:
    """How much to spend on a theorem, and how. Raises UsageError for a value out of range."""

    expansions: int = 2_000
    """Budget of one theorem: states expanded."""
    wall_s: float = 60.0
    """Budget of one theorem in seconds at work on it, searching and checking what was found; a
    check gets at least 10 s."""
    steps: int | None = None
    """Budget of one theorem: tactics tried in Lean; checked between expansions. None: no limit."""
    lean_s: float | None = None
    """Budget of one theorem: seconds inside Lean, over all workers; checked like `steps`."""
    tokens: int | None = None
    """Budget of one theorem: tokens that language models write; checked like `steps`."""
    heartbeats: tuple[int, ...] = HEARTBEATS
    """Lean's limits for one tactic, rising, in thousands as `maxHeartbeats`. Each is tried with
    the first; one that runs out of it with the next, when the search comes back to its state."""
    concurrency: int | None = None
    """Theorems searched at once; None: as many as the pool has workers."""
    batch: int = 1
    """States of one theorem that a policy is asked about in one call."""
    in_flight: int = 2
    """Batches of one theorem under way at once; answers are taken in the order of requests."""
    first_round: int = 8
    """Expansions of each theorem in the first round; the open ones go on in further rounds."""
    growth: int = 4
    """How many times longer each round is than the one before, up to the whole budget."""
    refute: float = 0.0
    """Share of every budget spent on the negation of a theorem, in [0, 1); 0: none."""
    retries: int = 3
    """Proofs refused by the verifier after which the search for another still goes on."""
    minimise: str = "on"
    """`on`: leave out of a found proof what it does not need; `off`: keep it as it was found."""
    keep_prompts: bool = False
    """Whether all prompts for tactics, and all answers, are recorded in full."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Which search, and its numbers."""
    seed: int = 0
    """Of every random draw of a run; the hammer draws none."""

    def __post_init__(self) -> None:
        for name in (
            "expansions",
            "batch",
            "in_flight",
            "first_round",
            "steps",
            "tokens",
            "concurrency",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")
        for word, seconds in {"time": self.wall_s, "time in Lean": self.lean_s}.items():
            if seconds is not None and not seconds > 0:
                raise UsageError(f"{word} must be above 0 seconds, not {seconds}")
        limits = self.heartbeats
        if not limits or limits[0] < 1 or list(limits) != sorted(set(limits)):
            words = ",".join(map(str, limits))
            raise UsageError(f"heartbeats must be at least 1, and rise: {words!r}")
        if self.growth < 2:
            raise UsageError(f"growth must be at least 2, not {self.growth}")
        if not 0 <= self.refute < 1:
            raise UsageError(f"refute must lie in [0, 1), not {self.refute}")
        if self.minimise not in ("on", "off"):
            raise UsageError(f"minimise is on or off, not {self.minimise!r}")
        if self.retries < 0:
            raise UsageError(f"retries must be at least 0, not {self.retries}")


MODES = ("auto", "tactic", "whole-proof", "sketch")
"""How theorems are proved: by a search of tactics, or by drafts that a model writes."""


@dataclass(frozen=True, slots=True)
class DraftConfig:
    """How drafts of proofs are asked for. Raises UsageError for a value out of range."""

    mode: str = "auto"
    """`tactic`; `whole-proof`, or `sketch`, whose holes are searched; `auto`: as the policy is."""
    attempts: int = 8
    """Drafts of one theorem."""
    turns: int = 2
    """Drafts in one conversation; every draft after the first is a reply to Lean's errors."""
    repair_depth: int = 1
    """What to do with a draft that Lean rejects. 0: give it up. 1: replace the failing steps by
    `sorry` and search those. N > 1: also widen the replaced region N - 1 times."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"no mode {self.mode!r}; there is: {', '.join(MODES)}")
        for name in ("attempts", "turns"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.repair_depth < 0:
            raise UsageError(f"repair_depth must be at least 0, not {self.repair_depth}")
