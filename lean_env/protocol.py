"""The wire between Python and a Lean worker: one JSON object a line, both ways, UTF-8.

Mirrors LeanEnv/Protocol.lean, in the same order. A worker first sends
    {"v":1,"ready":{"lean":"4.28.0","toolchain":"embedded"}}
then answers each request {"v":1,"id":7,"op":OP,...} in order with one of
    {"v":1,"id":7,"result":{...},"us":1234,"heartbeats":56}
    {"v":1,"id":7,"error":{"kind":KIND,"text":"..."}}
    {"v":1,"id":7,"dead":{"cause":CAUSE,"text":"..."}}      and then the process ends
`us` is the time inside Lean, microseconds; `heartbeats` as Lean's maxHeartbeats counts them
(thousands of small allocations). Only {"v":1,"op":"cancel","id":7} has no answer of its own:
request 7, if it runs, then answers soon (an `apply` as rejected, kind "cancelled"); one that has
been answered, or has not begun, is not touched. A request that ends in "beside": true is for the
second Lean of an embedded worker's process: wait for its answer before you ask the first.

OP       request                                       result
ping     -                                             {}
options  values[[NAME, true|false|number|text]]        {}; for every file from then on
open     name, source, proposed?, typed?
                                        file, imports, messages, parsed, stopped?, commands, holes
          stopped: the byte of an `#exit` or `import` that ends the file early, 0 where its header
          is broken
          typed: false leaves the types of declarations out, which take long to print
state    file, statement, command?                     state
apply    state, tactic, heartbeats?, drafts?, together?
                                               states, tactic?, suggestion?, messages?[]
                                                       |  rejected{kind,text,messages?[]}
          drafts: each `sorry` of the tactic becomes a state; together: the goals that it leaves
          stay one state; tactic: what was applied instead of one that searches; the text of a
          message: null where it is that of the rejection
release  states[], files[]                             {}
stats    -                                             states, files, environments
block    file, hole, text                              reasons[]
export   name, source, proposed?                       messages, imports[], constants[]
export_at  file, command, name, text, proposed?        the same of a text in the place of a command,
          or of it and all after it: what it adds to the file before it; places are in the text
premises file, hole?, start?, count?                   key, total, next|null, symbols[], rows[]
signatures  file, hole?, names[]                       texts[], "" for a name that is not there
symbols  state                                         targets[], hypotheses[]
judge    original, constants, imports[], targets[]|null, allow[]
                                                       results[{name,reasons[],axioms[]}], replayed,
                                                       judged: for `ndjson`, until the next `judge`
          constants and imports: from `export`; of the imports those a proof needs are imported
judge_at file, command, text, constants, targets[], allow[]
                                                       as judge: on the file before the command
          text: what the original has there; constants: from `export_at`
ndjson   judged, theorem, page                         text, pages; for page 0 also constant,
                                                       constants, axioms[], permitted[],
                                                       unproved[[NAME,KIND]], githash
cut      source, proposed?                             commands[] that are broken or hold a sorry
parse    before, texts[]                               results[{place|null,text?}]
trace    name, source, keep?                           imports, messages, constants[], commands[]
library  imports[]                                     modules[[NAME,imports[],theorems]]
pose     imports[], module, start, count, heartbeats   theorems[posed], next|null

proposed {"start","stop"}   what of the source a model wrote: a command is elaborated only if
          nothing stands against that part of it (LeanEnv/Check.lean); else that is an error
state    {"state":ID,"key":HEX,"size":N,"positions":[0],"goals":[GOAL],"hole"?:{"start","stop",
          "mode":"tactic|term"}}   hole: the `sorry` of a draft that it stands for
GOAL     {"tag":"","target":"...","hypotheses":[{"name","type","value"?}]}
message  {"severity":"error|warning|info","text","line","column","start","stop"|null,
          "end_line"|null,"end_column"|null,"sorry"?}
          sorry: true where it says that a declaration rests on one; parsed: those of the parser
command  {"kind","start","stop","us","declarations":[{"name","kind","type"}],
          "sorries":[[NAME,SHOWN]]}
          type: "" from the last command with a hole on, where no proof could use it; sorries: its
          constants that have one, a macro's too: the name to judge, the name to show
hole     {"start","stop","line","column","command","declaration"|null,"mode":"tactic|term",
          "prop":bool,"statement":bool,"states":[state...]}   statement: it stands in one;
          several states: the same sorry elaborated several times
row      [NAME, KIND, MODULE, [SYMBOL...], [SYMBOL...]]   constants of the conclusion, then
          others, as numbers in `symbols`. With a hole: what its file offers, module "", and no
          key, total, next; else of the `total` constants of the imports those on offer, a page
reason   {"kind","text"}   kinds are data.records.RefusalKind
broken   {"start","stop","kind","name"|null,"names":[],"value":cut|null,"tactics":[[start,stop]],
          "errors":[message + {"cuts":[cut],"parser":bool,"near"?:[name]}],
          "holes":[{"start","stop","cuts":[cut]}]}   cuts: smallest first
posed    {"name","form","statement","key","alike","closed"|null,"marks":[],"constants":[],
          "order":[[ATTRIBUTE,PLACE]],"premise":text|null} or {"name","why","constant"?}; see
          LeanEnv/Library.lean. order: where among its module's entries of an attribute; premise:
          it as an axiom with its attributes, where it has any
cut      {"start","stop","text","kind"}   kind: see LeanEnv/Cut.lean
constant [NAME, MODULE|"", [LINE,COLUMN,LINE,COLUMN]|null]   below by its number; columns from 1
traced   a command of `trace`: {"start","stop","failed","namespace","opens":[],"examples":[place],
          "declarations":[place + {"name","kind","type","key","doc"|null,"statement":[constant],
          "used":[constant],"private","sorry"}], "goals":[GOAL + {"goal":NUMBER,"key"}],
          "steps":[{"declaration"|null,"start","stop","parent"|null,"before":[goal],"after":[goal],
          "used":[constant],"state"?}], "premises":[[constant, start, stop]]}
          goal: its place in "goals"; NUMBER: of the metavariable; parent: a step around it;
          state: with keep, for `apply`
place    {"start","head","stop","value"|null}   head: behind the modifiers; value: of the `:=`
Positions: byte offsets from 0 in `source` or `tactic`; lines from 1; columns in code points from 0.
Error kinds: bad_request unknown_op unknown_state unknown_file import_failed internal.
Causes of death: stack_overflow out_of_memory trap panic exit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..data.errors import ProtocolError
from ..data.records import Declaration, DraftHole, Goal, Hypothesis, Message

VERSION = 1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker's first line."""

    lean: str
    toolchain: str


