//! Decimal numbers to the nearest 64-bit float, ties to the even one.
//!
//! The standard library's reader has a table of 10 KB that no compression helps, and that every page
//! would load. This one divides: up to 19 digits in one step, the few longer ones bit by bit.

use std::cmp::Ordering;

/// Digits that fit 64 bits, however large they are.
const SHORT: usize = 19;
/// Digits that are told apart. A number exactly between two floats has at most 767; of what follows
/// it only matters whether it is more than nothing.
const LONG: usize = 770;
/// The power of two that the smallest float is.
const LEAST_PLACE: i32 = -1074;
/// Bits of a float's fraction with the leading one.
const FRACTION_BITS: i32 = f64::MANTISSA_DIGITS.cast_signed();

/// A decimal number without its sign.
#[derive(Default)]
struct Decimal {
    /// The first significant digits, at most [`SHORT`].
    head: u64,
    /// The significant digits.
    digits: usize,
    /// Whether there are more than zeros behind the head.
    longer: bool,
    /// The power of ten that `head` is multiplied with.
    exponent: i64,
}

/// The float nearest to a number in JSON's grammar; infinity where it is beyond all of them.
pub(crate) fn nearest(text: &str) -> f64 {
    let (text, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let decimal = Decimal::read(text);
    let size = decimal.by_floats().or_else(|| decimal.by_integers());
    let size = size.unwrap_or_else(|| decimal.by_long_division(text));
    if negative { -size } else { size }
}

impl Decimal {
    fn read(text: &str) -> Self {
        let mut decimal = Self::default();
        let mut after_point = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    let digit = byte - b'0';
                    decimal.exponent -= i64::from(after_point);
                    decimal.digits += usize::from(digit > 0 || decimal.digits > 0);
                    if decimal.digits <= SHORT {
                        decimal.head = decimal.head * 10 + u64::from(digit);
                    } else {
                        decimal.exponent += 1;
                        decimal.longer |= digit > 0;
                    }
                }
                b'.' => after_point = true,
                _ => {
                    decimal.exponent += power(&text[at + 1..]);
                    break;
                }
            }
        }
        decimal
    }

    /// One rounding of two numbers that are exact.
    fn by_floats(&self) -> Option<f64> {
        let exact = !self.longer && self.head <= 1 << FRACTION_BITS;
        if !exact || self.exponent.abs() > 22 {
            return (self.head == 0).then_some(0.0);
        }
        let power = (0..self.exponent.abs()).fold(1.0, |power, _| power * 10.0);
        let head = self.head as f64;
        Some(if self.exponent < 0 { head / power } else { head * power })
    }

    /// One quotient of integers with its remainder.
    fn by_integers(&self) -> Option<f64> {
        if self.longer || self.exponent.abs() > SHORT as i64 {
            return None;
        }
        let head = u128::from(self.head);
        let power = u128::from(10u64.pow(self.exponent.unsigned_abs() as u32));
        if self.exponent >= 0 {
            return Some(rounded(head * power, false, 0));
        }
        let zeros = head.leading_zeros();
        let wide = head << zeros;
        Some(rounded(wide / power, !wide.is_multiple_of(power), -zeros.cast_signed()))
    }

    #[cold]
    fn by_long_division(&self, text: &str) -> f64 {
        // The power of ten above the number.
        let magnitude = self.digits.min(SHORT) as i64 + self.exponent;
        if !(-323..=309).contains(&magnitude) {
            return if magnitude < 0 { 0.0 } else { f64::INFINITY };
        }
        let mut number = Big(Vec::new());
        let digits = text.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.'));
        let mut digits = digits.filter(|&byte| byte != b'.').skip_while(|&byte| byte == b'0');
        digits.by_ref().take(LONG).for_each(|byte| number.multiply_add(10, u32::from(byte - b'0')));
        let mut taken = self.digits.min(LONG);
        if digits.any(|byte| byte != b'0') {
            number.multiply_add(10, 1);
            taken += 1;
        }
        let mut divisor = Big(vec![1]);
        let exponent = magnitude - taken as i64;
        let scaled = if exponent < 0 { &mut divisor } else { &mut number };
        (0..exponent.abs()).for_each(|_| scaled.multiply_add(10, 0));
        // Of one length, and the quotient between a half and two.
        let shift = number.bits() - divisor.bits();
        let shorter = if shift < 0 { &mut number } else { &mut divisor };
        shorter.shift(shift.unsigned_abs());
        let mut quotient = 0;
        for _ in 0..u64::BITS {
            let fits = number.order(&divisor) != Ordering::Less;
            quotient = quotient << 1 | u64::from(fits);
            if fits {
                number.subtract(&divisor);
            }
            number.shift(1);
        }
        rounded(u128::from(quotient), number.bits() > 0, shift - (u64::BITS.cast_signed() - 1))
    }
}

