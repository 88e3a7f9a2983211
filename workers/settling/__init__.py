"""What settling takes: clean copies, and what to do while the broker does not take them."""
