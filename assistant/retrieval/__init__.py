"""Chunks → index → Hits."""
