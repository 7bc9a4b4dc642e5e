"""What operators see: every metric in one file, logging configured once."""
