"""Language models, in this process or behind a server."""
