"""Families of problems made from a seed: bit-vector identities, and small Turing machines.

Identities mix boolean and arithmetic operations; they hold at every width because they hold, over
the integers, for each bit (linear MBA: Zhou et al. 2007). Machines halt, or come back to where they
were; what is claimed of one has been seen by running it. Lean checks each before it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm
from random import Random

MOST = 9
"""The largest coefficient of an identity."""

STEPS = 60
"""Steps that a machine is run for."""

Bits = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A problem to be checked. signature: what stands between its name and the proof.

    header: what stands above it. evidence: Lean commands that must be taken with it, the same
    statement with its proof, or for a family that has none a case of it. proof: of the statement.
    """

    family: str
    signature: str
    evidence: str
    header: str = ""
    proof: str | None = None


# identities


def identity(random: Random) -> Candidate:
    """A linear identity of two or three bit vectors, one of them perhaps replaced by a term."""
    names = ("x", "y", "z")[: random.choice((2, 2, 3))]
    while True:
        terms: dict[Bits, str] = {}
        while len(terms) < min(2 ** len(names) + 2, 2**2 ** len(names) - 1):
            bits, text = _boolean(random, names, random.choice((0, 1, 1, 2, 2)))
            if any(bits):
                terms.setdefault(bits, text)
        weights = _dependence(list(terms), random)
        used = [w for w in weights if w]
        if len(used) >= 3 and max(map(abs, used)) <= MOST and min(used) < 0 < max(used):
            break
    said = list(zip(weights, terms.values(), strict=True))
    left, right = (_sum([(abs(w), t) for w, t in said if w * sign > 0]) for sign in (1, -1))
    width = random.choice((8, 16, 32, 64))
    put = random.choice(("", "", " + 1", " * y"))
    if put:
        left, right = (side.replace("x", f"(x{put})") for side in (left, right))
    small = 2 if len(names) == 2 else 1

    def claim(bits: int, binder: str) -> str:
        return f"{binder}({' '.join(names)} : BitVec {bits})"

    evidence = f"example : {claim(small, '∀ ')}, {left} = {right} := by decide"
    return Candidate("identity", f"{claim(width, '')} : {left} = {right}", evidence)


def _boolean(random: Random, names: Sequence[str], depth: int) -> tuple[Bits, str]:
    """A boolean expression and its truth table, over all bits of the variables."""
    if depth == 0:
        at = random.randrange(len(names))
        return tuple(row[at] for row in product((0, 1), repeat=len(names))), names[at]
    bits, text = _boolean(random, names, depth - 1)
    if random.random() < 0.3:
        return tuple(1 - bit for bit in bits), f"~~~{_inner(text)}"
    others, other = bits, text
    while others == bits:
        others, other = _boolean(random, names, depth - 1)
    sign, apply = random.choice(_OPERATIONS)
    both = tuple(apply(a, b) for a, b in zip(bits, others, strict=True))
    return both, f"{_inner(text)} {sign} {_inner(other)}"


_OPERATIONS: Sequence[tuple[str, Callable[[int, int], int]]] = (
    ("&&&", lambda a, b: a & b), ("|||", lambda a, b: a | b), ("^^^", lambda a, b: a ^ b),
)  # fmt: skip


def _inner(text: str) -> str:
    return f"({text})" if " " in text else text


def _sum(terms: Sequence[tuple[int, str]]) -> str:
    return " + ".join(_inner(text) if n == 1 else f"{n} * {_inner(text)}" for n, text in terms)


def _dependence(vectors: Sequence[Bits], random: Random) -> list[int]:
    """Whole numbers, not all 0, with which the vectors sum to 0: Gauss, then a random choice.

    There is one because there are more vectors than places.
    """
    size = len(vectors)
    rows = [[Fraction(vector[place]) for vector in vectors] for place in range(len(vectors[0]))]
    pivots: list[int] = []
    for column in range(size):
        at = len(pivots)
        found = next((r for r in range(at, len(rows)) if rows[r][column]), None)
        if found is None:
            continue
        rows[at], rows[found] = rows[found], rows[at]
        rows[at] = [value / rows[at][column] for value in rows[at]]
        for other in range(len(rows)):
            if other != at and (factor := rows[other][column]):
                pairs = zip(rows[other], rows[at], strict=True)
                rows[other] = [value - factor * by for value, by in pairs]
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    weights = [Fraction(0)] * size
    for column in range(size):
        if column not in pivots:
            weights[column] = Fraction(random.choice((-2, -1, 1, 2)))
    free = [column for column in range(size) if column not in pivots]
    for row, column in zip(rows, pivots, strict=False):
        weights[column] = -sum((row[each] * weights[each] for each in free), Fraction(0))
    scale = lcm(*(weight.denominator for weight in weights))
    return [int(weight * scale) for weight in weights]


# machines

HALTED = 0

