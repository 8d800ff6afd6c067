"""Rates, intervals, curves and tests of significance, against what counting by hand gives."""

from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakatos.data.evaluation import ResultClass
from lakatos.data.report import statistics

from .made_up_runs import result, run, runs_of


@pytest.mark.parametrize("n", [1, 2, 5])
def test_pass_at_k_is_the_mean_over_all_choices_of_attempts(n):
    for solved, k in product(range(n + 1), range(1, n + 1)):
        outcomes = [True] * solved + [False] * (n - solved)
        drawn = [any(choice) for choice in combinations(outcomes, k)]
        assert statistics.pass_at(k, n, solved) == pytest.approx(sum(drawn) / len(drawn))


def test_pass_at_more_than_was_tried_is_what_was_seen():
    assert statistics.pass_at(4, 2, 1) == 1
    assert statistics.pass_at(4, 2, 0) == 0


def test_rates_count_what_was_never_tried():
    rates = statistics.pass_rates(runs_of(["+-", "--", "n", "u"], k=2))
    assert [rate.value for rate in rates] == [0.5 / 4, 1 / 4]


def test_attempts_that_end_with_the_first_solution_are_not_taken_for_a_sample():
    full = statistics.pass_rates(runs_of(["-+", "--"], k=2))
    early = statistics.pass_rates(runs_of(["-+", "+", "--"], k=2))
    assert [rate.value for rate in full] == [0.25, 0.5]
    assert [rate.value for rate in early] == [1 / 3, 2 / 3]


def test_the_configuration_says_whether_attempts_go_on():
    for goes_on, expected in ((True, [0.5, 1.0]), (False, [0.0, 1.0])):
        told = runs_of(["-+"], k=2, config={"evaluation": {"all_attempts": goes_on}})
        assert [rate.value for rate in statistics.pass_rates(told)] == expected


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_rate_is_of_all_rates_that_its_score_test_does_not_reject(counts):
    solved, n = counts
    found = statistics.wilson(solved / n, n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low == 0) == (solved == 0)
    assert (found.high == 1) == (solved == n)
    for edge in {found.low, found.high} - {0.0, 1.0}:
        score = (solved / n - edge) / (edge * (1 - edge) / n) ** 0.5
        assert abs(score) == pytest.approx(1.959964)


def test_the_interval_of_a_rate_is_the_published_one():
    # Newcombe 1998 (Stat. Med. 17, 857-872), table I, method 3
    for solved, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)]:
        found = statistics.wilson(solved / n, n)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    for solved, n, low, high in [(0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]:
        found = statistics.wilson(solved / n, n)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_many_attempts_at_few_problems_do_not_feign_certainty():
    told = runs_of(["+-", "+-"], k=2, config={"evaluation": {"all_attempts": True}})
    once, twice = statistics.pass_rates(told)
    assert (once.value, twice.value) == (0.5, 1.0)
    assert once == statistics.wilson(0.5, 2)
    assert twice.low == pytest.approx(0.3424, abs=1e-4)
    assert statistics.pass_rates(runs_of([])) == []


def test_every_problem_has_one_class():
    words = ["+", "-", "d", "c", "m", "r", "n", "u", "-", "+"]
    told = runs_of(words).classes
    assert sum(told.values()) == len(words)
    assert list(told.items()) == [
        (ResultClass.SOLVED, 2), (ResultClass.BUDGET, 2), (ResultClass.DEAD_END, 1),
        (ResultClass.CRASH, 1),
        (ResultClass.MODEL_FAILED, 1), (ResultClass.NOT_ELABORATED, 1), (ResultClass.REFUSED, 1),
        (ResultClass.UNTRIED, 1),
    ]  # fmt: skip


def test_a_model_that_failed_leaves_the_rates_of_what_was_tried():
    told = runs_of(["+", "-", "m", "u"])
    (rate,) = statistics.pass_rates(statistics.tried(told))
    assert (rate.value, told.tried) == (0.5, 2)
    wide = runs_of(["-m+", "m+", "mm"], k=3, config={"evaluation": {"all_attempts": True}})
    once, *_ = statistics.pass_rates(statistics.tried(wide))
    assert once.value == (1 / 2 + 1) / 2  # an attempt under which it failed is none
    other = runs_of(["m", "+", "+", "+"])
    told = statistics.compare(runs_of(["+", "m", "+", "-"]), other)
    assert (told.problems, told.untried) == (2, 2)


def test_sources_keep_all_their_problems():
    results = [result("a", "+", source="imo"), result("b", "n", source="imo"), result("c", "-")]
    shares = statistics.by_source(run(*results, result("d", "+", source="")))
    told = [(s.source, s.problems, s.solved, s.rate.value) for s in shares]
    assert told == [("amc", 1, 0, 0.0), ("imo", 2, 1, 0.5), ("other", 1, 1, 1.0)]


def test_effort_counts_the_attempts_before_the_solution():
    found = statistics.solutions(runs_of(["-+", "+", "--"], k=2))
    assert [(s.result.problem.name, s.wall_s, s.expansions, s.steps) for s in found] == [
        ("p0", 3.0, 30, 300),
        ("p1", 1.0, 10, 100),
    ]


def test_spreads_are_values_that_occur():
    assert statistics.spread([]) == []
    assert statistics.spread([7.0]) == [7.0] * 6
    assert statistics.spread(range(100, 0, -1)) == [11, 26, 51, 76, 91, 100]


def test_efforts_leave_out_what_nobody_spent():
    told = runs_of(["-+", "--"], k=2)
    assert [name for name, _ in statistics.efforts(told, True)] == [
        "wall time, s", "expansions", "steps",
    ]  # fmt: skip
    (_, waited), *_ = statistics.efforts(told, False)
    assert waited == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]


