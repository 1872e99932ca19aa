"""How well the product answers."""
