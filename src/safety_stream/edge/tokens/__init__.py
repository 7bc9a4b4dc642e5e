"""Tokens made at the partner, so that nothing readable leaves it (docs/tokens.md).

Nothing here imports anything of the project but the words of its model, so that a partner can run it by itself.
"""
