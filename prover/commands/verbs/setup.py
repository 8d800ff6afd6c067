"""`lakatos setup`: its help, and the set-up of the embedded Lean."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

from typer import Context

from ..help_page import VerbHelp

HELP = VerbHelp(
    details="It happens by itself on first use. It downloads 121.5 MB and takes 0.5 GB on "
    "disk, in your cache folder or in $LAKATOS_CACHE.",
    examples=(
        ("Set it up now", "lakatos setup"),
        ("Check afterwards that it works", "lakatos doctor"),
    ),
)


@dataclass(frozen=True)
class SetupOptions:
    """The options of `lakatos setup`: there are none."""


def run(context: Context, options: SetupOptions) -> int:
    """Set up the embedded Lean, and print where it is; the exit code."""
    from ....lean_env.doctor import size_mb
    from ....lean_env.toolchains import embedded
    from .. import console
    from ..tables import SetupBars

    began_s = time.monotonic()
    with closing(SetupBars(console.err)) as bars:
        toolchain = embedded.prepare(bars.show, cache=context.obj.cache)
    size = size_mb(toolchain.dist) + size_mb(toolchain.layer)
    took = f"{time.monotonic() - began_s:.1f} s"
    console.standard_output().print(
        f"Lean {toolchain.lean} is ready: {size:.0f} MB in {toolchain.dist.parent}, {took}",
        **console.LONG,
    )
    return 0
