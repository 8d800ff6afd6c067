"""A small pretrained model behind a server that we did not write: `transformers serve`.

It gives one completion for a request, whatever is asked, and no log-probabilities.
"""

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from lakatos.data.store.store import Store
from lakatos.data.turns import COMPLETION

pytest.importorskip("fastapi", reason="the server of transformers needs fastapi and uvicorn")
pytest.importorskip("uvicorn", reason="the server of transformers needs fastapi and uvicorn")

STARTED = "Application startup complete"


@contextmanager
def served(folder):
    """The model behind a server; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    argv = [program, "serve", folder, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    env = os.environ | {"HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(argv, stderr=subprocess.PIPE, env=env, text=True) as server:
        said = []
        for line in server.stderr:
            said.append(line)
            if STARTED in line:
                break
        try:
            assert server.poll() is None, "".join(said)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


@pytest.mark.lean
@pytest.mark.model
def test_a_server_of_others_is_asked_for_tactics(run, tmp_path, smollm):
    (tmp_path / "f.lean").write_text("theorem s (a b : Nat) : a + b = b + a := by sorry\n")
    options = ["--samples", 4, "--model-option", "max_tokens=24", "--prompt", "few-shot"]
    limits = ["--expansions", 1, "--time", 300, "--workers", 1, "--keep-prompts", "--json"]
    with served(smollm) as url:
        policy = "--policy", f"openai:{smollm}@{url}"
        code, out, error = run("prove", "f.lean", *policy, *options, *limits)
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert code == (0 if row["proved"] else 1), error
    assert row["stop"] in ("proved", "expansions", "dead_end")
    with Store.open(os.environ["LAKATOS_DB"]) as store:
        written = [turn for turn in store.turns(1) if turn.role == COMPLETION]
    assert len(written) == 4
    assert all(turn.text.strip() and turn.tokens for turn in written)
