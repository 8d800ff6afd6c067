"""Prompt formats: how a proof state is shown to a model, and how its answer is read.

The formats are data, in prompts.toml; a user's own stands in a file of the same keys, or of plain
text with placeholders. Written: {state} all goals as Lean prints them; {goal} the first;
{premises} each as `premise` says; {statement} the theorem up to its `:= by`, of a later state or
an inner hole an `example` that says its goal; {context} the file above it; {before} the tactics
so far; {name} the theorem's.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...data.errors import UsageError, unreadable
from ...data.records import Goal, Premise, ProofState, Theorem
from ..models.base import ChatMessage, Prompt
from .answers import proof_in, tactic_in
from .base import Query

CONTEXT_CHARS = 8_000
"""Most of the file above a theorem that a prompt shows: whole lines, the nearest ones."""

RECORD = "lakatos.json"
"""The file of a trained model's folder that says how it was trained, and its prompt format."""

PLACEHOLDERS = ("state", "goal", "premises", "statement", "context", "before", "name")
ANSWERS = ("tactic", "proof", "sketch")
FEEDBACK = """Lean does not accept this proof.

{errors}{holes}{proof}Answer with the whole theorem and a corrected proof."""
"""The feedback on a failed draft where a format has none of its own."""

PREMISE_PLACEHOLDERS = ("kind", "name", "type")
KEYWORDS = {"definition": "def"}
"""What Lean writes for a kind of declaration, where that is another word."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HOLE = re.compile(r":=\s*(?:by\s*)?$")


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """One way to ask a model. Raises UsageError when it cannot be one."""

    name: str
    text: str = ""
    """The prompt, for a model that continues text."""
    messages: tuple[ChatMessage, ...] = ()
    """The prompt, for a model that chats; instead of a text."""
    premise: str = "{kind} {name} {type}\n\n"
    """One premise in the prompt, the space behind it included."""
    answer: str = "tactic"
    """What a completion holds: `tactic`; `proof`, a whole block; `sketch`, one with `sorry`s."""
    feedback: str = FEEDBACK
    """What is said to an answer that failed; {errors} {holes} {proof} as feedback.py says."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion."""
    drop: tuple[str, ...] = ()
    """Marks taken out of a completion."""
    max_tokens: int = 256
    """Most new tokens of one completion."""
    models: tuple[str, ...] = ()
    """Shell patterns of the model names it is chosen for, in lower case."""

    def __post_init__(self) -> None:
        if bool(self.text) == bool(self.messages):
            raise UsageError(f"prompt {self.name}: needs a text or messages, one of the two")
        if self.answer not in ANSWERS:
            known = ", ".join(ANSWERS)
            raise UsageError(f"prompt {self.name}: answer is one of {known}, not {self.answer!r}")
        texts = [self.text, *(message.text for message in self.messages)]
        used = {placeholder for text in texts for placeholder in _PLACEHOLDER.findall(text)}
        for placeholder in sorted(used - set(PLACEHOLDERS)):
            if near := difflib.get_close_matches(placeholder, PLACEHOLDERS, n=1, cutoff=0.7):
                raise UsageError(
                    f"prompt {self.name}: no {{{placeholder}}}; did you mean {{{near[0]}}}?"
                )
        if wrong := set(_PLACEHOLDER.findall(self.premise)) - set(PREMISE_PLACEHOLDERS):
            known = ", ".join(PREMISE_PLACEHOLDERS)
            raise UsageError(f"prompt {self.name}: premise has no {min(wrong)}; it has: {known}")
        if not used & {"state", "goal", "statement"}:
            raise UsageError(f"prompt {self.name}: shows neither {{state}} nor {{statement}}")

    @property
    def is_whole_proof(self) -> bool:
        """Whether a completion is a whole proof, or the sketch of one."""
        return self.answer != "tactic"

    @property
    def shows_premises(self) -> bool:
        """Whether a prompt has a place for premises."""
        return any("{premises}" in each for each in (self.text, *(m.text for m in self.messages)))

    def write(self, query: Query, premises: Sequence[Premise] = ()) -> Prompt:
        """The prompt for a state."""
        theorem, state = query.theorem, query.state
        head = _head(theorem, state)
        values = {
            "state": state.pretty,
            "goal": state.goals[0].pretty if state.goals else "no goals",
            "premises": "".join(self._premise(premise) for premise in premises),
            "statement": head or _example(state),
            "context": _context(theorem),
            "before": "\n".join(step.tactic for step in state.recipe),
            "name": theorem.name,
        }

        if self.text:
            return Prompt(_fill(self.text, values))
        turns = [ChatMessage(m.role, _fill(m.text, values)) for m in self.messages]
        return Prompt(messages=tuple(turns))

    def _premise(self, premise: Premise) -> str:
        kind = KEYWORDS.get(premise.kind, premise.kind)
        return _fill(self.premise, {"kind": kind, "name": premise.name, "type": premise.text})

    def read(self, completion: str, query: Query) -> str | None:
        """The tactic, or block of tactics, that a completion proposes; None if there is none."""
        for mark in self.drop:
            completion = completion.replace(mark, "")
        if self.text.count("```") % 2:  # the prompt has opened the block
            completion = f"```lean4\n{completion}"
        if self.is_whole_proof:
            return proof_in(completion, query.theorem.name)
        return tactic_in(completion)

    def reply(self, prompt: Prompt, answer: str, values: Mapping[str, str]) -> Prompt:
        """The prompt that goes on from an answer that failed. values: for the feedback."""
        feedback = _fill(self.feedback, values)
        if prompt.messages:
            turns = ChatMessage("assistant", answer), ChatMessage("user", feedback)
            return Prompt(messages=(*prompt.messages, *turns))
        closing = "\n```" if self.text.count("```") % 2 and "```" not in answer else ""
        return Prompt(f"{prompt.text}{answer}{closing}\n\n{feedback}\n\n{prompt.text}")


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _head(theorem: Theorem, state: ProofState) -> str | None:
    """The theorem's own text up to `:= by`, when the state is its root and the hole its body."""
    raw = theorem.source.encode()
    head = raw[theorem.command_start : theorem.start].decode()
    after = raw[theorem.stop : theorem.command_stop or theorem.stop].decode()
    if state.key != theorem.state.key or after.strip() or not _HOLE.search(head):
        return None
    return _HOLE.sub(":= by", head).strip()


