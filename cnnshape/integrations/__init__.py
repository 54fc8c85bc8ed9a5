"""Where people already are: thin readers of the public API for other programs, a file for each."""
