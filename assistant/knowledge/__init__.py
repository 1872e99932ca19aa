"""Files of knowledge/ → Document, Section, Chunk."""
