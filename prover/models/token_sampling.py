"""Draws tokens from next-token scores, with noise that belongs to a sample and not to a batch.

The noise of sample i of a prompt depends on (seed, prompt, i) alone, so a batch's make-up
changes a sample only through rounding in the model's forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from .request_queue import GenerationRequest

if TYPE_CHECKING:
    from torch import Tensor

HEAD = 256
"""Tokens looked at for a nucleus before all are sorted."""

BELOW_ONE = 1 - 2**-24
"""The greatest float32 under 1."""


def uniform_noise(job: GenerationRequest, label: object, size: int) -> Tensor:
    """Uniform numbers in [0, 1) of one sample (its index) or one purpose (a word); float32."""
    import torch

    inputs = repr((job.sampling.seed, job.prompt, label)).encode()
    seed = int.from_bytes(blake2b(inputs, digest_size=8).digest(), "little", signed=True)
    return torch.rand(size, generator=torch.Generator().manual_seed(seed))


class Draw:
    """Temperature and nucleus of each row: one token a row at a time.

    temperature: above 0. top_p: in (0, 1]. All tensors [rows].
    """

    def __init__(self, temperature: Tensor, top_p: Tensor) -> None:
        self._temperature = temperature[:, None]
        self._top_p = top_p[:, None]
        self._is_plain = bool((temperature == 1).all())
        self._is_uncut = bool((top_p >= 1).all())

    def keep(self, index: Tensor) -> Draw:
        """The same for these rows."""
        return Draw(self._temperature[index, 0], self._top_p[index, 0])

    def join(self, other: Draw) -> Draw:
        """The same for these rows and then those of another."""
        import torch

        return Draw(
            torch.cat([self._temperature, other._temperature])[:, 0],
            torch.cat([self._top_p, other._top_p])[:, 0],
        )

    def __call__(self, logits: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """One token a row, by inversion, and its log-probability at temperature 1, uncut."""
        import torch

        logs = logits.log_softmax(-1)
        mass = logs.exp() if self._is_plain else (logs / self._temperature).softmax(-1)
        if not self._is_uncut:
            mass = mass * (mass >= nucleus_floor(mass, self._top_p))
        sums = mass.cumsum(-1)
        total = sums[:, -1:]
        aim = uniform.clamp(max=BELOW_ONE)[:, None] * total
        tokens = torch.searchsorted(sums, aim, right=True)
        last = torch.searchsorted(
            sums, total.contiguous()
        )  # rounding may not lead past the last with mass
        tokens = tokens.minimum(last)
        return tokens[:, 0], logs.gather(-1, tokens)[:, 0]


def nucleus_floor(mass: Tensor, top_p: Tensor) -> Tensor:
    """The least probability in each row's nucleus, [rows, 1]; equal ones are in or out together.

    The nucleus is the smallest set with at least top_p of the mass (arXiv:1904.09751).
    """
    part = mass.topk(min(HEAD, mass.shape[-1])).values
    if part.shape[-1] < mass.shape[-1] and bool((part.sum(-1, keepdim=True) < top_p).any()):
        part = mass.sort(descending=True).values
    before = part.cumsum(-1) - part
    count = (before < top_p).sum(-1, keepdim=True)
    floor = part.gather(-1, (count - 1).clamp(min=0))
    return floor.where(top_p < 1, floor.new_zeros(()))


def distinct_first(logits: Tensor, job: GenerationRequest) -> list[int]:
    """Different first tokens, drawn without replacement by Gumbel top-k (arXiv:1903.06059).

    logits: [vocabulary]. With more samples than tokens they start over.
    """
    scores = logits.log_softmax(-1) / job.sampling.temperature
    uniform = uniform_noise(job, "first", len(logits)).to(logits.device).clamp(min=2.0**-30)
    gumbel = -(-uniform.log()).log()
    order = (scores + gumbel).topk(min(job.sampling.n, len(logits))).indices.tolist()
    return [order[i % len(order)] for i in range(job.sampling.n)]


def as_tensor(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers as a float32 tensor on the device of another."""
    import torch

    return torch.tensor(values, dtype=torch.float32, device=like.device)
