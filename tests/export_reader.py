"""A small checker of exports (lean4export's NDJSON, format 3.1) that shares nothing with us.

Reads a file line by line and holds it to the format: numbers without gaps, no line twice, each
constant below those it uses. Types are checked only of proofs without constants. As a program it
keeps to what lean-kernel-arena asks of a checker: exit status 0 accepted, 1 refused.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

BINDER_INFOS = {"default", "implicit", "strictImplicit", "instImplicit"}
PARTS = {
    "app": ("fn", "arg"), "lam": ("type", "body"), "forallE": ("type", "body"),
    "letE": ("type", "value", "body"), "proj": ("struct",),
}  # fmt: skip
LEAVES = ("bvar", "sort", "const", "natVal", "strVal")
BELOW_BINDER = {"lam": "body", "forallE": "body", "letE": "body"}


class BadExport(Exception):
    """What is wrong with a file."""


@dataclass
class Export:
    """What was read. constants: by name, with the word of their line."""

    names: list = field(default_factory=lambda: [()])
    levels: list = field(default_factory=lambda: [("zero", None)])
    exprs: list = field(default_factory=list)
    loose: list = field(default_factory=list)
    lines: set = field(default_factory=set)
    constants: dict = field(default_factory=dict)
    meta: dict | None = None

    @property
    def axioms(self):
        return {name for name, (word, _) in self.constants.items() if word == "axiom"}


def require(holds, what):
    if not holds:
        raise BadExport(what)


def spelt(parts):
    return ".".join(str(part) for part in parts)


def read(path):
    export = Export()
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            _line(export, json.loads(line))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BadExport(f"line {number}: {error!r}: {line[:200]}") from error
        except BadExport as error:
            raise BadExport(f"line {number}: {error}: {line[:200]}") from error
    return export


def _line(export, line):
    if export.meta is None:
        export.meta = line["meta"]
        version = export.meta["format"]["version"].split(".")
        require(version[:2] == ["3", "1"], "another format")
        require(export.meta["lean"]["version"], "no version of Lean")
        return
    index = {key: line.pop(key) for key in ("in", "il", "ie") if key in line}
    ((word, value),) = line.items()
    if not index:
        _constant(export, word, value)
        return
    text = json.dumps([word, value], sort_keys=True)
    require(text not in export.lines, "the same line twice")
    export.lines.add(text)
    ((kind, number),) = index.items()
    table, take = {
        "in": (export.names, _name),
        "il": (export.levels, _level),
        "ie": (export.exprs, _expr),
    }[kind]
    require(number == len(table), f"{kind} is not {len(table)}")
    table.append(take(export, word, value))


def _at(table, index):
    require(isinstance(index, int) and 0 <= index < len(table), f"{index} is not there yet")
    return table[index]


def _name(export, word, value):
    part = value["str"] if word == "str" else value["i"]
    require(isinstance(part, {"str": str, "num": int}[word]), "no name")
    return (*_at(export.names, value["pre"]), part)


def _level(export, word, value):
    if word == "param":
        return word, _at(export.names, value)
    below = value if word in ("max", "imax") else [value]
    require(len(below) == {"max": 2, "imax": 2, "succ": 1}[word], "no level")
    for each in below:
        _at(export.levels, each)
    return word, value


def _expr(export, word, value):
    loose = value + 1 if word == "bvar" else 0
    if word in PARTS:
        for key in PARTS[word]:
            below = _at(export.loose, value[key])
            loose = max(loose, below - 1 if BELOW_BINDER.get(word) == key else below)
    else:
        require(word in LEAVES, f"no expression: {word}")
    if word in ("lam", "forallE"):
        require(value["binderInfo"] in BINDER_INFOS, "no binder info")
    if word in ("lam", "forallE", "letE"):
        _at(export.names, value["name"])
    if word == "sort":
        _at(export.levels, value)
    if word == "const":
        _at(export.names, value["name"])
        for level in value["us"]:
            _at(export.levels, level)
    if word == "natVal":
        require(value.isdecimal() and str(int(value)) == value, "no number")
    export.loose.append(loose)
    return word, value


def _constant(export, word, value):
    if word == "inductive":
        block = [(kind, each) for kind in ("types", "ctors", "recs") for each in value[kind]]
    else:
        block = [(word, value)]
    for kind, each in block:
        name = _at(export.names, each["name"])
        require(name not in export.constants, f"{spelt(name)} is declared twice")
        export.constants[name] = (kind, each)
    for kind, each in block:
        _declaration(export, kind, each)


def _declaration(export, kind, each):
    require(not each.get("isUnsafe", False), "unsafe")
    params = [_at(export.names, p) for p in each["levelParams"]]
    for param in params:
        require(("param", param) in export.levels, f"no level {spelt(param)}")
    roots = [each["type"], *([each["value"]] if kind in ("def", "thm", "opaque") else [])]
    roots += [rule["rhs"] for rule in each.get("rules", ())]
    _closed(export, roots, set(params))
    if kind == "def":
        require(each["safety"] == "safe", "not safe")
        hints = each["hints"]
        require(hints in ("opaque", "abbrev") or hints["regular"] >= 0, "no hints")
    if kind == "types":
        for name in [*each["ctors"], *each["all"]]:
            require(_at(export.names, name) in export.constants, "a part is missing")
    if kind == "recs":
        require(len(each["rules"]) <= each["numMinors"], "more rules than cases")
    if kind == "thm":
        _infers(export, each["type"], each["value"])


def _closed(export, roots, params):
    """Everything that is used is there, with as many levels as it takes."""
    stack, seen = list(roots), set()
    for root in roots:
        require(_at(export.loose, root) == 0, "a loose variable")
    while stack:
        index = stack.pop()
        if index in seen:
            continue
        seen.add(index)
        word, value = export.exprs[index]
        stack += [value[key] for key in PARTS.get(word, ())]
        levels = [value] if word == "sort" else value["us"] if word == "const" else []
        require(_params(export, levels) <= params, "a level that is no parameter")
        if word in ("const", "proj"):
            name = _at(export.names, value["name" if word == "const" else "typeName"])
            require(name in export.constants, f"{spelt(name)} is used before it is there")
            wanted = len(export.constants[name][1]["levelParams"])
            require(word == "proj" or len(value["us"]) == wanted, "too many or too few levels")
        if word in ("natVal", "strVal"):
            needed = [("Nat",)] if word == "natVal" else [("String", "ofList"), ("Char", "ofNat")]
            require(all(name in export.constants for name in needed), "literals without their type")


def _params(export, levels):
    found, stack = set(), list(levels)
    while stack:
        word, value = export.levels[stack.pop()]
        if word == "param":
            found.add(value)
        elif word != "zero":
            stack += value if isinstance(value, list) else [value]
    return found


def _infers(export, type_, value):
    """A proof by `fun`, `∀` and variables alone has the type that it claims."""
    if _is_plain(export, type_) and _is_plain(export, value):
        found = _type_of(export, value, ())
        require(found in (None, _tree(export, type_)), "the proof has another type")


def _is_plain(export, root):
    stack, seen = [root], set()
    while stack:
        index = stack.pop()
        word, value = export.exprs[index]
        if word not in ("bvar", "sort", "lam", "forallE"):
            return False
        if index not in seen:
            seen.add(index)
            stack += [value[key] for key in PARTS.get(word, ())]
    return True


def _tree(export, index):
    word, value = export.exprs[index]
    if word in ("lam", "forallE"):
        return word, _tree(export, value["type"]), _tree(export, value["body"])
    return word, value


def _lifted(tree, by, bound=0):
    word, *rest = tree
    if word == "bvar":
        return tree if rest[0] < bound else (word, rest[0] + by)
    if word in ("lam", "forallE"):
        return word, _lifted(rest[0], by, bound), _lifted(rest[1], by, bound + 1)
    return tree


def _type_of(export, index, context):
    word, value = export.exprs[index]
    if word == "bvar":
        return _lifted(context[-1 - value], value + 1)
    if word == "lam":
        type_ = _tree(export, value["type"])
        body = _type_of(export, value["body"], (*context, type_))
        return None if body is None else ("forallE", type_, body)
    return None


def main():
    try:
        read(sys.argv[1])
    except BadExport as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
