"""Copies of one model in several places, asked as one: GPUs, or servers."""

from __future__ import annotations

from collections.abc import Sequence

from ...data.errors import ModelUnavailable
from ..concurrency import run_all
from .base import Generated, LanguageModel, Prompt, Sampling


class LoadBalancer:
    """A `LanguageModel` that sends each prompt to the copy with the fewest under way.

    A copy that fails is not asked again, and its prompts go to the others; the last one's
    failure is everybody's.
    """

    def __init__(self, copies: Sequence[LanguageModel]) -> None:
        self._copies = list(copies)
        self._well = list(copies)
        self._under_way = {id(copy): 0 for copy in copies}

    @property
    def name(self) -> str:
        """The first one's."""
        return self._copies[0].name

    async def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Generated]:
        """Answer each prompt, in order. Raises ModelUnavailable when no copy is left."""
        return await run_all([self._ask(prompt, sampling) for prompt in prompts])

    async def close(self) -> None:
        """Close all copies."""
        for copy in self._copies:
            await copy.close()

    async def _ask(self, prompt: Prompt, sampling: Sampling) -> Generated:
        while True:
            copy = min(self._well, key=lambda each: self._under_way[id(each)])
            self._under_way[id(copy)] += 1
            try:
                return (await copy.generate([prompt], sampling))[0]
            except ModelUnavailable:
                self._well = [each for each in self._well if each is not copy]
                if not self._well:
                    self._well = [copy]
                    raise
            finally:
                self._under_way[id(copy)] -= 1
