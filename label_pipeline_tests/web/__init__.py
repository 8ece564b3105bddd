"""A real web server, daemon and browser over a small project."""
