"""The dead-letter workbench as the console keeps it: benches, plans that were shown, runs."""
