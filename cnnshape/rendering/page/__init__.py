"""Pages for a browser: one self-contained file each, which fetches nothing."""
