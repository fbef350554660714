"""Wire shapes of license keys (usage spec 10)."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from boreal.core.license_keys import LicenseKeyStatus
from boreal.kit.schemas import UUID4, Countable, Identified, Integer, MetadataInput, NumberOnly, Schema, Timestamped
from boreal.rooms.customers.public import CustomerBase

Count = Annotated[Integer, Countable]
Limit = Annotated[Annotated[int, Field(gt=0), NumberOnly], Countable]


class LicenseKeyCustomer(CustomerBase):
    """The customer, as a license key shows it."""


class LicenseKeyRead(Identified, Timestamped):
    """A license key; null limits are unlimited."""

    organization_id: UUID4
    customer_id: UUID4
    customer: LicenseKeyCustomer
    benefit_id: UUID4
    key: str
    display_key: str
    status: LicenseKeyStatus
    limit_activations: int | None
    usage: int
    limit_usage: int | None
    validations: int
    last_validated_at: datetime | None
    expires_at: datetime | None


class LicenseKeyActivationBase(Identified, Timestamped):
    """An instance that uses the key; its conditions are never told."""

    license_key_id: UUID4
    label: str
    meta: dict[str, str | int | float | bool]


class LicenseKeyActivationRead(LicenseKeyActivationBase):
    """An activation with its key."""

    license_key: LicenseKeyRead


class LicenseKeyWithActivations(LicenseKeyRead):
    """A license key with its activations."""

    activations: list[LicenseKeyActivationBase]


class ValidatedLicenseKey(LicenseKeyRead):
    """A license key that is good, with the activation that was asked about."""

    activation: LicenseKeyActivationBase | None


class LicenseKeyUpdate(Schema):
    """Changes of a license key; null takes a limit or the expiry away."""

    status: LicenseKeyStatus | None = None
    usage: Count = 0
    limit_activations: Annotated[int, Field(gt=0, le=1000), NumberOnly] | None = None
    limit_usage: Limit | None = None
    expires_at: AwareDatetime | None = None


class LicenseKeyValidate(Schema):
    """A question whether a key is good, and for what."""

    key: str
    organization_id: UUID4
    activation_id: UUID4 | None = None
    benefit_id: UUID4 | None = None
    customer_id: UUID4 | None = None
    increment_usage: Count | None = None
    conditions: MetadataInput = Field(default_factory=dict)


class LicenseKeyActivate(Schema):
    """A new activation of a key."""

    key: str
    organization_id: UUID4
    label: str
    conditions: MetadataInput = Field(default_factory=dict)
    meta: MetadataInput = Field(default_factory=dict)


class LicenseKeyDeactivate(Schema):
    """The end of an activation."""

    key: str
    organization_id: UUID4
    activation_id: UUID4
