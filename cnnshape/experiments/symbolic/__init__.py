"""Sizes as expressions: one recording with sizes that remember, solved along its graph."""
