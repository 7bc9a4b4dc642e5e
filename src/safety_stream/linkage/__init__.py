"""Which tokens may be one person's: what the steward's restricted store tells, weighed (docs/linkage.md)."""
