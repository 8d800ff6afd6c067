"""Where training data and problems come from."""
