//! Whether strings have a part in them, for one part and many strings.

/// A longer part is left to the standard library, whose time grows with the string alone. Here it
/// may also grow with the part; but nothing has to be prepared for every string anew.
const LONGEST: usize = 32;
/// Every byte of a word, by multiplication.
const EACH: u64 = 0x0101_0101_0101_0101;

#[derive(Debug)]
pub(crate) struct Part<'a> {
    part: &'a str,
    /// The first byte of the part, eight times; then the last one.
    first: u64,
    last: u64,
}

impl<'a> Part<'a> {
    pub(crate) fn new(part: &'a str) -> Self {
        let eight = |byte: Option<&u8>| u64::from(byte.copied().unwrap_or(0)) * EACH;
        let bytes = part.as_bytes();
        Self { part, first: eight(bytes.first()), last: eight(bytes.last()) }
    }

    /// Whether the text has it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let (part, bytes) = (self.part.as_bytes(), text.as_bytes());
        if part.is_empty() || part.len() > LONGEST {
            return text.contains(self.part);
        }
        let Some(span) = bytes.len().checked_sub(part.len()) else { return false };
        if span < 7 {
            return bytes.windows(part.len()).any(|place| place == part);
        }
        // Eight places at a time; the last eight may be some that were looked at before.
        let mut at = 0;
        loop {
            let ends = word(bytes, at + part.len() - 1) ^ self.last;
            let mut alike = zero_bytes((word(bytes, at) ^ self.first) | ends);
            while alike != 0 {
                let place = at + alike.trailing_zeros() as usize / 8;
                if bytes[place..].starts_with(part) {
                    return true;
                }
                alike &= alike - 1;
            }
            if at + 7 == span {
                return false;
            }
            at = (at + 8).min(span - 7);
        }
    }
}

/// Eight bytes, the first of them the lowest.
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The highest bit of each byte that is zero. A byte above one may be marked that is not.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word & (EACH << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_where_the_standard_library_finds_them() {
        // Few letters, so that parts nearly occur again and again; every length around eight and the longest part.
        let letter = |seed: u32, at: usize| {
            let mixed = (seed.wrapping_add(at as u32)).wrapping_mul(0x9e37_79b1) >> 15;
            ["a", "b", "a", "é"][mixed as usize % 4]
        };
        let made = |seed: u32, length: usize| -> String {
            (0..length).map(|at| letter(seed.wrapping_mul(7919), at)).collect()
        };
        let (mut found, mut missed) = (0, 0);
        for seed in 0..40 {
            for length in (0..40).chain([64, 100]) {
                let text = made(seed, length);
                let inside = text.char_indices().map(|(at, _)| at);
                let tails = inside.step_by(3).map(|at| text[at..].to_owned());
                let others = (0..40).map(|length| made(seed / 2, length));
                for part in tails.chain(others) {
                    let wanted = text.contains(&part);
                    assert_eq!(Part::new(&part).is_in(&text), wanted, "{part:?} in {text:?}");
                    if wanted { found += 1 } else { missed += 1 }
                }
            }
        }
        assert!(found > 10_000 && missed > 10_000, "{found} found, {missed} missed");
        // Bytes one above a match are marked too; none of them is one.
        assert!(!Part::new("ab").is_in("a`aca`aca`ac"));
        assert!(Part::new("\0").is_in("\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\0"));
    }
}
