"""What a run over a problem set amounts to: rates with intervals, classes, curves, two runs.

A problem that is not solved counts as not solved, whatever the reason: none leaves a denominator.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import comb, erfc, sqrt
from statistics import NormalDist

from ..evaluation import NOT_TRIED, AttemptResult, Evaluation, ProblemResult, ResultClass

_Z = NormalDist().inv_cdf(0.975)
FEW = 10
"""With fewer problems a rate says little, and a comparison nothing."""
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""The quantiles of a spread; the last is the maximum."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over problems, with its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Solution:
    """How a problem was solved first: the attempt, and what was spent on it up to its end."""

    result: ProblemResult
    attempt: AttemptResult
    wall_s: float
    expansions: int
    steps: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Share:
    """Problems of one source: how many, how many solved, and the rate."""

    source: str
    problems: int
    solved: int
    rate: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the problems that both have.

    both, first, second, neither: how many were solved by whom, `first` by the first run only;
    gains, losses: what only the second and only the first solved. p_value: of McNemar's
    score test. difference: of the rates, second minus first. missing: problems in one run only;
    changed: of the same name but another statement, so not common. untried: left out, since one
    of the runs has not tried them yet.
    """

    problems: int
    both: int
    first: int
    second: int
    neither: int
    p_value: float
    difference: Estimate
    gains: tuple[str, ...]
    losses: tuple[str, ...]
    missing: tuple[int, int]
    changed: int
    untried: int

    @property
    def is_significant(self) -> bool:
        """Whether the runs differ at the level of 5 %, on problems enough to say so."""
        return self.p_value < 0.05 and not self.is_small

    @property
    def is_small(self) -> bool:
        """Whether there are too few problems to say."""
        return self.problems < FEW


def pass_at(k: int, attempts: int, solved: int) -> float:
    """Chance that one of `k` attempts, drawn from those made, solves it: 1 - C(n-c, k) / C(n, k).

    Chen et al. 2021 (arXiv:2107.03374), equation 1; unbiased when attempts >= k. When fewer were
    made: whether one of them solved it, which can only be too low.
    """
    if attempts < k:
        return float(solved > 0)
    return 1 - comb(attempts - solved, k) / comb(attempts, k)


def stops_when_solved(run: Evaluation) -> bool:
    """Whether solved problems get no further attempts, so that c of n would be biased.

    Where the run's configuration does not say, whether it looks so.
    """
    goes_on = run.config.get("evaluation", {}).get("all_attempts")
    if goes_on is not None:
        return not goes_on
    return any(0 < len(r.attempts) < run.k for r in run.results if r.is_solved)


def tried(run: Evaluation) -> Evaluation:
    """The run without the problems that are not tried yet, or where the model failed."""
    results = tuple(result for result in run.results if result.outcome not in NOT_TRIED)
    return replace(run, results=results)


def pass_rates(run: Evaluation) -> list[Estimate]:
    """pass@1 to pass@k over all problems of the run; none if it has no problem.

    Where attempts end with the first that solves it, pass@i is the share of problems that one of
    the first i attempts solved: unbiased as well, and the only estimate that is.
    """
    ks = range(1, run.k + 1)
    early = stops_when_solved(run)
    n = len(run.results)
    sums = [sum(_passes(result, k, early) for result in run.results) for k in ks]
    return [wilson(total / n, n) for total in sums] if n else []


def _passes(result: ProblemResult, k: int, early: bool) -> float:
    solved = [a.number for a in result.attempts if a.outcome is ResultClass.SOLVED]
    if early:
        return float(bool(solved) and min(solved) <= k)
    tried = sum(attempt.outcome is not ResultClass.MODEL_FAILED for attempt in result.attempts)
    return pass_at(k, tried, len(solved))


def wilson(rate: float, n: int) -> Estimate:
    """A rate over `n` problems with its score interval: Wilson 1927, JASA 22, 209-212.

    rate: a mean of `n` values in [0, 1]. Where the values are not all 0 or 1, as those of pass@k
    over several attempts, the interval is wider than need be, never narrower: such values vary
    at most as much as zeros and ones of the same mean (Bhatia and Davis 2000, Amer. Math. Monthly
    107, 353-357). That is Korn and Graubard's effective sample size kept at `n` (1998, Survey
    Methodology 24, 193-201).
    """
    if n == 0:
        return Estimate(rate, 0.0, 1.0)
    square = _Z * _Z / n
    middle = (rate + square / 2) / (1 + square)
    half = sqrt(square * rate * (1 - rate) + square * square / 4) / (1 + square)
    return Estimate(rate, max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half)))


def by_source(run: Evaluation) -> list[Share]:
    """Solved problems of each source, by name; problems without one are `other`."""
    groups: dict[str, list[ProblemResult]] = defaultdict(list)
    for result in run.results:
        groups[result.problem.source or "other"].append(result)
    shares = []
    for source, results in sorted(groups.items()):
        solved = sum(result.is_solved for result in results)
        rate = wilson(solved / len(results), len(results))
        shares.append(Share(source, len(results), solved, rate))
    return shares


def solutions(run: Evaluation) -> list[Solution]:
    """The first solving attempt of each solved problem, in the order of the problems."""
    found = []
    for result in run.results:
        tried: list[AttemptResult] = []
        for attempt in sorted(result.attempts, key=lambda a: a.number):
            tried.append(attempt)
            if attempt.outcome is ResultClass.SOLVED:
                found.append(_solution(result, tried))
                break
    return found


def _solution(result: ProblemResult, tried: Sequence[AttemptResult]) -> Solution:
    return Solution(
        result,
        tried[-1],
        sum(a.wall_s for a in tried),
        sum(a.expansions for a in tried),
        sum(a.steps for a in tried),
        sum(a.tokens for a in tried),
    )


