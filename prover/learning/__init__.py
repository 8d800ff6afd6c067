"""What the prover learns from proofs: nearest neighbours of states, counts of outcomes."""
