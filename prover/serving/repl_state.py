"""Environments and proof states of `lakatos repl`, and the files that lead to them again.

An environment is the text that leads to it. Pure, but for reading and writing those files.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from ...data.errors import UsageError
from ...data.records import Advanced, Message, ProofState, Theorem
from ...lean_env.opened_file import OpenedFile
from .repl_json import Json, message_json

FORMAT = 1
"""Of what `pickleTo` writes."""

BETWEEN = "\nsection lakatos_repl\nend lakatos_repl\n"
"""Ends the last command of an environment, so that the next text does not continue it."""


@dataclass(frozen=True)
class ReplEnvironment:
    """A text, behind that of another environment. said: the messages of its own part."""

    before: ReplEnvironment | None
    text: str
    said: tuple[Message, ...] = ()

    @property
    def whole(self) -> str:
        """The text from the first command on."""
        parts = [each.text for each in self.line]
        return BETWEEN.join(parts)

    @property
    def line(self) -> list[ReplEnvironment]:
        """The environments that lead to this one, it included, first one first."""
        found: list[ReplEnvironment] = []
        each: ReplEnvironment | None = self
        while each is not None:
            found.append(each)
            each = each.before
        return found[::-1]


@dataclass(frozen=True)
class ReplState:
    """A proof state: all goals that are open.

    theorem: the `sorry` it starts from; root: which of its states. tactics: those since. state:
    None when no goal is left. has_sorry: whether a tactic left one. in_draft: whether it starts
    from one of a tactic.
    """

    theorem: Theorem
    root: int
    tactics: tuple[str, ...] = ()
    state: ProofState | None = None
    has_sorry: bool = False
    in_draft: bool = False

    @property
    def goals(self) -> list[str]:
        """The open goals, first one first."""
        return [goal.pretty for goal in self.state.goals] if self.state else []

    def after(self, tactic: str, outcome: Advanced) -> ReplState:
        """The state after a tactic; its `sorry`s are no goals of it."""
        left = [each for each in outcome.states if each.origin is None or each.origin.hole is None]
        return replace(
            self,
            tactics=(*self.tactics, tactic),
            state=left[0] if left else None,
            has_sorry=self.has_sorry or len(left) < len(outcome.states),
        )


def own_messages(opened: OpenedFile, made: ReplEnvironment, since: int) -> list[Message]:
    """What Lean says of the last part of a text: at it, or elsewhere and not said before.

    What the parser says elsewhere is not of it: only where the part above ends is another one now.
    """
    known = Counter(_key(m) for each in made.line for m in each.said)
    own = []
    for message in opened.messages:
        if message.start >= since:
            own.append(message)
        elif known[_key(message)] > 0:
            known[_key(message)] -= 1
        elif message not in opened.unread:
            own.append(message)
    return own


def _key(message: Message) -> tuple[str, str, int]:
    return message.severity, message.text, message.start


def message_in_text(message: Message, since: int, lines: int) -> Json:
    """A message as of the request alone; one about an earlier text stands at its beginning."""
    if message.start >= since:
        return message_json(message, lines)
    return message_json(replace(message, line=1, column=0, end_line=1, end_column=0))


def without_open_end(made: ReplEnvironment, opened: OpenedFile, since: int) -> ReplEnvironment:
    """The environment up to what would hide all below it.

    That is a comment or literal that nothing closes, an `#exit`, a late `import`.
    """
    ends = [m.start for m in opened.unread if re.search(r"\bunterminated\b", m.text)]
    ends += [] if opened.stopped is None else [opened.stopped]
    end = min((each for each in ends if each >= since), default=None)
    if end is None:
        return made
    return replace(made, text=made.text.encode()[: end - since].decode())


def write_pickle(path: str, kept: Json) -> None:
    """Write a JSON object. Raises UsageError where that cannot be."""
    try:
        Path(path).write_text(
            json.dumps({"format": FORMAT, **kept}, ensure_ascii=False), encoding="utf-8"
        )
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def read_pickle(path: str, name: str) -> Json:
    """What `pickleTo` wrote. Raises UsageError for anything else."""
    try:
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        if kept["format"] == FORMAT:
            found: Json = kept[name]
            return found
        fault = f"of format {kept['format']}; this version reads {FORMAT}"
    except OSError as error:
        fault = error.strerror or str(error)
    except (ValueError, KeyError, TypeError):
        fault = f"no {name} that `lakatos repl` wrote"
    raise UsageError(f"cannot read {path}: {fault}")
