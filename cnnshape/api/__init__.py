"""The public functions: what ``import cnnshape`` offers and what the commands call."""
