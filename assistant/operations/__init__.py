"""What keeps the product running on someone's machine: installing it, looking after it."""
