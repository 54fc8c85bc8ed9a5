"""Which input sizes a model accepts, found by trying them."""
