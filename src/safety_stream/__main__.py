"""`python -m safety_stream` is the command line."""

from safety_stream.cli import app

if __name__ == "__main__":
    app()
