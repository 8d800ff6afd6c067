"""Lean for other programs: a server that checks, judges and proves."""
