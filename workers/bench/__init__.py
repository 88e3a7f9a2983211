"""What the benchmarks measure; `leveret bench` runs them."""
