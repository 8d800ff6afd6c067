"""A worker that answers a transcript's requests in turn, as golden/*.jsonl writes them down.

python replay_worker.py TRANSCRIPT [NUMBER REPLY]     the last two: another reply to one request
"""

import json
import sys
from pathlib import Path

VERSION = 1


def say(**fields):
    print(json.dumps({"v": VERSION, **fields}), flush=True)


def main(transcript, number="-1", reply="{}"):
    lines = [json.loads(line) for line in Path(transcript).read_text("utf-8").splitlines()]
    replies = lines[1::2]
    if int(number) >= 0:
        replies[int(number)] = json.loads(reply)
    say(ready={"lean": "4.28.0", "toolchain": "native"})
    for line, reply in zip(sys.stdin, replies, strict=False):
        fields = {k: v for k, v in reply.items() if k not in ("v", "id")}
        say(id=json.loads(line)["id"], us=1, heartbeats=1, **fields)


main(*sys.argv[1:])