def _context(theorem: Theorem) -> str:
    """The nearest lines of the file above the theorem's command."""
    above = theorem.source.encode()[: theorem.command_start].decode()
    if len(above) > CONTEXT_CHARS:
        above = above[-CONTEXT_CHARS:].partition("\n")[2]
    above = above.strip()
    return f"{above}\n\n" if above else ""


def _example(state: ProofState) -> str:
    """The first goal as an `example` up to `:= by`."""
    goal = state.goals[0] if state.goals else Goal("True")
    binders = []
    for h in goal.hypotheses:
        name = h.name.replace("✝", "")
        is_instance = "✝" in h.name and name.startswith("inst")
        value = "" if h.value is None else f" := {h.value}"
        binders.append(f"[{h.type}]" if is_instance else f"({name} : {h.type}{value})")
    return " ".join(["example", *binders, ":", goal.target, ":= by"])


@cache
def formats() -> Mapping[str, PromptFormat]:
    """All formats by name, in the order in which they are tried on a model's name."""
    text = (files(__package__) / "prompts.toml").read_text(encoding="utf-8")
    return {name: _from_table(name, table) for name, table in tomllib.loads(text).items()}


def format_named(name: str) -> PromptFormat:
    """The format of that name, or in that file. Raises UsageError with near names."""
    if name in formats():
        return formats()[name]
    if Path(name).is_file():
        return _from_file(Path(name))
    near = [each for each in formats() if name and name in each]
    near = near or difflib.get_close_matches(name, formats(), n=3, cutoff=0.5)
    suggestion = f"did you mean {', '.join(near)}?" if near else f"there is: {', '.join(formats())}"
    raise UsageError(f"no prompt format and no file {name!r}; {suggestion}")


def format_for(model: str, default: str) -> PromptFormat:
    """The format for a model's name; `default` for a name that no format knows."""
    name = model.lower().rstrip("/")
    for each in formats().values():
        if any(fnmatchcase(name, pattern) for pattern in each.models):
            return each
    return formats()[default]


def format_of_folder(folder: Path) -> PromptFormat | None:
    """The format that a trained model's folder names; None for any other. Raises UsageError."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return format_named(record["prompt"]) if "prompt" in record else None


def _from_file(path: Path) -> PromptFormat:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(f"prompt {path}", error) from None
    if path.suffix != ".toml":
        return PromptFormat(str(path), text)
    try:
        return _from_table(str(path), tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"prompt {path}: not TOML: {error}") from error


_TYPES: Mapping[str, type] = {"max_tokens": int} | dict.fromkeys(
    ("text", "answer", "premise", "feedback"), str
)


def _from_table(name: str, table: Mapping[str, Any]) -> PromptFormat:
    known = [field.name for field in fields(PromptFormat) if field.name != "name"]
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"prompt {name}: no key {key!r}; there is: {', '.join(known)}")
        wanted = _TYPES.get(key, list)
        if not isinstance(value, wanted):
            raise UsageError(f"prompt {name}: {key} must be {wanted.__name__}, not {value!r}")
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
    try:
        turns = tuple(ChatMessage(m["role"], m["text"]) for m in lists.pop("messages", ()))
    except (KeyError, TypeError) as error:
        raise UsageError(f"prompt {name}: each message has a role and a text") from error
    return PromptFormat(name, **{**table, **lists, "messages": turns})
