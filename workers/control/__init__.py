"""Operators speak to running replicas: ping, pause, resume, drain, maintenance."""
