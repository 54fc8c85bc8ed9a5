"""The rules: one file per family of errors, each a handful of pure functions of a failure."""
