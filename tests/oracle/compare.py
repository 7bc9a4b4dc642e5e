"""Where tests take the comparison from; the implementation ships with the package, because the demo needs it too."""

from safety_stream.testing.comparison import differences

__all__ = ["differences"]
