"""Which premises a prompt shows."""
