"""Standard output as it comes: without some signs, without a reader, into a file."""

import io

import pytest
from lakatos.prover.commands import streams
from lakatos.prover.commands.console import Output
from rich.table import Table


@pytest.mark.parametrize(
    ("text", "encoding", "plain"),
    [
        ("✓ p → q · a ⊢ b…", "latin-1", "ok p -> q · a |- b..."),
        ("✗ é ∀ 𝔸", "ascii", "x ? ? ?"),
        ("\udcff", "ascii", "?"),
    ],
)
def test_signs_that_an_encoding_lacks_have_others_in_their_place(text, encoding, plain):
    streams.set_up()
    assert text.encode(encoding, "lakatos.plain").decode(encoding) == plain


@pytest.mark.parametrize(
    ("encoding", "whole"), [("utf-8", True), ("UTF8", True), ("latin-1", False), (None, False)]
)
def test_which_encodings_have_every_sign(encoding, whole):
    assert streams.is_unicode(encoding) is whole


def test_no_row_of_a_table_is_padded_in_a_file():
    table = Table("name", "result", box=None)
    table.add_row("short", "proved")
    table.add_row("a much longer name", "x")
    file = io.StringIO()
    Output(file=file, width=80).print(table)
    lines = file.getvalue().split("\n")
    assert [line.rstrip() for line in lines] == lines
    assert [line.split() for line in lines[:2]] == [["name", "result"], ["short", "proved"]]
