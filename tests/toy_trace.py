"""What a worker says of a small file, and a file as it is after that."""

from lakatos.data.dataset.dataset import Dataset, DatasetOrigin
from lakatos.lean_env.queries.trace import to_traced

SOURCE = """/-- Both. -/
theorem Foo.both (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  · first
    | exact bar hp
  exact hq
theorem term : 1 = 1 := rfl
theorem open_ : 1 = 2 := sorry
"""
HYPOTHESES = [
    {"name": "p", "type": "Prop"},
    {"name": "q", "type": "Prop"},
    {"name": "hp", "type": "p"},
    {"name": "hq", "type": "q"},
]
CONSTANTS = [
    ["And", "Init.Prelude", None],
    ["And.intro", "Init.Prelude", [3, 4, 3, 9]],
    ["bar", "", [1, 9, 1, 12]],
    ["rfl", "Init.Prelude", None],
]


def span(source, text, at=0):
    start = source.encode().index(text.encode(), at)
    return {"start": start, "stop": start + len(text.encode())}


def goal(number, target, tag=""):
    key = {"p ∧ q": "0" * 32, "p": "1" * 32, "q": "2" * 32}[target]
    return {"goal": number, "key": key, "tag": tag, "target": target, "hypotheses": HYPOTHESES}


def step(text, parent, before, after, used=()):
    return {
        "declaration": "Foo.both", **span(SOURCE, text), "parent": parent,
        "before": before, "after": after, "used": list(used),
    }  # fmt: skip


def declaration(name, text, value, **fields):
    place = span(SOURCE, text)
    value = place["start"] + len(text[: text.index(value)].encode())
    key = f"key of {name}"
    kinds = {"kind": "theorem", "type": "", "doc": None, "statement": [0], "used": []}
    flags = {"private": False, "sorry": False}
    head = {"head": place["start"], "value": value, "name": name, "key": key}
    return {**place, **head, **kinds, **flags, **fields}


def command(declarations, goals=(), steps=(), premises=(), **fields):
    return {
        "namespace": "[anonymous]", "opens": ["Nat"], "failed": False, "examples": [],
        "declarations": declarations, "goals": list(goals), "steps": list(steps),
        "premises": list(premises), **fields,
    }  # fmt: skip


def wire(errors=()):
    """The answer to `trace`."""
    both = SOURCE[: SOURCE.index("\ntheorem term")]
    first = declaration("Foo.both", both, ":= by", doc="Both. ", used=[1])
    first["head"] = span(SOURCE, "theorem Foo")["start"]
    cited = span(SOURCE, "bar")
    goals = [goal(0, "p ∧ q"), goal(1, "p", "left"), goal(2, "q", "right")]
    steps = [
        step("constructor", None, [0], [1, 2], [1]),
        step("· first\n    | exact bar hp", None, [1, 2], [2], [2]),
        step("first\n    | exact bar hp", 1, [1], [], [2]),
        step("exact bar hp", 2, [1], [], [2]),
        step("exact hq", None, [2], []),
    ]
    return {
        "imports": ["Init"],
        "messages": [{"severity": "error", "line": line, "text": text} for line, text in errors],
        "constants": CONSTANTS,
        "commands": [
            command([first], goals, steps, [[2, cited["start"], cited["stop"]]]),
            command([declaration("term", "theorem term : 1 = 1 := rfl", ":= rfl", used=[3])]),
            command(
                [declaration("open_", "theorem open_ : 1 = 2 := sorry", ":= sorry", sorry=True)]
            ),
        ],
    }


def traced(path="A.lean"):
    return to_traced(path, SOURCE, "Lean 4.28.0", wire())


def dataset(files=None, **fields):
    files = [traced()] if files is None else files
    origin = DatasetOrigin("toys", "https://example.org/toys", "a" * 40, {"LICENSE": "MIT"})
    return Dataset(origin, "Lean 4.28.0", lambda: iter(files), **fields)
