"""The seeded synthetic county: partners' reports in order of arrival, with planted stories and their ground truth.

Nobody in it is real: persons, vehicles and phones are random tokens, addresses lie in a range of reference numbers
that is not issued. The same seed gives the same bytes.
"""

from safety_stream.synthetic.county import generate, ground_truth
from safety_stream.synthetic.report import SyntheticReport
from safety_stream.synthetic.settings import County, read_county
from safety_stream.synthetic.stories import Story

__all__ = ["County", "Story", "SyntheticReport", "generate", "ground_truth", "read_county"]
