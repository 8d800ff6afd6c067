"""Premises by the nearness of their embeddings to that of the state.

Any encoder of Hugging Face, its last layer's mean as the embedding, compared by cosine: so are
sentence encoders used, and ReProver's retriever (arXiv:2306.15626), a ByT5 encoder whose premises
have their names in marks. Embeddings are kept on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ...data.records import Premise, Theorem
from ..models.checkpoint import Checkpoint, HuggingFaceOptions
from ..policy.base import Query
from ..policy.prompts import KEYWORDS
from .base import PremiseSource

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 2300
"""Tokens of one text that are read, as ReProver's retriever does; fewer where a model says so."""

BATCH_TOKENS = 16_384
"""Most tokens of one forward pass, padding included."""

PROBE = "theorem Nat.add_comm (n m : Nat) : n + m = m + n"
"""What an encoder makes of this tells it from others, its own earlier weights included."""

KEPT_AT_ONCE = 1_024
"""Texts embedded before they are kept: what an interruption can cost."""

ASKED_AT_ONCE = 500
"""Keys in one question to the database."""

MARKED = ("leandojo", "reprover")
"""Encoders trained on premises with marked names, by parts of their own names."""

LOG = logging.getLogger("lakatos")


T = TypeVar("T")


class EmbeddedLibrary(PremiseSource, Protocol):
    """A source that can print everything."""

    @property
    def folder(self) -> Path | None:
        """Where what was computed is kept, if anywhere."""
        ...

    async def library_texts(self, theorem: Theorem) -> list[str]:
        """The texts of all that the imports offer, in the order of `library`."""
        ...


