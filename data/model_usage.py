"""What the model servers of a run did: counts that a run keeps, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(slots=True)
class ModelUsage:
    """Counts of a run, or of a part of it."""

    requests: int = 0
    """Answered or failed, those sent again included; not those that were withdrawn."""
    errors: int = 0
    """Requests that failed: refused, cut off, not answered in time, or too long."""
    completions: int = 0
    """Completions that came."""
    empty: int = 0
    """Of these, without any text."""
    prompt_tokens: int = 0
    tokens: int = 0
    """Of completions."""
    busy_s: float = 0.0
    """Seconds with at least one request under way."""
    down_s: float = 0.0
    """Seconds from a failure to the next answer of any server."""

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> ModelUsage:
        """From `as_dict`; what is not there is 0."""
        return cls(**{f.name: stored[f.name] for f in fields(cls) if f.name in stored})

    def as_dict(self) -> dict[str, Any]:
        """The counts as JSON values, seconds with three digits."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}

    def __add__(self, other: ModelUsage) -> ModelUsage:
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return ModelUsage(*(mine + yours for mine, yours in pairs))

    @property
    def tokens_per_s(self) -> float:
        """Tokens of completions a second in which requests were under way."""
        return self.tokens / self.busy_s if self.busy_s > 0 else 0.0

    @property
    def text(self) -> str:
        """In one line: `120 requests, 3 errors, 1 of 960 completions empty, 45 tokens/s`."""
        parts = [
            f"{self.requests:,} requests",
            f"{self.errors:,} errors",
            f"{self.empty:,} of {self.completions:,} completions empty",
            f"{self.tokens_per_s:,.0f} tokens/s",
        ]
        if self.down_s >= 1:
            parts.append(f"{self.down_s:,.0f} s without an answer")
        return ", ".join(parts)
