"""Problem sets as their users have them: reading, families, selection."""
