"""One forward pass becomes a :class:`Trace`: the tree of module calls and the graph of operations."""
