"""Whether everything is as it should be: small checks, each with what to do if it is not."""
