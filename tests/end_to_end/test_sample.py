"""The seed contract on the stack that `make run` starts."""

from tests.end_to_end.sample_cases import SampleCases


class TestSample(SampleCases):
    """On processes."""
