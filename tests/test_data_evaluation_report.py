"""The report of a run and the comparison of two: every problem counted, nothing lost in print."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from lakatos.cli import main
from lakatos.data.report import evaluation as evaluation_report
from lakatos.data.store.store import Store
from lakatos.prover.commands.report_tables import sheets_text
from rich.console import Console

from .made_up_runs import keep, result, run, runs_of

WORDS = ["+-", "-+", "--", "n", "n", "rr", "dd", "cc"]


def sheet(sheets, title):
    (found,) = [each for each in sheets if each.title == title]
    return {row[0]: row[1:] for row in found.rows}


def printed(sheets, width=100):
    out = StringIO()
    console = Console(width=width, file=out)
    for part in sheets_text("head", sheets):
        console.print(part)
    return out.getvalue()


def test_the_report_counts_every_problem():
    sheets = evaluation_report.report(runs_of(WORDS, k=2))
    classes = sheet(sheets, "What came of the problems")
    assert classes.pop("all") == ("8", "100.0 %")
    assert sum(int(row[0]) for row in classes.values()) == 8
    assert sheet(sheets, "Solved")["pass@2"][0] == "25.0 %"
    assert sheet(sheets, "Solved by source")["amc"][:3] == ("8", "2", "25.0 %")


def test_what_is_not_tried_yet_is_no_failure():
    told = runs_of(["+", "-", "u", "u"], is_finished=False)
    assert evaluation_report.headline(told) == (
        "problems.jsonl: 1 of 2 tried solved, 2 of 4 not tried yet"
    )
    sheets = evaluation_report.report(told)
    rates = {name: row[0] for name, row in sheet(sheets, "Solved").items()}
    assert rates == {"pass@1 of the 2 tried": "50.0 %", "pass@1 of all 4": "25.0 %"}
    assert sheet(sheets, "Solved by source, of the 2 tried")["amc"][:3] == ("2", "1", "50.0 %")
    assert sheet(sheets, "Solved")["pass@1 of the 2 tried"][1] == "9.5 to 90.5 %; too few problems"
    classes = sheet(sheets, "What came of the problems")
    assert (classes["not tried yet"][0], classes["all"][0]) == ("2", "4")


def test_a_commit_is_named_so_and_a_version_so():
    told = dict(evaluation_report.facts(runs_of(["+"], commit="5477513988ed" + "0" * 28 + "+")))
    assert told["commit"] == "5477513988ed+"
    told = dict(evaluation_report.facts(runs_of(["+"], commit="0.1.0")))
    assert told["version"] == "lakatos 0.1.0"
    assert "commit" not in told
    assert told["hash of the problems"] == runs_of([]).problem_hash


@pytest.mark.parametrize("words", [[], ["n", "n"], ["-"]])
def test_a_run_without_solutions_is_reported(words):
    told = runs_of(words)
    sheets = evaluation_report.report(told)
    assert f"0 of {len(words)} solved" in evaluation_report.headline(told)
    assert "Run" in printed(sheets)
    assert not any(each.title.startswith("Spent on") for each in sheets)


def test_many_attempts_show_powers_of_two_and_the_last():
    sheets = evaluation_report.report(runs_of(["-" * 11 + "+"], k=12))
    assert list(sheet(sheets, "Solved")) == ["pass@1", "pass@2", "pass@4", "pass@8", "pass@12"]


def test_a_comparison_names_what_changed():
    one, other = runs_of(["+", "-", "-"]), runs_of(["-", "+", "+"], run_id=2)
    other = replace(other, config={**other.config, "policy": "hf:model"}, seed=3)
    sheets = evaluation_report.comparison(one, other)
    assert sheet(sheets, "What differs")["policy"] == ("hammer", "hf:model")
    assert "prover.wall_s" not in sheet(sheets, "What differs")
    assert sheet(sheets, "Solved only by run 1: 1") == {"p0": ()}
    assert sheet(sheets, "Solved only by run 2: 2") == {"p1": (), "p2": ()}
    assert sheet(sheets, "Difference")["significant at 5 %"] == ("too few problems to say: 3",)
    counts = sheet(sheets, "On the problems of both")
    assert [counts[f"only by run {n}"] for n in (1, 2)] == [("1",), ("2",)]


def test_names_of_a_long_list_are_cut_and_counted():
    sheets = evaluation_report.comparison(runs_of(["-"] * 100), runs_of(["+"] * 100, run_id=2))
    assert list(sheet(sheets, "Solved only by run 2: 100"))[-1] == "and 40 more"
    assert sheet(sheets, "Difference")["significant at 5 %"] == ("yes, run 2 is better",)


def test_markdown_keeps_hostile_names_in_their_cells():
    told = run(result("a", "+", source="x|y\n<b>`"), problem_set="*s*|[t](u)")
    text = evaluation_report.markdown("*t*", evaluation_report.report(told))
    assert "x\\|y \\<b>\\`" in text
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line[:1] == "|"]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 5
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert min(widths) >= 3


def test_the_terminal_shows_every_cell_whole():
    sheets = evaluation_report.report(runs_of(WORDS, k=2))
    text = printed(sheets)
    for each in sheets:
        assert each.title in text
        for row in each.rows:
            for cell in row:
                assert cell in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3725, "1 h 02 min"),
    ],
)
def test_durations(seconds, words):
    assert evaluation_report.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.4219, "0.422"), (17, "17"), (12_300.4, "12,300"), (1.5, "1.5")]
)
def test_numbers(value, words):
    assert evaluation_report.number(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(2, "2.00"), (1.9984, "2.00"), (0.128, "0.13"), (12_300.4, "12,300.40")]
)
def test_a_measured_time_always_has_its_decimals(value, words):
    assert evaluation_report.seconds(value) == words


@pytest.fixture
def lakatos(tmp_path, capsys):
    """Run a command on a store with two runs of three problems."""
    path = tmp_path / "l.db"
    with Store.open(str(path)) as store:
        for signs in (["+", "-", "n"], ["+", "+", "n"]):
            results = [result(f"p{i}", s) for i, s in enumerate(signs)]
            keep(store, results)

    def call(*arguments):
        code = main([*arguments, "--db", str(path)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_report_is_printed_from_the_store(lakatos):
    code, out, err = lakatos("report", "1")
    assert (code, err) == (0, "")
    assert out.startswith("problems.jsonl: 1 of 3 solved\n")
    assert re.search(r"does not elaborate +1 +33.3 %", out)
    code, out, _ = lakatos("report", "1", "--markdown")
    assert "| proved | 1 | 33.3 % |" in out.splitlines()


def test_report_writes_a_page(lakatos, tmp_path):
    code, out, _ = lakatos("report", "2", "--html", str(tmp_path / "run.html"))
    assert code == 0
    assert out.startswith("problems.jsonl: 2 of 3 solved\n")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<title>problems.jsonl: 2 of 3 solved · lakatos</title>" in page


def test_runs_are_listed_newest_first(lakatos):
    _, out, _ = lakatos("report")
    assert re.findall(r"^ +(\d+) +(\d) of 3 ", out, re.MULTILINE) == [("2", "2"), ("1", "1")]


def test_compare_is_printed_from_the_store(lakatos):
    code, out, err = lakatos("compare", "1", "2")
    assert (code, err) == (0, "")
    assert re.search(r"only by run 2 +1\b", out)
    assert "p = 0.317" in out


def test_a_run_that_is_none_is_one_line(lakatos):
    assert lakatos("report", "7")[0] == 2
    assert lakatos("compare", "1", "9")[2].startswith("lakatos: run 9 is no evaluation")
