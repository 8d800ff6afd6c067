"""Whether a proof holds: the verifier, its judge, and second opinions."""
