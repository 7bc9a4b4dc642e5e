"""What each page asks of the read model, and the view it makes of it."""
