"""A size formula as a picture: the cells of the row, every window over them, and the output."""
