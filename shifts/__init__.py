"""What a network does when its input moves: measure it, and build one that follows."""

__version__ = "1.0.0"
