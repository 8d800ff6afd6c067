"""What every language model keeps to: prompts in, completions with their log-probabilities out.

Knows no tactic and no proof state: prompts.py writes the one and reads the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a chat. role: system | user | assistant."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given: plain text, or a chat when there are messages."""

    text: str = ""
    messages: tuple[ChatMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions of one prompt are drawn."""

    n: int = 8
    """Completions of a prompt; 0 asks for its value alone."""
    temperature: float = 1.0
    """Above 0; beam search ignores it."""
    top_p: float = 1.0
    """Nucleus: the smallest set of tokens with this mass, in (0, 1]."""
    max_tokens: int = 128
    """Most new tokens in one completion."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion; not part of it."""
    beam: bool = False
    """Beam search of width n instead of sampling: the same n completions each time."""
    distinct_first: bool = False
    """First tokens of a prompt's completions all differ; top_p does not cut these."""
    seed: int = 0
    """Of every random draw."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation of a prompt.

    log_prob: natural log of its probability, summed over its tokens; None where it is unknown.
    tokens: new tokens, the end token too. finished: False where the length cap cut it.
    """

    text: str
    log_prob: float | None = None
    tokens: int = 0
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Generated:
    """All completions of one prompt. value: P(provable) in [0, 1], if the model has such a head.

    refused: why there are none, where the model refuses the prompt.
    """

    completions: tuple[Completion, ...]
    value: float | None = None
    prompt_tokens: int = 0
    refused: str = ""


class LanguageModel(Protocol):
    """Anything that continues prompts."""

    @property
    def name(self) -> str:
        """The word that stands for it in a run's record."""
        ...

    async def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generated]:
        """Continue each prompt, in order. A cancelled call gives up its prompts' places.

        Raises ModelUnavailable when the model cannot answer, UsageError when it never will.
        """
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...
