"""Transcripts of the real worker: request and reply in turn, in golden/*.jsonl, times left out.

`python tests/test_lean_env_golden.py` asks the requests again and writes what is answered now.
"""

import asyncio
import json
from pathlib import Path

import pytest
from lakatos.lean_env.protocol import VERSION, Result
from lakatos.lean_env.toolchains import embedded
from lakatos.lean_env.worker import LeanWorker

TRANSCRIPTS = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))
TIMES = ("us", "heartbeats")


@pytest.fixture(scope="module")
def toolchain(own_toolchain):
    """A worker numbers what it opens."""
    return own_toolchain


def lines_of(transcript):
    return [json.loads(line) for line in transcript.read_text(encoding="utf-8").splitlines()]


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in sorted(value.items()) if k not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


async def replay(toolchain, requests):
    """The replies a fresh worker gives now."""
    worker = await LeanWorker.start(toolchain.worker_command(memory_mb=2048))
    replies = []
    try:
        for request in requests:
            fields = {k: v for k, v in request.items() if k not in ("v", "id", "op")}
            answer = await worker.request(request["op"], wall_s=60.0, **fields)
            reply = {"v": VERSION, "id": answer.id}
            if isinstance(answer, Result):
                reply["result"] = without_times(answer.value)
            else:
                reply["error"] = {"kind": answer.kind, "text": answer.text}
            replies.append(reply)
    finally:
        await worker.close()
    return replies


def test_there_are_transcripts():
    assert {transcript.stem for transcript in TRANSCRIPTS} >= {"apply", "open", "states"}


@pytest.mark.lean
@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.stem)
def test_the_worker_answers_as_written(transcript, toolchain):
    lines = lines_of(transcript)
    requests, expected = lines[0::2], lines[1::2]
    replies = asyncio.run(replay(toolchain, requests))
    for request, reply, wanted in zip(requests, replies, expected, strict=True):
        assert reply == wanted, f"to {request}"


def write_anew():
    toolchain = embedded.prepare()
    for transcript in TRANSCRIPTS:
        requests = [line for line in lines_of(transcript) if "op" in line]
        replies = asyncio.run(replay(toolchain, requests))
        pairs = [line for pair in zip(requests, replies, strict=True) for line in pair]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in pairs)
        transcript.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_anew()
