"""Delivery: published alerts to those who subscribed to them, by way of an outbox and one file per channel.

What to do about an alert is decided in `deciding`, put into words in `wording` and tried again as `retrying` says, and
whom nobody could tell `covering` says: all four are pure. The edges are `database`, `subscriptions` and `outbox` (SQL),
`sending` (the driver) and `channels`.
"""
