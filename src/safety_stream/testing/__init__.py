"""Shipped, documented stand-ins for what is real elsewhere, and independent answers to compare with."""
