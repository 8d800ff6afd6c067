"""Room: chooses what to try next; pure, deterministic, no I/O."""
