"""Replicas say that they are there, and anybody may listen: for `top` and the console."""
