"""Hits → a checked answer."""
