"""What stands around an attempt: checks asked elsewhere, the brake, and the limits of its work."""
