"""x86-64: target records and instructions."""
