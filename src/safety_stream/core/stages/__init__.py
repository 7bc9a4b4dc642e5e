"""The stages: each one pure function from what came in and what is remembered to what goes out."""
