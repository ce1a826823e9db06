"""A language model in float becomes the int8 graph of one token."""
