"""Many models, each looked at in a process of its own: what to do, doing it, what came out."""
