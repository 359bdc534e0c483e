"""The version of the package; nothing else, so that every room can import it."""

__version__ = "3.0.0.dev0"
