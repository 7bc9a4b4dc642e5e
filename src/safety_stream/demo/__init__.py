"""The whole backbone on one machine, on a synthetic county, for people to watch; and a verdict at the end."""
