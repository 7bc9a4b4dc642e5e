"""The formats of the catalogue's files, field by field. What is not named here is refused.

These models check shape alone; whether a named thing exists is for the modules that see all files (`loading.py`).
"""
