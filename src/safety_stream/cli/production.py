"""What of a process's own settings is not for production (`production.py`), and what its brokers are asked about that.

What can be said of settings alone is said before anybody is asked anything, all of it at once (`terminal.insist`); what
only the brokers know, whether they keep ACLs, once they have let us in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka.admin import AclOperation, AdminClient

from safety_stream.cli.sealing import settings_of
from safety_stream.cli.terminal import connect, insist
from safety_stream.config import Connection
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.production import Shortcoming, is_loopback, of_database, of_listener, of_rights, of_secret

_RANDOM = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
_SECONDS = 10


def connect_as(kafka: Connection, *, production: bool) -> AdminClient:
    """A client of a cluster that lets us in and, in production, keeps everybody to what they may do. Raises `Wrong`."""
    admin = connect(kafka)
    if production:
        insist(of_rights(may_alter_the_cluster=_may_alter_the_cluster(admin)))
    return admin


def of_figures(host: str, port: int | None, tls: Path | None) -> Iterator[Shortcoming]:
    """What is wrong with where figures are served."""
    if port is not None:
        mend = "name a file of certificate and key by --metrics-tls"
        yield from of_listener("figures for Prometheus", host, is_secured=tls is not None, mend=mend)


def of_sealing(path: Path | None) -> Iterator[Shortcoming]:
    """What is wrong with where the keys of persons are. Raises `Wrong` for settings that are none."""
    if path is not None:
        yield from of_database("store in the file of --sealing", settings_of(path).store)


def of_pages(host: str, *, has_sign_in: bool, behind_tls: bool) -> Iterator[Shortcoming]:
    """What is wrong with how people come to the pages."""
    if not has_sign_in:
        mend = "name the settings of your organisation's sign-in by --sign-in (docs/web.md)"
        yield Shortcoming("people choose who they are, without a password", mend)
    mend = "put something in front that speaks TLS, and say so by --behind-tls"
    yield from of_listener("pages", host, is_secured=behind_tls, mend=mend)


def of_cookies(variable: str) -> Iterator[Shortcoming]:
    """What is wrong with what cookies are signed with."""
    yield from of_secret(variable, os.environ.get(variable) or None, _RANDOM)


def of_delivery(settings: DeliverySettings) -> Iterator[Shortcoming]:
    """What is wrong with how people are told."""
    where = "in the file of --delivery"
    if not settings.link.startswith("https://"):
        yield Shortcoming("the link in messages leads to pages in plain text", f"write https in link {where}")
    mail = settings.mail
    if mail is not None and mail.security == "none" and not is_loopback(mail.host):
        yield Shortcoming("mail is handed over in plain text", f"write mail.security: starttls, or tls, {where}")
    if settings.notify is not None and not settings.notify.url.startswith("https://"):
        yield Shortcoming("GOV.UK Notify is spoken to in plain text", f"write https in notify.url {where}")
    if settings.webhook is not None:
        if settings.webhook.private_addresses:
            what = "web hooks may be in plain text and lead into our own network"
            yield Shortcoming(what, f"remove webhook.private_addresses {where}")
        yield from of_secret("webhook.key", settings.webhook.key.get_secret_value(), f"{_RANDOM}; {where}")
    if settings.apprise is not None:
        yield from _of_services(settings, where)


def _of_services(settings: DeliverySettings, where: str) -> Iterator[Shortcoming]:
    from safety_stream.delivery.channels.apprise import is_plain  # noqa: PLC0415 - for whoever has the extra alone

    for name, address in settings.addresses.items():
        if is_plain(address.get_secret_value()):
            mend = f"take the service's scheme with TLS, which ends in s, {where}"
            yield Shortcoming(f"addresses.{name} is a service that is spoken to in plain text", mend)


def _may_alter_the_cluster(admin: AdminClient) -> bool:
    """What nobody may but super users, and everybody where no ACLs are kept. Raises `KafkaException`."""
    cluster = admin.describe_cluster(include_authorized_operations=True, request_timeout=_SECONDS).result()
    # Nothing at all is allowed to whom the cluster does not even describe itself.
    return AclOperation.ALTER in (cluster.authorized_operations or ())
