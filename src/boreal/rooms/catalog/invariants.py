"""What must always hold in the catalog: each query finds what breaks it, so it must find nothing."""

import sqlalchemy as sa

from boreal.core.files import FileServiceTypes
from boreal.core.prices import AmountType, PriceSource
from boreal.rooms.catalog.benefits.tables import BenefitRow, ProductBenefitRow
from boreal.rooms.catalog.custom_fields.tables import CustomFieldRow, ProductCustomFieldRow
from boreal.rooms.catalog.discounts.tables import DiscountRedemptionRow, DiscountRow
from boreal.rooms.catalog.products.tables import ProductMediaRow, ProductPriceRow, ProductRow
from boreal.rooms.platform.public import FileRow

P = ProductRow.c
R = ProductPriceRow.c
D = DiscountRow.c
A = ProductCustomFieldRow.c
F = CustomFieldRow.c

_REDEEMED = sa.select(sa.func.count()).where(DiscountRedemptionRow.c.discount_id == D.id).correlate(DiscountRow)
_ELSEWHERE = sa.exists().where(P.id == sa.func.any(D.product_ids), P.organization_id != D.organization_id)

_LIVE = sa.and_(R.source == PriceSource.CATALOG.value, R.is_archived.is_(False))
_PRICED = sa.select(R.id, R.product_id).join_from(ProductPriceRow, ProductRow, P.id == R.product_id)

_ATTACHED_BENEFITS = (
    sa.select(ProductBenefitRow.c.product_id, ProductBenefitRow.c.benefit_id)
    .join_from(ProductBenefitRow, ProductRow, P.id == ProductBenefitRow.c.product_id)
    .join(BenefitRow, BenefitRow.c.id == ProductBenefitRow.c.benefit_id)
)
_ATTACHED_MEDIAS = (
    sa.select(ProductMediaRow.c.product_id, ProductMediaRow.c.file_id)
    .join_from(ProductMediaRow, ProductRow, P.id == ProductMediaRow.c.product_id)
    .join(FileRow, FileRow.c.id == ProductMediaRow.c.file_id)
)

INVARIANTS = {
    "a price belongs to the organization of its product": _PRICED.where(R.organization_id != P.organization_id),
    "a product has a live price": sa.select(P.id).where(
        ~sa.exists().where(R.product_id == P.id, _LIVE).correlate(ProductRow)
    ),
    "a product has at most one live static price": sa.select(R.product_id)
    .where(_LIVE, R.amount_type != AmountType.METERED_UNIT.value)
    .group_by(R.product_id)
    .having(sa.func.count() > 1),
    "only a recurring product has metered prices": _PRICED.where(
        R.amount_type == AmountType.METERED_UNIT.value, P.recurring_interval.is_(None)
    ),
    "an attached custom field lives, in the organization of its product": sa.select(F.id, P.id.label("product_id"))
    .select_from(ProductCustomFieldRow)
    .join(CustomFieldRow, F.id == A.custom_field_id)
    .join(ProductRow, P.id == A.product_id)
    .where(sa.or_(F.deleted_at.is_not(None), F.organization_id != P.organization_id)),
    "a discount counts its redemptions": sa.select(D.id).where(D.redemptions_count != _REDEEMED.scalar_subquery()),
    "a discount is limited to products of its organization": sa.select(D.id).where(_ELSEWHERE.correlate(DiscountRow)),
    "a benefit of a product is there, and of its organization": _ATTACHED_BENEFITS.where(
        sa.or_(BenefitRow.c.deleted_at.is_not(None), BenefitRow.c.organization_id != P.organization_id)
    ),
    "a picture of a product is uploaded, and of its organization": _ATTACHED_MEDIAS.where(
        sa.or_(
            ~FileRow.c.is_uploaded,
            FileRow.c.service != FileServiceTypes.PRODUCT_MEDIA.value,
            FileRow.c.organization_id != P.organization_id,
        )
    ),
}
