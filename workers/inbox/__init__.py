"""Remembers what is done, so that a message takes effect once however often it comes."""
