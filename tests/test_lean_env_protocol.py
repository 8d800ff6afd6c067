"""The wire, both ways, without a worker."""

import json

import pytest
from lakatos.data.errors import ProtocolError
from lakatos.data.records import Goal, Hypothesis
from lakatos.lean_env.protocol import (
    Death,
    Failure,
    Ready,
    Result,
    decode_reply,
    encode_cancel,
    encode_request,
    to_declaration,
    to_goal,
    to_message,
)


def test_a_request_is_one_line_of_utf8():
    line = encode_request(7, "apply", state=3, tactic="rw [a]\n  exact ⟨h, «b»⟩")
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert "⟨h, «b»⟩".encode() in line
    fields = {"state": 3, "tactic": "rw [a]\n  exact ⟨h, «b»⟩"}
    assert json.loads(line) == {"v": 1, "id": 7, "op": "apply", **fields}


def test_cancel_names_its_request():
    assert json.loads(encode_cancel(7)) == {"v": 1, "id": 7, "op": "cancel"}


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ('{"v":1,"ready":{"lean":"4.28.0","toolchain":"x"}}', Ready("4.28.0", "x")),
        ('{"v":1,"id":1,"result":{"a":2},"us":5,"heartbeats":6}', Result(1, {"a": 2}, 5, 6)),
        ('{"v":1,"id":1,"result":{}}', Result(1, {})),
        ('{"v":1,"id":1,"error":{"kind":"k","text":"t"}}', Failure(1, "k", "t")),
        ('{"v":1,"id":1,"dead":{"cause":"trap","text":"t"}}', Death(1, "trap", "t")),
        ('{"v":1,"dead":{"cause":"panic","text":"t"}}', Death(None, "panic", "t")),
    ],
)
def test_every_kind_of_reply_is_read(line, reply):
    assert decode_reply(line.encode()) == reply


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"[1]",
        b"17",
        b"\xff\xfe",
        b'{"v":1}',
        b'{"v":1,"result":{}}',
        b'{"v":1,"id":1,"error":{"kind":"k"}}',
        b'{"v":1,"id":1,"dead":"gone"}',
        b'{"id":1,"result":{}}',
    ],
)
def test_any_other_line_is_a_protocol_error_that_shows_it(line):
    with pytest.raises(ProtocolError) as caught:
        decode_reply(line)
    assert repr(line) in str(caught.value)


def test_another_version_is_named():
    with pytest.raises(ProtocolError, match="speaks protocol 2, this program 1"):
        decode_reply(b'{"v":2,"id":1,"result":{}}')


def test_a_goal_keeps_the_order_and_values_of_its_hypotheses():
    wire = {
        "tag": "inl",
        "target": "p",
        "hypotheses": [{"name": "x", "type": "Nat", "value": "2"}, {"name": "h", "type": "p"}],
    }
    expected = (Hypothesis("x", "Nat", "2"), Hypothesis("h", "p"))
    assert to_goal(wire) == Goal("p", expected, "inl")


def test_a_message_may_lack_its_end():
    wire = {"severity": "error", "text": "t", "line": 2, "column": 0, "start": 9, "stop": None}
    message = to_message(wire)
    assert (message.severity, message.line, message.start, message.stop) == ("error", 2, 9, None)


def test_a_declaration_is_read():
    declaration = to_declaration({"name": "N.x", "kind": "theorem", "type": "True"})
    assert (declaration.name, declaration.kind, declaration.type) == ("N.x", "theorem", "True")
