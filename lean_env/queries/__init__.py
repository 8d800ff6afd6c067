"""What Lean is asked besides tactics: premises, traces, errors, its library."""
