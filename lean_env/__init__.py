"""Room: everything that touches Lean."""
