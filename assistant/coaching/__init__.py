"""What people do beyond asking: look things up, take a slip home."""