MACHINES = """/-- A machine's state, 0 when it has halted, and its tape, nearest cells first. -/
structure Tape where
  state : Nat
  left : List Bool
  head : Bool
  right : List Bool
  deriving DecidableEq

/-- Blank cells at the end of a tape are not written. -/
def Tape.put : Bool → List Bool → List Bool
  | false, [] => []
  | b, cells => b :: cells

/-- What to write, whether to go right, and the next state. -/
abbrev Table := Nat → Bool → Bool × Bool × Nat

def Tape.step (table : Table) (t : Tape) : Tape :=
  if t.state = 0 then t else
    let (write, goesRight, next) := table t.state t.head
    if goesRight then ⟨next, Tape.put write t.left, t.right.headD false, t.right.tail⟩
    else ⟨next, t.left.tail, t.left.headD false, Tape.put write t.right⟩

def Tape.run (table : Table) : Nat → Tape → Tape
  | 0, t => t
  | n + 1, t => Tape.run table n (t.step table)

def Tape.blank : Tape := ⟨1, [], false, []⟩

def Tape.ones (t : Tape) : Nat := (t.left ++ t.head :: t.right).count true
"""
LOOPS = """theorem Tape.run_add (table : Table) (m n : Nat) (t : Tape) :
    Tape.run table (m + n) t = Tape.run table n (Tape.run table m t) := by
  induction m generalizing t with
  | zero => simp [Tape.run]
  | succ m ih => rw [Nat.succ_add]; exact ih _

theorem Tape.loops (table : Table) (t : Tape) (s p : Nat) (hp : 0 < p)
    (h : Tape.run table (s + p) t = Tape.run table s t) (n : Nat) :
    ∃ m, m < s + p ∧ Tape.run table n t = Tape.run table m t := by
  induction n using Nat.strongRecOn with
  | ind n ih =>
    by_cases hn : n < s + p
    · exact ⟨n, hn, rfl⟩
    · obtain ⟨m, hm, e⟩ := ih (n - p) (by omega)
      refine ⟨m, hm, ?_⟩
      rw [← e, show n = (s + p) + (n - p - s) by omega, Tape.run_add, h, ← Tape.run_add]
      congr 1
      omega
"""
Action = tuple[bool, bool, int]
Table = dict[tuple[int, bool], Action]
Tape = tuple[int, tuple[bool, ...], bool, tuple[bool, ...]]


def machine(random: Random) -> Candidate:
    """A claim of a machine of two to four states, begun on a blank tape."""
    halts = random.random() < 0.5
    while True:
        states = random.choice((2, 3, 3, 4))
        table: Table = {
            (state, cell): (
                random.random() < 0.6,
                random.random() < 0.5,
                random.randrange(states + 1),
            )
            for state in range(1, states + 1)
            for cell in (False, True)
        }
        tapes = trace(table)
        if halts and tapes[-1][0] == HALTED and len(tapes) > 5:
            return _halting(table, tapes, random)
        if not halts and tapes[-1] in tapes[:-1] and len(tapes) > 4:
            return _looping(table, tapes)


def trace(table: Table) -> list[Tape]:
    """The tapes from the blank one, until the machine halts, comes back, or STEPS are over."""
    tapes: list[Tape] = [(1, (), False, ())]
    seen = set(tapes)
    while tapes[-1][0] != HALTED and len(tapes) <= STEPS:
        tapes.append(_step(table, tapes[-1]))
        if tapes[-1] in seen:
            break
        seen.add(tapes[-1])
    return tapes


def _step(table: Table, tape: Tape) -> Tape:
    state, left, head, right = tape
    write, goes_right, following = table[state, head]

    def put(cells: tuple[bool, ...]) -> tuple[bool, ...]:
        return (write, *cells) if write or cells else ()

    if goes_right:
        return following, put(left), right[0] if right else False, right[1:]
    return following, left[1:], left[0] if left else False, put(right)


def _halting(table: Table, tapes: Sequence[Tape], random: Random) -> Candidate:
    steps, last = len(tapes) - 1, tapes[-1]
    ones = sum((*last[1], last[2], *last[3]))
    claims = [
        f"(Tape.run machine {steps} Tape.blank).state = 0 ∧ "
        f"(Tape.run machine {steps - 1} Tape.blank).state ≠ 0",
        f"(Tape.run machine {steps} Tape.blank).ones = {ones}",
        f"∃ n, (Tape.run machine n Tape.blank).state = 0 ∧ "
        f"(Tape.run machine n Tape.blank).ones = {ones}",
    ]
    number = random.randrange(len(claims))
    proof = "by decide" if number < 2 else f"⟨{steps}, by decide⟩"
    return _claim("machine_halts", table, claims[number], proof)


def _looping(table: Table, tapes: Sequence[Tape]) -> Candidate:
    start = tapes.index(tapes[-1])
    period = len(tapes) - 1 - start
    proof = (
        "by\n  intro n\n"
        f"  obtain ⟨m, hm, e⟩ := Tape.loops machine Tape.blank {start} {period} (by decide) "
        "(by decide) n\n"
        "  rw [e]\n  clear e\n  revert m\n  decide"
    )
    claim = "∀ n, (Tape.run machine n Tape.blank).state ≠ 0"
    return _claim("machine_runs_on", table, claim, proof, LOOPS)


def _claim(family: str, table: Table, claim: str, proof: str, lemmas: str = "") -> Candidate:
    def word(value: bool) -> str:
        return str(value).lower()

    rows = "".join(
        f"  | {state}, {word(cell)} => ({word(write)}, {word(goes_right)}, {following})\n"
        for (state, cell), (write, goes_right, following) in table.items()
    )
    header = f"{MACHINES}\ndef machine : Table\n{rows}  | _, b => (b, true, 0)\n"
    evidence = f"{lemmas}\nset_option maxRecDepth 4096 in\nexample : {claim} := {proof}"
    return Candidate(family, f": {claim}", evidence, header, proof if not lemmas else None)
