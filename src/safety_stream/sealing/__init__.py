"""Where the keys of persons are kept, by which tokens are sealed at the door in (`core/sealing.py`)."""
