"""Wire shapes of custom fields, and of their place on a product (catalog spec 3.1)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo
from typing_extensions import TypeAliasType, TypedDict

from boreal.kit.schemas import (
    UUID4,
    Boolean,
    Identified,
    MetadataInput,
    MetadataOutputType,
    NumberOnly,
    Schema,
    Timestamped,
)

Text = Annotated[str, Field(min_length=1)]
Length = Annotated[int, Field(ge=0, le=2**31 - 1), NumberOnly]
Bound = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), NumberOnly]
Slug = Annotated[str, Field(min_length=1, pattern="^[a-z0-9-_]+$")]


def _is_above(value: int, info: ValidationInfo) -> int:
    """Refuses an upper bound below the lower one (catalog spec 3.1)."""
    if value < info.data.get("ge", value):
        raise ValueError("Greater than or equal (ge) must be less than or equal to Less than or equal (le)")
    return value


UpperBound = Annotated[Bound, AfterValidator(_is_above)]


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
    le: UpperBound


class CustomFieldDateProperties(CustomFieldCheckboxProperties, total=False):
    """Between which days the value lies, as Unix seconds, bounds included."""

    ge: Bound
    le: UpperBound


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


class CustomFieldCreateBase(Schema):
    """What new fields of every type have."""

    metadata: MetadataInput = Field(default_factory=dict)
    slug: Slug
    name: Text
    organization_id: UUID4 | None = None


class CustomFieldCreateText(CustomFieldCreateBase):
    """A new field for text."""

    type: Literal["text"]
    properties: CustomFieldTextProperties


class CustomFieldCreateNumber(CustomFieldCreateBase):
    """A new field for a whole number."""

    type: Literal["number"]
    properties: CustomFieldNumberProperties


class CustomFieldCreateDate(CustomFieldCreateBase):
    """A new field for a date."""

    type: Literal["date"]
    properties: CustomFieldDateProperties


class CustomFieldCreateCheckbox(CustomFieldCreateBase):
    """A new box to tick."""

    type: Literal["checkbox"]
    properties: CustomFieldCheckboxProperties


class CustomFieldCreateSelect(CustomFieldCreateBase):
    """A new choice of one option."""

    type: Literal["select"]
    properties: CustomFieldSelectProperties


CustomFieldCreate = TypeAliasType(
    "CustomFieldCreate",
    Annotated[
        CustomFieldCreateText
        | CustomFieldCreateNumber
        | CustomFieldCreateDate
        | CustomFieldCreateCheckbox
        | CustomFieldCreateSelect,
        Field(discriminator="type"),
    ],
)


class CustomFieldUpdateBase(Schema):
    """Changes of a field; what is absent or null stays. The type is named as it is, and tells which properties fit."""

    metadata: MetadataInput = Field(default_factory=dict)
    name: Text | None = None
    slug: Slug | None = None


class CustomFieldUpdateText(CustomFieldUpdateBase):
    """Changes of a field for text."""

    type: Literal["text"]
    properties: CustomFieldTextProperties | None = None


class CustomFieldUpdateNumber(CustomFieldUpdateBase):
    """Changes of a field for a whole number."""

    type: Literal["number"]
    properties: CustomFieldNumberProperties | None = None


class CustomFieldUpdateDate(CustomFieldUpdateBase):
    """Changes of a field for a date."""

    type: Literal["date"]
    properties: CustomFieldDateProperties | None = None


class CustomFieldUpdateCheckbox(CustomFieldUpdateBase):
    """Changes of a box to tick."""

    type: Literal["checkbox"]
    properties: CustomFieldCheckboxProperties | None = None


class CustomFieldUpdateSelect(CustomFieldUpdateBase):
    """Changes of a choice of one option."""

    type: Literal["select"]
    properties: CustomFieldSelectProperties | None = None


CustomFieldUpdate = TypeAliasType(
    "CustomFieldUpdate",
    Annotated[
        CustomFieldUpdateText
        | CustomFieldUpdateNumber
        | CustomFieldUpdateDate
        | CustomFieldUpdateCheckbox
        | CustomFieldUpdateSelect,
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
