"""The loop that proves: searches, their budget, what is asked of Lean."""
