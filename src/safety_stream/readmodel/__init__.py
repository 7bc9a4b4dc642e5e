"""A copy in SQL of what was published, for people's pages: SQLite by default, PostgreSQL by one setting.

Topics hold everything and answer nothing: which alerts are open, most urgent first, takes tables. What is in them
follows from the topics alone, so a copy that is lost is made again by reading them from the beginning.
"""
