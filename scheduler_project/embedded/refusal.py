"""The one error of the start: a sentence for the person at the terminal."""


class Refusal(Exception):
    """The start cannot go on; the message says why and what to do."""
