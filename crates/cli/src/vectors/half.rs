//! Half-precision floats, which the standard library does not read yet.

/// The value of an IEEE 754 binary16; every one is exact in an `f32`.
pub(super) fn widen(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::widen;

    #[test]
    fn the_values_of_the_standard_come_out() {
        let known = [
            (0x0000, 0.0),
            (0x0001, 2f32.powi(-24)),
            (0x03ff, 1023.0 * 2f32.powi(-24)),
            (0x0400, 2f32.powi(-14)),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0x3c01, 1.0 + 2f32.powi(-10)),
            (0x7bff, 65_504.0),
            (0xc000, -2.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in known {
            assert_eq!(widen(bits), value, "{bits:#06x}");
        }
        assert!(widen(0x8000).is_sign_negative());
        assert!(widen(0x7e00).is_nan() && widen(0x7c01).is_nan());
    }

    #[test]
    fn values_rise_with_their_bits() {
        for bits in 0..0x7c00 {
            assert!(widen(bits) < widen(bits + 1), "{bits:#06x}");
        }
    }
}
