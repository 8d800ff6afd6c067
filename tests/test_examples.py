"""The programs in examples/ run against real Lean: an agent's loop, and a notebook."""

import importlib.util
import json
from pathlib import Path

import nbclient
import nbformat
import openai
import pytest
from lakatos.tests import fake_openai

EXAMPLES = Path(__file__).parents[1] / "examples"
SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry"

pytestmark = pytest.mark.lean


def agent_loop():
    made = importlib.util.spec_from_file_location("agent_loop", EXAMPLES / "agent_loop.py")
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


def calls(*asked):
    """A reply with tool calls, each a name and its arguments: an object, or a text as it is."""

    async def reply(body, reader, writer):
        found = [
            {
                "id": f"call{number}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": text if isinstance(text, str) else json.dumps(text),
                },
            }
            for number, (name, text) in enumerate(asked)
        ]
        message = {"role": "assistant", "content": None, "tool_calls": found or None}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        await fake_openai.send(writer, "200 OK", {"choices": [choice]})

    return reply


def answers(server):
    """What the agent was told by its tools, in order."""
    talk = server.posts[-1][1]["messages"]
    return [message["content"] for message in talk if message["role"] == "tool"]


def test_an_agent_proves_by_tool_calls():
    script = [
        calls(("try_tactics", {"state": "s0", "tactics": ["constructor", "exact h"]})),
        calls(
            ("try_tactics", {"state": "s1", "tactics": ["exact h.2"]}),
            ("try_tactics", {"state": "s9", "tactics": ["exact h.2"]}),
            ("try_tactics", "{"),
        ),
        calls(("submit", {"proof": "exact h"})),
        calls(("submit", {"proof": "constructor\n· exact h.2\n· exact h.1"})),
    ]
    with fake_openai.Server(*script) as server:
        client = openai.OpenAI(base_url=server.url, api_key="none")
        proof = agent_loop().prove(client, "m", SWAP)
    assert proof == "constructor\n· exact h.2\n· exact h.1"
    first, second, unknown, broken, refused = answers(server)
    assert "'s1'" in first
    assert "Type mismatch" in first
    assert second == "['no goals left']"
    assert (unknown, broken[:11]) == ("wrong call: KeyError('s9')", "wrong call:")
    assert "Refused" in refused
    assert len((EXAMPLES / "agent_loop.py").read_text(encoding="utf-8").splitlines()) <= 60


def test_an_agent_may_give_up():
    with fake_openai.Server(calls()) as server:
        client = openai.OpenAI(base_url=server.url, api_key="none")
        assert agent_loop().prove(client, "m", SWAP) is None


def test_the_notebook_runs(tmp_path):
    book = nbformat.read(EXAMPLES / "session.ipynb", as_version=4)
    nbformat.validate(book)
    assert not any(cell.get("outputs") for cell in book.cells)
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    said = "".join(
        output.get("text", "") or output["data"]["text/plain"]
        for cell in book.cells
        for output in cell.get("outputs", ())
    )
    for expected in (
        "⊢ q ∧ p",
        "no goals left",
        "Accepted(",
        "Refused(",
        "one | proved",
        "two | proved",
    ):
        assert expected in said
