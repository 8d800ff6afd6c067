"""Which Lean runs, and how: found, set up, started; native or embedded."""
