"""The rules of a session: pure, no I/O, no framework, no waiting."""
