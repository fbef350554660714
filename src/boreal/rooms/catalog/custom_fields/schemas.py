"""Wire shapes of custom fields, and of their place on a product (catalog spec 3.1)."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from boreal.kit.schemas import (
    UUID4,
    Boolean,
    Identified,
    MetadataOutputType,
    NumberOnly,
    Schema,
    Timestamped,
)

Text = Annotated[str, Field(min_length=1)]
Length = Annotated[int, Field(ge=0, le=2**31 - 1), NumberOnly]
Bound = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), NumberOnly]


class CustomFieldCheckboxProperties(TypedDict, total=False):
    """What the form says about a field; a property that was not set is absent, never null."""

    form_label: Text
    form_help_text: Text
    form_placeholder: Text


class CustomFieldTextProperties(CustomFieldCheckboxProperties, total=False):
    """How much text the field takes."""

    textarea: Boolean
    min_length: Length
    max_length: Length


class CustomFieldNumberProperties(CustomFieldCheckboxProperties, total=False):
    """Between which numbers the value lies, bounds included."""

    ge: Bound
    le: Bound


class CustomFieldDateProperties(CustomFieldCheckboxProperties, total=False):
    """Between which days the value lies, as Unix seconds, bounds included."""

    ge: Bound
    le: Bound


class CustomFieldSelectOption(Schema):
    """One choice."""

    value: Text
    label: Text


class CustomFieldSelectProperties(CustomFieldCheckboxProperties):
    """What there is to choose from."""

    options: Annotated[list[CustomFieldSelectOption], Field(min_length=1)]


class CustomFieldBase(Identified, Timestamped):
    """What fields of every type tell."""

    metadata: MetadataOutputType
    slug: str
    name: str
    organization_id: UUID4


class CustomFieldText(CustomFieldBase):
    """A field for text."""

    type: Literal["text"]
    properties: CustomFieldTextProperties


class CustomFieldNumber(CustomFieldBase):
    """A field for a whole number."""

    type: Literal["number"]
    properties: CustomFieldNumberProperties


class CustomFieldDate(CustomFieldBase):
    """A field for a date."""

    type: Literal["date"]
    properties: CustomFieldDateProperties


class CustomFieldCheckbox(CustomFieldBase):
    """A box to tick."""

    type: Literal["checkbox"]
    properties: CustomFieldCheckboxProperties


class CustomFieldSelect(CustomFieldBase):
    """A choice of one option."""

    type: Literal["select"]
    properties: CustomFieldSelectProperties


CustomField = TypeAliasType(
    "CustomField",
    Annotated[
        CustomFieldText | CustomFieldNumber | CustomFieldDate | CustomFieldCheckbox | CustomFieldSelect,
        Field(discriminator="type"),
    ],
)


class AttachedCustomField(Schema):
    """A custom field on a product; `order` counts from 0."""

    custom_field_id: UUID4
    custom_field: CustomField
    order: int
    required: bool


class AttachedCustomFieldCreate(Schema):
    """A custom field to put on a product; the order of the list is the order of the form."""

    custom_field_id: UUID4
    required: Boolean
