"""How a run stands: counts, rate, time to go, and its words."""

import json

from lakatos.data.evaluation import AttemptResult, Problem, ProblemResult, ResultClass
from lakatos.data.report.progress import EvaluationProgress
from lakatos.prover.commands.evaluation_console import ConsoleReporter, live, result_text
from rich.console import Console

PROBLEM = Problem("amc_1", "amc", "valid", "", "theorem amc_1 : 1 = 1 := by sorry\n")


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def result(outcome=ResultClass.SOLVED, detail=""):
    attempt = AttemptResult(5, 1, outcome, 2.0, 3, 9, 0, 2.0, 1, "rfl", detail)
    return ProblemResult(PROBLEM, outcome, (attempt,))


def board(clock):
    made = EvaluationProgress(clock)
    made.begin(10, {ResultClass.SOLVED: 2})
    return made


def test_rate_and_time_to_go_come_from_what_ended_lately():
    clock = Clock()
    progress = board(clock)
    assert (progress.per_minute, progress.left_s) == (0.0, None)
    progress.start(0, PROBLEM, 1)
    clock.now_s += 30
    progress.finish(0, result())
    progress.finish(1, result(ResultClass.BUDGET))
    assert (progress.solved, progress.over) == (3, 4)
    assert progress.per_minute == 4.0
    assert progress.left_s == 90.0


def test_the_display_shows_counts_and_what_each_worker_does():
    clock = Clock()
    progress = board(clock)
    progress.start(0, PROBLEM, 2)
    progress.start(1, PROBLEM, 0)
    progress.expanded(0, 7)
    clock.now_s += 60
    progress.finish(2, result(ResultClass.DEAD_END))
    console = Console(width=100)
    with console.capture() as captured:
        console.print(live(progress, 1))
    head, classes, first, second = captured.get().splitlines()
    assert head == (
        "2 solved of 3 · 7 left · 1.0 theorems a minute · 7 min 00 s to go · workers restarted: 1"
    )
    assert classes == "1 nothing left to try"
    assert first.split() == ["1", "amc_1", "attempt", "2", "7", "expansions", "1", "min", "00", "s"]
    assert "reading the statement" in second


def test_a_result_is_one_line_and_one_object(capsys):
    assert result_text(result()).plain == "✓ amc_1  proved, 2.0 s, 3 expansions"
    not_taken = ProblemResult(PROBLEM, ResultClass.NOT_ELABORATED, (), "line 1: no")
    assert result_text(not_taken).plain == "✗ amc_1  does not elaborate\n    line 1: no"
    ConsoleReporter(as_json=True).result(result())
    printed = json.loads(capsys.readouterr().out)
    assert (printed["name"], printed["outcome"], printed["attempts"][0]["proof"]) == (
        "amc_1",
        "solved",
        "rfl",
    )
    ConsoleReporter(quiet=True).result(result())
    assert capsys.readouterr() == ("", "")


def test_an_alarm_is_printed_even_when_quiet(capsys):
    announcer = ConsoleReporter(quiet=True)
    announcer.result(result(ResultClass.REFUSED, "soundness alarm: the kernel says no"))
    assert announcer.alarmed
    assert "amc_1: soundness alarm: the kernel says no" in capsys.readouterr().err