@dataclass(frozen=True, slots=True)
class Result:
    """A request answered. us: microseconds inside Lean."""

    id: int
    value: Json
    us: int = 0
    heartbeats: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A request the worker could not serve; the worker is well."""

    id: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Death:
    """The request ended the worker; `id` is None when none was running."""

    id: int | None
    cause: str
    text: str


Reply = Ready | Result | Failure | Death


def proposed_field(span: tuple[int, int] | None) -> Json:
    """The field that says which bytes [start, stop) of a source a model wrote; none for None."""
    return {} if span is None else {"proposed": {"start": span[0], "stop": span[1]}}


def to_messages(wire: Json) -> tuple[Message, ...]:
    """The messages of an answer to `apply`; one without a text has that of the rejection."""
    text = wire.get("text")
    said = wire.get("messages", ())
    return tuple(to_message(m | {"text": text} if m["text"] is None else m) for m in said)


def to_hole(wire: Json) -> DraftHole | None:
    """The `sorry` that a wire state stands for."""
    hole = wire.get("hole")
    return None if hole is None else DraftHole(hole["start"], hole["stop"], hole["mode"])


def encode_request(id: int, op: str, **fields: Any) -> bytes:
    """One request as a line, ending in a newline."""
    line = json.dumps({"v": VERSION, "id": id, "op": op, **fields}, ensure_ascii=False)
    return line.encode() + b"\n"


def encode_cancel(id: int) -> bytes:
    """The line that asks a worker to give request `id` up."""
    return encode_request(id, "cancel")


def decode_reply(line: bytes) -> Reply:
    """Read one line of a worker.

    Raises ProtocolError when it is not JSON, of another version, or of no known shape.
    """
    try:
        reply = json.loads(line)
        if reply["v"] != VERSION:
            raise ProtocolError(f"worker speaks protocol {reply['v']}, this program {VERSION}")
        if "ready" in reply:
            return Ready(reply["ready"]["lean"], reply["ready"]["toolchain"])
        if "result" in reply:
            cost = reply.get("us", 0), reply.get("heartbeats", 0)
            return Result(reply["id"], reply["result"], *cost)
        if "error" in reply:
            return Failure(reply["id"], reply["error"]["kind"], reply["error"]["text"])
        return Death(reply.get("id"), reply["dead"]["cause"], reply["dead"]["text"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"not a worker's reply: {line[:200]!r}") from error


def to_goal(wire: Json) -> Goal:
    """GOAL as a record."""
    hypotheses = tuple(Hypothesis(h["name"], h["type"], h.get("value")) for h in wire["hypotheses"])
    return Goal(wire["target"], hypotheses, wire["tag"])


def to_message(wire: Json) -> Message:
    """`message` as a record."""
    return Message(
        wire["severity"],
        wire["text"],
        wire["line"],
        wire["column"],
        wire.get("start", 0),
        wire.get("stop"),
        wire.get("end_line"),
        wire.get("end_column"),
    )


def to_declaration(wire: Json) -> Declaration:
    """One entry of a command's `declarations` as a record."""
    return Declaration(wire["name"], wire["kind"], wire["type"])
