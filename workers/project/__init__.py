"""A package of one's own, made from a template: `leveret new`."""
