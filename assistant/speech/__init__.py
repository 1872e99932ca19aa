"""What the product says aloud and hears, on this machine alone."""
