"""The partner's side: files and records of partners made into reports and put on the bus.

`Report` and `ReportProducer` are all a partner needs to publish.
"""

from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.edge.producer import NotDelivered, ReportProducer

__all__ = ["NotDelivered", "Report", "ReportProducer", "ReportedParty", "ReportedPlace"]