def test_curves_count_what_was_solved_by_then():
    told = statistics.curves(runs_of(["+", "-", "+", "+"]))
    assert told["time since the run began, s"] == [(1.0, 1), (21.0, 2), (31.0, 3)]
    assert told["steps on the problem"] == [(100, 3)]
    assert "tokens on the problem" not in told
    assert statistics.curves(runs_of(["-"])) == {"time since the run began, s": []}


@pytest.mark.slow
def test_the_test_and_the_interval_of_a_comparison_never_contradict_each_other():
    for n in range(1, 31):
        for first, second in product(range(n + 1), repeat=2):
            if first + second > n:
                continue
            told, p = statistics.difference(first, second, n), statistics.mcnemar(first, second)
            assert (p < 0.05) == (told.low > 0 or told.high < 0), (first, second, n)
            assert -1 <= told.low <= told.value <= told.high <= 1
            assert told.low < told.high
            back = statistics.difference(second, first, n)
            assert (back.low, back.high) == pytest.approx((-told.high, -told.low))
            assert statistics.mcnemar(second, first) == p


@pytest.mark.parametrize(
    ("first", "second", "n", "low", "high", "p"),
    [(7, 1, 21, -0.517, -0.026, 0.0339), (1, 7, 21, 0.026, 0.517, 0.0339)],
)
def test_a_comparison_is_the_published_one(first, second, n, low, high, p):
    # airway hyper-responsiveness, Tango: Fagerland et al. 2014 (Stat. Med. 33, 2850-2875)
    told = statistics.difference(first, second, n)
    assert (round(told.low, 3), round(told.high, 3)) == (low, high)
    assert statistics.mcnemar(first, second) == pytest.approx(p, abs=1e-4)


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(0, 200), st.integers(0, 200))
def test_the_ends_of_a_difference_are_roots_of_the_closed_form(n, first, second):
    # Yang, Sun and Hardin 2013 (Stat. Med. 32, 1336-1342): Tango's ends are roots of a quartic
    if first + second > n:
        return
    told, g, d = statistics.difference(first, second, n), 1.959964**2, second - first
    powers = (
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * ((first + second) / g + 1),
        n * d * (2 * (first + second) / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - (first + second)) / g,
    )
    for x in (told.low, told.high):
        terms = [c * x ** (4 - power) for power, c in enumerate(powers)]
        assert abs(sum(terms)) <= 1e-5 * max(map(abs, terms))


def test_mcnemar_stands_many_problems():
    assert 0 < statistics.mcnemar(4_800, 5_200) < 1e-4
    assert statistics.mcnemar(0, 0) == 1.0
    told = statistics.difference(0, 0, 0)
    assert (told.value, told.low, told.high) == (0.0, -1.0, 1.0)


def test_runs_are_compared_on_what_they_share():
    one = run(*(result(n, w) for n, w in zip("abcde", ["+", "+", "-", "n", "+"], strict=True)))
    others = [result(n, w) for n, w in zip("abcdf", ["+", "-", "+", "+", "+"], strict=True)]
    told = statistics.compare(one, run(*others))
    assert (told.problems, told.both, told.first, told.second, told.neither) == (4, 1, 1, 2, 0)
    assert (told.gains, told.losses) == (("c", "d"), ("b",))
    assert told.difference.value == 0.25
    assert told.missing == (1, 1)
    assert told.p_value == pytest.approx(0.5637, abs=1e-4)
    assert not told.is_significant
    back = statistics.compare(run(*others), one)
    assert (back.gains, back.losses, back.p_value) == (told.losses, told.gains, told.p_value)


def test_what_one_run_has_not_tried_is_not_compared():
    told = statistics.compare(runs_of(["+", "-", "+"]), runs_of(["u", "+", "-"]))
    assert (told.problems, told.untried, told.gains, told.losses) == (2, 1, ("p1",), ("p2",))


def test_another_statement_is_another_problem():
    one, other = result("a", "+"), result("a", "-")
    changed = replace(other, problem=replace(other.problem, statement="theorem a : False := by"))
    told = statistics.compare(run(one), run(changed))
    assert (told.problems, told.missing, told.changed) == (0, (1, 1), 1)
    spaced = replace(
        other, problem=replace(other.problem, statement="theorem a :\n a < 2 := by sorry")
    )
    assert statistics.compare(run(one), run(spaced)).problems == 1


def test_many_gains_without_a_loss_are_significant():
    one, other = runs_of(["-"] * 10), runs_of(["+"] * 8 + ["-"] * 2)
    told = statistics.compare(one, other)
    assert told.is_significant
    assert told.difference.low > 0


def test_few_problems_are_not_significant_whatever_they_show():
    told = statistics.compare(runs_of(["-"] * 6), runs_of(["+"] * 6))
    assert told.is_small
    assert not told.is_significant
