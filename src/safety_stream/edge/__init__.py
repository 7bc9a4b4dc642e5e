"""The partner's side: files and records of partners made into reports and put on the bus.

`Connection`, `Report` and `ReportProducer` are all a partner needs to publish; `read_settings` reads how to be let in.
"""

from safety_stream.config import Connection, read_settings
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.edge.producer import NotDelivered, ReportProducer

__all__ = [
    "Connection",
    "NotDelivered",
    "Report",
    "ReportProducer",
    "ReportedParty",
    "ReportedPlace",
    "read_settings",
]
