"""Vietnamese as people write it."""
