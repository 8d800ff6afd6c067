"""The loop that proves: searches, their budgets, and what Lean tries for them."""
