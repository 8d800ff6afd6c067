"""Lakatos: proves, refutes and repairs Lean 4 theorems."""
