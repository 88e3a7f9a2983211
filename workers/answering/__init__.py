"""Who wants an answer and may have one, what it says, and how it is read. Pure."""