class Encoder:
    """Texts to vectors of length 1. Raises as huggingface.load."""

    def __init__(self, name: str, options: HuggingFaceOptions | None = None) -> None:
        checkpoint = Checkpoint(name, options or HuggingFaceOptions())
        config = checkpoint.part("AutoConfig")
        kind = "AutoModelForTextEncoding" if config.is_encoder_decoder else "AutoModel"
        self.name = name
        self._model = checkpoint.model(kind)
        self._tokenizer = checkpoint.tokenizer()
        self._tokenizer.pad_token = self._tokenizer.pad_token or self._tokenizer.eos_token
        limit = int(getattr(config, "max_position_embeddings", 0) or LONGEST)
        self._longest = min(LONGEST, limit, self._tokenizer.model_max_length)
        probe = self([PROBE]).double().round(decimals=2)
        self.key = hashlib.sha256(name.encode() + probe.numpy().tobytes()).digest()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """One row for each text, on the CPU, float32."""
        import torch

        rows: list[Any] = [None] * len(texts)
        for numbers, inputs in self._batches(texts):
            with torch.inference_mode():
                hidden = self._model(**inputs).last_hidden_state.float()
            mask = inputs["attention_mask"].unsqueeze(-1)
            means = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors = torch.nn.functional.normalize(means, dim=-1).cpu()
            for number, vector in zip(numbers, vectors, strict=True):
                rows[number] = vector
        return torch.stack(rows) if rows else torch.zeros(0, 0)

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Any]]:
        """Texts of like length together, as the model takes them."""
        cut = {"truncation": True, "max_length": self._longest}
        lengths = [len(ids) for ids in self._tokenizer(list(texts), **cut)["input_ids"]]
        waiting = sorted(range(len(texts)), key=lambda number: (-lengths[number], number))
        while waiting:
            count = max(1, BATCH_TOKENS // max(1, lengths[waiting[0]]))
            numbers, waiting = waiting[:count], waiting[count:]
            batch = [texts[number] for number in numbers]
            inputs = self._tokenizer(batch, padding=True, return_tensors="pt", **cut)
            yield numbers, inputs.to(self._model.device)


class Embeddings:
    """What an encoder makes of texts, each computed once. path: a database; None: kept nowhere.

    note: is told of a database that is damaged.
    """

    def __init__(
        self,
        encoder: Encoder,
        path: Path | None = None,
        note: Callable[[str], None] = LOG.warning,
    ) -> None:
        self._note = note
        self._encoder = encoder
        self._path = path

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """One row for each text, on the CPU, float32."""
        import torch

        keys = [self._encoder.key + hashlib.sha256(text.encode()).digest() for text in texts]
        found = self._load(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        for chunk in _chunks(list(missing.items()), KEPT_AT_ONCE):
            vectors = self._encoder([text for _, text in chunk]).half()
            new = {key: vector for (key, _), vector in zip(chunk, vectors, strict=True)}
            self._keep({key: vector.numpy().tobytes() for key, vector in new.items()})
            found |= new
        return torch.stack([found[key] for key in keys]).float()

    def _load(self, keys: set[bytes]) -> dict[bytes, Any]:
        import torch

        if self._path is None:
            return {}
        found: dict[bytes, Any] = {}
        with self._undamaged(self._path), self._opened(self._path) as database:
            for chunk in _chunks(sorted(keys), ASKED_AT_ONCE):
                marks = ", ".join("?" * len(chunk))
                rows = database.execute(f"SELECT * FROM vector WHERE key IN ({marks})", chunk)
                found |= {k: torch.frombuffer(bytearray(v), dtype=torch.half) for k, v in rows}
        return found

    def _keep(self, rows: Mapping[bytes, bytes]) -> None:
        """Keep vectors; a disk that takes nothing only costs the next run its time."""
        if self._path is None:
            return
        with self._undamaged(self._path), self._opened(self._path) as database:
            database.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", rows.items())

    @contextmanager
    def _undamaged(self, path: Path) -> Iterator[None]:
        """Go on without the database where it cannot be used; one that is damaged is told of once
        and begun anew.
        """
        try:
            yield
        except (sqlite3.OperationalError, OSError):  # locked, read-only, a full disk
            return
        except sqlite3.Error as error:
            self._note(f"{path}: the kept embeddings are damaged ({error}), and are made anew")
            for each in (path, *path.parent.glob(f"{path.name}-*")):
                with suppress(OSError):
                    each.unlink()

    @contextmanager
    def _opened(self, path: Path) -> Iterator[sqlite3.Connection]:
        """The database, written when the block ends well."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, v BLOB)")
            yield database


class Dense:
    """Chooses by the nearness of embeddings, the whole library at once."""

    def __init__(self, source: EmbeddedLibrary, encoder: Encoder) -> None:
        self._source = source
        self._encoder = encoder
        place = source.folder and source.folder / "embeddings.db"
        self._embeddings = Embeddings(encoder, place)
        self._matrices: dict[tuple[str, ...], Tensor] = {}
        self._busy = asyncio.Lock()

    async def retrieve(self, query: Query, k: int) -> list[Premise]:
        """The k premises nearest to the state; the library is embedded when first asked of."""
        library = await self._source.library(query.theorem)
        own = await self._source.own(query.theorem)
        texts = await self._source.texts(query.theorem, own)
        near = [self._written(*pair) for pair in zip(own, texts, strict=True)]
        async with self._busy:
            if query.theorem.imports not in self._matrices:
                texts = await self._source.library_texts(query.theorem)
                all_ = [self._written(*pair) for pair in zip(library, texts, strict=True)]
                matrix = await asyncio.to_thread(self._embeddings, all_)
                self._matrices[query.theorem.imports] = matrix
            matrix = self._matrices[query.theorem.imports]
            best = await asyncio.to_thread(self._nearest, query.state.pretty, near, matrix, k)
        return [(*own, *library)[number] for number in best]

    def _nearest(self, text: str, near: Sequence[str], matrix: Tensor, k: int) -> list[int]:
        """Numbers of the k rows, of `near` and then of `matrix`, nearest to a text."""
        import torch

        asked = self._encoder([text])[0]
        rows = torch.cat([self._embeddings(near), matrix]) if near else matrix
        found: list[int] = (rows @ asked).topk(min(k, len(rows))).indices.tolist()
        return found

    def _written(self, premise: Premise, text: str) -> str:
        if any(word in self._encoder.name.lower() for word in MARKED):
            kind = KEYWORDS.get(premise.kind, premise.kind)
            return f"{kind} <a>{premise.name}</a> {text}"
        return f"{premise.name} {text}"


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
