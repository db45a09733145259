//! Decimals, with the zeros at their ends.

use larder_core::wire::{Malformed, Reader, Write};
#[cfg(feature = "with-bigdecimal")]
use sea_orm::prelude::BigDecimal;
#[cfg(feature = "with-rust_decimal")]
use sea_orm::prelude::Decimal;

use super::value::{MOST_OTHER, number, signed};

/// The bit beside the scale that says that it is below zero, or a zero of that sign.
#[cfg(feature = "with-rust_decimal")]
const NEGATIVE: u32 = 0x80;

#[cfg(feature = "with-rust_decimal")]
pub(super) fn put_decimal(decimal: Decimal, into: &mut Vec<u8>) {
    let sign = u32::from(decimal.is_sign_negative()) * NEGATIVE;
    into.put_number((decimal.scale() | sign).into());
    into.put(&decimal.mantissa().unsigned_abs().to_le_bytes()[..12]);
}

#[cfg(feature = "with-rust_decimal")]
pub(super) fn decimal(reader: &mut Reader<'_>) -> Result<Decimal, Malformed> {
    let scale: u32 = number(reader)?;
    let mut mantissa = [0; 16];
    mantissa[..12].copy_from_slice(reader.take(12)?);
    let mantissa = i128::from_le_bytes(mantissa);
    let decimal = Decimal::try_from_i128_with_scale(mantissa, scale & !NEGATIVE);
    let mut decimal = decimal.map_err(|_| Malformed)?;
    decimal.set_sign_negative(scale & NEGATIVE != 0);
    Ok(decimal)
}

/// Digits as text, and where the point stands: the library tells no other form by itself.
#[cfg(feature = "with-bigdecimal")]
pub(super) fn put_big(decimal: &BigDecimal, into: &mut Vec<u8>) {
    let (digits, scale) = decimal.as_bigint_and_exponent();
    into.put_signed(scale);
    into.put_counted(digits.to_string().as_bytes());
}

#[cfg(feature = "with-bigdecimal")]
pub(super) fn big(reader: &mut Reader<'_>) -> Result<BigDecimal, Malformed> {
    let scale = signed(reader)?;
    let digits = reader.text()?;
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    if digits.len() > MOST_OTHER || !plain.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Malformed);
    }
    let whole: BigDecimal = digits.parse().map_err(|_| Malformed)?;
    let (digits, _) = whole.into_bigint_and_exponent();
    Ok(BigDecimal::new(digits, scale))
}
