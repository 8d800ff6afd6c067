"""One file for each verb; the only place of the terminal below cli.py."""
