"""Who wants an answer and may have one, and what it says: an envelope, a task, JSON-RPC. Pure."""
