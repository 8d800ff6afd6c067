"""The policy that needs no model."""
