"""Datasets that are written and read: rows, splits, cards, LeanDojo's layout."""
