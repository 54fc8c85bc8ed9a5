"""One forward pass becomes a trace: the tree of module calls and the graph of operations."""
