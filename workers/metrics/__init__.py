"""The books of a worker: counted for each message, read by Prometheus, told in heartbeats."""