/// What stands behind an `e`, as far as it matters.
fn power(text: &str) -> i64 {
    let (digits, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let digits = digits.bytes().filter(u8::is_ascii_digit).map(|byte| i64::from(byte - b'0'));
    let size = digits.fold(0, |size: i64, digit| (size * 10 + digit).min(1 << 48));
    if negative { -size } else { size }
}

/// The float nearest to `number * 2^exponent`, where `number` is a little more if `inexact`: it has
/// more bits than a float then.
fn rounded(number: u128, inexact: bool, exponent: i32) -> f64 {
    let bits = (u128::BITS - number.leading_zeros()).cast_signed();
    // The power of two of the last bit that there is room for.
    let place = (exponent + bits - FRACTION_BITS).max(LEAST_PLACE);
    let drop = place - exponent;
    let fraction = if drop <= 0 {
        number << -drop
    } else if drop > bits {
        0
    } else {
        let (kept, half) = (number >> drop, 1 << (drop - 1));
        let rest = number - (kept << drop);
        kept + u128::from(rest > half || rest == half && (inexact || kept & 1 == 1))
    };
    // A fraction that carries, or lacks its leading one, is what the next exponent, or 0, stands for.
    let float = (((place - LEAST_PLACE) as u64) << (FRACTION_BITS - 1)) + fraction as u64;
    f64::from_bits(float.min(f64::INFINITY.to_bits()))
}

/// A natural number, lowest 32 bits first, without zeros at the end.
struct Big(Vec<u32>);

impl Big {
    fn bits(&self) -> i32 {
        self.0.last().map_or(0, |last| {
            (self.0.len() as u32 * u32::BITS - last.leading_zeros()).cast_signed()
        })
    }

    fn order(&self, other: &Self) -> Ordering {
        let length = self.0.len().cmp(&other.0.len());
        length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= u32::BITS;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn shift(&mut self, bits: u32) {
        self.multiply_add(1 << (bits % u32::BITS), 0);
        if bits >= u32::BITS && !self.0.is_empty() {
            let mut shifted = vec![0; (bits / u32::BITS) as usize];
            shifted.append(&mut self.0);
            self.0 = shifted;
        }
    }

    /// Takes off what is not larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0;
        let others = other.0.iter().chain(std::iter::repeat(&0));
        for (word, &other) in self.0.iter_mut().zip(others) {
            let difference = i64::from(*word) - i64::from(other) - borrow;
            *word = difference as u32;
            borrow = i64::from(difference < 0);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::nearest;

    fn same(text: &str) -> Result<(), TestCaseError> {
        for text in [text.to_owned(), format!("-{text}")] {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(nearest(&text).to_bits(), expected.to_bits(), "{}", text);
        }
        Ok(())
    }

    #[test]
    fn numbers_that_readers_got_wrong() {
        let zeros = "0".repeat(400);
        let texts = [
            "0",
            "0.0e5",
            "0e999999999999999999999",
            "1e-999999999999999999999",
            "1e999999999999999999999",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "4.9406564584124654e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "9007199254740993",
            "9007199254740993.00000000000000000000000000000000000000000000001",
            "9007199254740992.99999999999999999999999999999999999999999999999",
            "6.8985865317742005e-41",
            "8.41e21",
            "1234567890123456789",
            "12345678901234567890e-19",
            &format!("1{zeros}e-400"),
            &format!("0.{zeros}1e401"),
            &format!("{zeros}7.25"),
            &format!("9007199254740993.{zeros}{zeros}{zeros}"),
            &format!("9007199254740993.{zeros}{zeros}{zeros}1"),
        ];
        texts.into_iter().try_for_each(same).unwrap();
        // The smallest float and a tenth of it, digit for digit.
        let smallest = format!("{:.1074}", f64::from_bits(1));
        same(&smallest).unwrap();
        same(&format!("{smallest}e-1")).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn any_digits(whole in "[1-9][0-9]{0,24}", part in "(\\.[0-9]{1,40})?", power in -360..340i32) {
            same(&format!("{whole}{part}"))?;
            same(&format!("{whole}{part}e{power}"))?;
            same(&format!("0.{whole}e{power}"))?;
        }

        /// Half-way between two floats, and to both sides of it.
        #[test]
        fn ties(odd in 1u64 << 52..1 << 53, fives in 0u32..31, twos in 0u32..70) {
            let tie = u128::from(odd * 2 + 1);
            same(&format!("{}", tie << twos))?;
            let small = tie * 5u128.pow(fives);
            for text in [format!("{small}"), format!("{small}.0000000000000001"), format!("{}.9", small - 1)] {
                same(&format!("{text}e-{fives}"))?;
            }
        }

        #[test]
        fn subnormals(bits in 0u64..1 << 53, digits in 1usize..800) {
            same(&format!("{:.digits$e}", f64::from_bits(bits)))?;
        }
    }
}
