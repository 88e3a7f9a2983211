"""How a worker stands, told to whoever supervises it: probes over HTTP, and systemd."""
