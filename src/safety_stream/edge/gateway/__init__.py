"""The HTTP gateway: partners send reports by it who would rather not speak Kafka.

A report is answered for only when every replica of the broker has it and its receipt is written down; whatever is not
known to be so has no receipt, and may be sent again as often as one likes, because a report is known by its source,
reference, version and action. What a report is, `edge.canonical` says, here as everywhere.
"""
