"""What owns processes and ends them: an async context manager that closes at its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Gives itself at the start of `async with`, and is closed at its end, whatever happens."""

    @abstractmethod
    async def close(self) -> None:
        """End what it owns."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
