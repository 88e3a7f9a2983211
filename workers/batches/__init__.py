"""Many messages at once: calls in one delivery, parts of a batch message, lists for a processor."""
