"""What must run the model again: each asks tracing for another recording and reads it."""
