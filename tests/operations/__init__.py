"""The table of operations, with real torch as the judge."""
