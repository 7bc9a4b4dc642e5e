"""The nouns of the backbone as immutable values, the three kinds of time, and stable ids."""
