"""The oracle held against hand-worked scenarios, so that it may judge the system."""
