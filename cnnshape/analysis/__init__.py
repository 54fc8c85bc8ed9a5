"""Readers of a trace, one file each, gathered in a report."""
