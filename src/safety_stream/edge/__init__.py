"""The partner's side: files and records of partners made into reports and put on the bus.

`Connection`, `Report` and `ReportProducer` are all a partner needs to publish; `read_settings` reads how to be let in.
`NotDelivered`, `DocumentFault` and `Unsuitable` are what sending can raise.
"""

from safety_stream.config import Connection, read_settings
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.edge.producer import NotDelivered, ReportProducer
from safety_stream.wire.general import DocumentFault
from safety_stream.wire.specialised import Unsuitable

__all__ = [
    "Connection",
    "DocumentFault",
    "NotDelivered",
    "Report",
    "ReportProducer",
    "ReportedParty",
    "ReportedPlace",
    "Unsuitable",
    "read_settings",
]
