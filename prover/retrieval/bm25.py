"""Which premises share the rare constants of a goal: BM25 over what their types speak of.

Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with a weight for each field
(BM25F). SQLite's FTS5 ranks alike, but a file's own lemmas, which differ from theorem to
theorem, would change its statistics with the order in which theorems come.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import log

from ...data.records import Premise

K1, B = 1.2, 0.75
"""How soon a repeated word counts no more, and how much long premises lose; the usual values."""

NAME, CONCLUSION, OTHERS = 0.3, 1.0, 0.4
"""What a word counts by where it stands in a premise."""

Words = Mapping[str, float]
"""Words, each with its weight."""

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def words_of(premise: Premise) -> dict[str, float]:
    """The words that a premise is found by, with their weights."""
    found = dict.fromkeys(premise.others, OTHERS)
    found.update(dict.fromkeys(premise.conclusion, CONCLUSION))
    for part in name_parts(premise.name):
        found[part] = found.get(part, 0.0) + NAME
    found[premise.name] = CONCLUSION
    return found


def name_parts(name: str) -> list[str]:
    """The parts of a name, in lower case and marked: `~nat`, `~add`, `~comm`."""
    return [f"~{part.lower()}" for part in _PART.findall(name)]


class BM25:
    """An index of premises; its statistics are those of `premises` alone."""

    def __init__(self, premises: Sequence[Premise]) -> None:
        self.premises = premises
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        lengths = []
        for number, premise in enumerate(premises):
            words = words_of(premise)
            lengths.append(sum(words.values()))
            for word, weight in words.items():
                self._postings[word].append((number, weight))
        self._mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._norms = [self._norm(length) for length in lengths]

    def idf(self, word: str) -> float:
        """How rare a word is; above 0."""
        seen = len(self._postings.get(word, ()))
        return log(1 + (len(self.premises) - seen + 0.5) / (seen + 0.5))

    def best(self, query: Words, k: int, more: Iterable[Premise] = ()) -> list[Premise]:
        """The k premises, of the index and of `more`, that suit a query best, best first.

        None that shares no word. Ties go to `more`, then by order.
        """
        scores: dict[int, float] = defaultdict(float)
        wanted = {word: weight * self.idf(word) for word, weight in query.items()}
        for word, worth in wanted.items():
            for number, weight in self._postings.get(word, ()):
                scores[number] += worth * weight * (K1 + 1) / (weight + self._norms[number])
        own = [(self._score(premise, wanted), premise) for premise in more]
        ranked = [(score, 1, -i, premise) for i, (score, premise) in enumerate(own) if score]
        top = heapq.nlargest(k, scores.items(), key=lambda item: (item[1], -item[0]))
        ranked += [(score, 0, -number, self.premises[number]) for number, score in top]
        ranked.sort(key=lambda entry: entry[:3], reverse=True)
        return [premise for *_, premise in ranked[:k]]

    def _score(self, premise: Premise, wanted: Words) -> float:
        words = words_of(premise)
        norm = self._norm(sum(words.values()))
        shared = wanted.keys() & words.keys()
        return sum(wanted[w] * words[w] * (K1 + 1) / (words[w] + norm) for w in sorted(shared))

    def _norm(self, length: float) -> float:
        return K1 * (1 - B + B * length / self._mean)
