"""The settings of delivery: where providers are, how to be let in, and what the references in subscriptions mean.

One YAML file that only the process may read: it holds secrets and people's addresses, so nothing here repeats a value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from safety_stream.catalogue.documents import UnreadableError, read_document

Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Reference = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+/$", max_length=1_000)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MailSettings(_Settings):
    """A mail server that takes mail from us. `security`: TLS from the first byte, by STARTTLS, or none."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["tls", "starttls", "none"] = "starttls"
    sender: Text
    user: Text | None = None
    password: SecretStr | None = None


class NotifySettings(_Settings):
    """GOV.UK Notify: an API key and two templates, each of `((subject))` and `((body))` or of `((body))` alone."""

    key: SecretStr
    email_template: Text
    text_template: Text
    url: Text = "https://api.notifications.service.gov.uk"


class WebhookSettings(_Settings):
    """Web hooks: the key from which each subscription's secret is made.

    `private_addresses` lets hooks be reached without TLS and in private networks: for tests on one machine.
    """

    key: SecretStr = Field(min_length=32)
    private_addresses: bool = False


class AppriseSettings(_Settings):
    """Whatever apprise knows; addresses are its URLs."""


class DeliverySettings(_Settings):
    """The whole file. `link` is where the pages are: the address of an alert is this and its id."""

    link: Link
    addresses: dict[Reference, SecretStr] = {}
    mail: MailSettings | None = None
    notify: NotifySettings | None = None
    webhook: WebhookSettings | None = None
    apprise: AppriseSettings | None = None


class SettingsFault(ValueError):
    """The settings are stated wrongly. The sentence says where and what mends it, and holds no value."""


def read_delivery_settings(path: Path) -> DeliverySettings:
    """Read the file. Raises `SettingsFault`, and `OSError` when it cannot be read."""
    try:
        value = read_document(path).value
    except UnreadableError as error:
        raise SettingsFault(f"{path}:{error.line}: {error.what}; {error.mend}") from None
    try:
        return DeliverySettings.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        said = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults[:5])
        raise SettingsFault(f"{path}: {said or 'there is nothing in it'}") from None
