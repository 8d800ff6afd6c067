"""Runs over problem sets, here or on a Ray cluster."""
