"""Real faults injected into the real program: `assistant bench faults`."""