def spread(values: Sequence[float]) -> list[float]:
    """The quantiles SHARES of some values, each a value that occurs; empty if there are none."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return [ordered[min(last, int(share * len(ordered)))] for share in SHARES] if ordered else []


EFFORTS: dict[str, Callable[[AttemptResult | Solution], float]] = {
    "wall time, s": lambda spent: spent.wall_s,
    "expansions": lambda spent: spent.expansions,
    "steps": lambda spent: spent.steps,
    "tokens": lambda spent: spent.tokens,
}
"""What can be spent, by the name it has in tables."""


def efforts(run: Evaluation, solved: bool) -> Iterator[tuple[str, list[float]]]:
    """Name and spread of each effort: spent until a solution, or by attempts without one.

    An effort that nobody spent is left out.
    """
    spent: list[AttemptResult | Solution] = list(solutions(run))
    if not solved:
        without = (ResultClass.SOLVED, ResultClass.MODEL_FAILED)
        spent = [a for r in run.results for a in r.attempts if a.outcome not in without]
    for name, measure in EFFORTS.items():
        values = [measure(each) for each in spent]
        if any(values):
            yield name, spread(values)


Curve = list[tuple[float, int]]
"""Points (x, problems solved with at most x), x ascending, a point a step."""


def curve(values: Sequence[float]) -> Curve:
    """The cumulative curve of some values."""
    points: dict[float, int] = {}
    for solved, value in enumerate(sorted(values), 1):
        points[value] = solved
    return list(points.items())


def curves(run: Evaluation) -> dict[str, Curve]:
    """Solved problems over the time since the run began, and over each effort spent on one."""
    found = solutions(run)
    since = {"time since the run began, s": curve([s.attempt.ended_s for s in found])}
    each = {f"{name} on the problem": curve([m(s) for s in found]) for name, m in EFFORTS.items()}
    return since | {name: points for name, points in each.items() if points and points[-1][0]}


def mcnemar(first: int, second: int) -> float:
    """The two-sided p-value of McNemar's score test (1947, Psychometrika 12, 153-157).

    first, second: problems that only the one and only the other solved. It is the test that
    `difference` inverts, so the two never contradict each other; its level is near the nominal
    one in small samples too (Fagerland et al. 2013, BMC Med. Res. Methodol. 13:91).
    """
    apart = first + second
    return erfc(abs(second - first) / sqrt(2 * apart)) if apart else 1.0


def difference(first: int, second: int, n: int) -> Estimate:
    """The rate of the second run minus that of the first, with its score interval.

    n: problems of both, `first` and `second` of them solved by only the one and only the other.
    The interval is of all differences that Tango's score test does not reject at 5 %; at 0 that
    is McNemar's test (Tango 1998, Stat. Med. 17, 891-908).
    """
    if n == 0:
        return Estimate(0.0, -1.0, 1.0)
    difference = (second - first) / n

    def edge(end: float) -> float:
        inside, outside = difference, end
        if not _is_rejected(end, first, second, n):
            return end
        for _ in range(60):
            middle = (inside + outside) / 2
            if _is_rejected(middle, first, second, n):
                outside = middle
            else:
                inside = middle
        return inside

    return Estimate(difference, edge(-1.0), edge(1.0))


def _is_rejected(delta: float, first: int, second: int, n: int) -> bool:
    """Whether a difference of `delta` is too far from what was seen, by Tango's score test.

    The variance is of the likeliest rates with that difference: Tango 1998, equation 8.
    """
    b = (2 * n - second + first) * delta - second - first
    root = sqrt(max(0.0, b * b + 8 * n * first * delta * (1 - delta)))
    lost = (root - b) / (4 * n)  # the likeliest rate of problems that only the first solves
    variance = n * max(0.0, 2 * lost + delta * (1 - delta))
    away = second - first - n * delta
    return away * away > _Z * _Z * variance


def compare(one: Evaluation, other: Evaluation) -> Comparison:
    """Two runs on the problems of the same name, split and statement.

    Solved: by any attempt, as the class of the problem says.
    """
    here, there = _keyed(one), _keyed(other)
    common = [(here[key], there[key]) for key in here if key in there]
    pairs = [pair for pair in common if all(r.outcome not in NOT_TRIED for r in pair)]
    counts = Counter((a.is_solved, b.is_solved) for a, b in pairs)
    gains = tuple(b.problem.name for a, b in pairs if b.is_solved and not a.is_solved)
    losses = tuple(a.problem.name for a, b in pairs if a.is_solved and not b.is_solved)
    only = [key[:2] for key in here if key not in there]
    others = [key[:2] for key in there if key not in here]
    return Comparison(
        problems=len(pairs),
        both=counts[True, True],
        first=counts[True, False],
        second=counts[False, True],
        neither=counts[False, False],
        p_value=mcnemar(len(losses), len(gains)),
        difference=difference(len(losses), len(gains), len(pairs)),
        gains=gains,
        losses=losses,
        missing=(len(only), len(others)),
        untried=len(common) - len(pairs),
        changed=(Counter(only) & Counter(others)).total(),
    )


_Key = tuple[str, str, str, int, int]


def _keyed(run: Evaluation) -> dict[_Key, ProblemResult]:
    """Results by name, split, statement and hole, and a number for those that are alike in all."""
    met: Counter[tuple[str, str, str, int]] = Counter()
    keyed: dict[_Key, ProblemResult] = {}
    for result in run.results:
        problem = result.problem
        statement = " ".join(problem.statement.split())
        same = problem.name, problem.split, statement, problem.hole
        keyed[*same, met[same]] = result
        met[same] += 1
    return keyed
