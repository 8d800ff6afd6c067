"""Results in words, statistics and pages: HTML and JSON, no terminal."""
