"""Receptive fields: which input pixels a unit depends on, carried through the recorded graph."""
