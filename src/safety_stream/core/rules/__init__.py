"""Rules: pure functions of a timeline and an as-of time. One file per condition type."""
