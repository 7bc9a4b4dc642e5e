"""The open event backbone for community safety: partners' reports in, alerts and indicators out."""
