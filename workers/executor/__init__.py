"""Runs processors registered with `executor="process"` in child processes of their own."""
