"""Local language models behind one Protocol."""
