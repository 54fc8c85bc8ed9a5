"""A network that computes in a page: its plan as plain data, and what the page is made of."""
