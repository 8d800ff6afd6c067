"""Room: everything that thinks with a model, and the loop where all meet."""
