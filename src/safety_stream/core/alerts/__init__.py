"""The life of an alert: what its findings make of it, and what people are told."""
