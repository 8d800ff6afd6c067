"""A second opinion on verdicts: exports what they rest on, and asks an external kernel.

A theorem that the kernel refuses is refused, with both texts; a kernel without an answer is a
fault of the machine. Only accepted theorems are exported. Not covered: what the kernel checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from ...data.records import Accepted, Refusal, RefusalKind, Refused, Verdict
from ..worker_command import Toolchain
from . import kernels
from .export import (
    Exported,
    ExportOrigin,
    export_theorem,
    file_names,
    new_export,
    publish,
    workplace,
)
from .judge import Judge, Judged
from .kernels import Kernel
from .verifier import STANDARD_AXIOMS


@dataclass
class SecondOpinion:
    """A review for `Verifier.compare`; use as an async context manager around it.

    folder: where the exports stay; None: nowhere. wall_s: what one answer of the kernel may take.
    allow: axioms that an export may have. exported: the theorems written, in order.
    """

    origin: ExportOrigin
    folder: Path | None = None
    kernel: Kernel | None = None
    wall_s: float = 600.0
    allow: Sequence[str] = STANDARD_AXIOMS
    exported: list[Exported] = field(default_factory=list)

    @property
    def kernel_name(self) -> str:
        """What messages call the kernel; empty when there is none."""
        return self.kernel.name if self.kernel else ""

    async def __aenter__(self) -> Self:
        """Hold the folder and try the kernel out, before the work.

        Raises UsageError when the folder cannot be used, EnvironmentFault when the kernel
        does not check a trial.
        """
        self._stack = ExitStack()
        if self.folder is not None:
            self._stack.enter_context(new_export(self.folder))
        try:
            if self.kernel is not None:
                await kernels.try_out(self.kernel)
        except BaseException:
            self._stack.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    async def __call__(self, judge: Judge, judged: Sequence[Judged]) -> list[Judged]:
        """The verdicts, refused where the export or the kernel says so.

        Raises EnvironmentFault when an export or an answer cannot be had, UsageError when the
        disk takes nothing.
        """
        if self.folder is None and self.kernel is None:
            return [*judged]
        names = file_names([each.shown for each in judged])
        reviewed = {each.target: each for each in judged}
        exports: dict[str, Exported] = {}
        with workplace(self.folder) as place:
            for each, name in zip(judged, names, strict=True):
                if isinstance(each.verdict, Accepted):
                    export = await export_theorem(judge, each, place / name, self.origin)
                    if disallowed := set(export.axioms) - set(self.allow):
                        reviewed[each.target] = replace(
                            each, verdict=_refused_for_axioms(disallowed)
                        )
                    else:
                        exports[each.target] = export
            if self.folder is not None and exports:
                exports = publish(self.folder, exports, self.origin)
            self.exported = list(exports.values())
            for target, export in exports.items():
                if refused := await self._refused(export):
                    reviewed[target] = replace(reviewed[target], verdict=refused)
        return list(reviewed.values())

    def report_lines(self, verdicts: Sequence[tuple[str, Verdict]]) -> list[str]:
        """Lines about what was written to the folder, and what was not."""
        if self.folder is None:
            return []
        written = {each.theorem for each in self.exported}
        left_out = [name for name, _ in verdicts if name not in written]
        return [f"written: {each.path} ({_contents(each)})" for each in self.exported] + [
            f"not exported: {name}, it is refused" for name in left_out
        ]

    async def _refused(self, export: Exported) -> Refused | None:
        """What the kernel has against a theorem, if there is a kernel."""
        if self.kernel is None:
            return None
        said = await kernels.check(self.kernel, export.path, export.permitted, self.wall_s)
        if said is None:
            return None
        axioms = ", ".join(export.axioms) or "none"
        ours = f"the kernel of Lean {self.origin.lean} accepts it, axioms: {axioms}"
        text = f"{ours}; {self.kernel.name} refuses it: {said}"
        return Refused((Refusal(RefusalKind.KERNEL, text),))


def origin_of(toolchain: Toolchain, files: Sequence[tuple[str, bytes]]) -> ExportOrigin:
    """What verdicts are about. files: the submission, then the original if it is another, each
    by name with its bytes.
    """
    hashed = [{"path": p, "sha256": hashlib.sha256(raw).hexdigest()} for p, raw in files]
    roles = dict(zip(("submission", "original"), hashed, strict=False))
    return ExportOrigin(version("lakatos"), toolchain.lean, toolchain.name, roles)


def _contents(export: Exported) -> str:
    missing = len(export.about["exported_as_axioms"])
    without = f", {missing} of the library without proof or body" if missing else ""
    return f"{export.about['constants']} constants{without}"


def _refused_for_axioms(axioms: set[str]) -> Refused:
    """Refuse for axioms that the judge's own walk did not find."""
    named = ", ".join(sorted(axioms))
    text = f"what it rests on has the axiom {named}, which is not allowed"
    return Refused((Refusal(RefusalKind.AXIOM, text),))
