"""Who proposes tactics: the interface, prompts, mixtures, critics."""
