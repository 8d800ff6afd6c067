"""How stored attempts are listed: whole names in a narrow window, all there is in a wide one."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from lakatos.data.records import StopReason
from lakatos.data.report.words import stop_word
from lakatos.data.store.attempts import AttemptSummary
from lakatos.prover.commands.console import Output
from lakatos.prover.commands.show import ago, attempts_table

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAME = "mathd_numbertheory_100_with_a_rather_long_name"


AGE = "12", "h"


def attempt(number, stop=StopReason.PROVED, name=NAME):
    begun = NOW - timedelta(hours=number)
    facts = begun, None, stop, stop is StopReason.PROVED, 1, 8, 0.5
    return AttemptSummary(number, 3, name, "minif2f_valid.jsonl:37/amc12_2001_p2", 6, *facts)


def listed(width, *attempts):
    file = io.StringIO()
    Output(file=file, width=width).print(attempts_table(attempts, NOW, width))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("stop", [*StopReason, None])
def test_names_are_whole_at_80_columns(stop):
    lines = listed(80, attempt(12, stop), attempt(13))
    assert max(map(len, lines)) <= 80
    assert sum(NAME in line.split() for line in lines) == 2
    assert stop_word(stop).split() == [
        word for line in lines[2:-1] for word in line.replace(NAME, "").split() if word not in AGE
    ]


def test_a_wide_window_has_all():
    _, head, row = listed(160, attempt(5, name="barber"))
    assert " ".join(head.split()).endswith("ago run place started expansions seconds")
    assert row.split()[:6] == ["5", "barber", "proved", "5", "h", "3"]
    assert "minif2f_valid.jsonl:37/amc12_2001_p2:6" in row


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (40, "40 s"), (600, "10 min"), (5400, "1 h"), (3 * 86400, "3 d")],
)
def test_how_long_ago_in_one_unit(seconds, words):
    assert ago(timedelta(seconds=seconds)) == words
