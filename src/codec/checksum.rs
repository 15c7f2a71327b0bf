//! CRC-32 (IEEE 802.3), the checksum of every format here.
//!
//! Natively it is `crc32fast`, for the instructions that processors have for it. In WebAssembly there
//! are none, and the tables of that crate are 16 KB which a page would load uncompressed: here they
//! are computed when the first checksum is.

/// A checksum over pieces.
#[cfg(not(target_arch = "wasm32"))]
pub(super) use crc32fast::Hasher as Checksum;

#[cfg(target_arch = "wasm32")]
pub(super) use tables::Checksum;

#[cfg(any(target_arch = "wasm32", test))]
mod tables {
    use std::sync::OnceLock;

    /// Bytes that are taken in one step.
    const STEP: usize = 16;
    /// The polynomial, lowest power in the highest bit.
    const POLYNOMIAL: u32 = 0xedb8_8320;

    /// For each byte what it does to the checksum when so many bytes follow it in its step.
    type Tables = [[u32; 256]; STEP];

    static TABLES: OnceLock<Box<Tables>> = OnceLock::new();

    fn tables() -> &'static Tables {
        TABLES.get_or_init(|| {
            let mut tables = Box::new([[0; 256]; STEP]);
            for byte in 0..256u32 {
                let mut crc = byte;
                for _ in 0..8 {
                    crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
                }
                tables[0][byte as usize] = crc;
            }
            for following in 1..STEP {
                for byte in 0..256 {
                    let crc = tables[following - 1][byte];
                    tables[following][byte] = crc >> 8 ^ tables[0][(crc & 0xff) as usize];
                }
            }
            tables
        })
    }

    /// A checksum over pieces, a table lookup for each byte of a step (Intel's slicing).
    pub(in crate::codec) struct Checksum {
        /// Complemented, as the standard begins and ends.
        state: u32,
    }

    impl Checksum {
        pub(in crate::codec) fn new() -> Self {
            Self { state: !0 }
        }

        pub(in crate::codec) fn update(&mut self, bytes: &[u8]) {
            let tables = tables();
            let (steps, rest) = bytes.as_chunks::<STEP>();
            let mut crc = self.state;
            for step in steps {
                let mut step = *step;
                step.iter_mut().zip(crc.to_le_bytes()).for_each(|(byte, crc)| *byte ^= crc);
                crc =
                    (0..STEP).fold(0, |crc, at| crc ^ tables[STEP - 1 - at][usize::from(step[at])]);
            }
            for &byte in rest {
                crc = crc >> 8 ^ tables[0][usize::from(crc as u8 ^ byte)];
            }
            self.state = crc;
        }

        pub(in crate::codec) fn finalize(self) -> u32 {
            !self.state
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::tables::Checksum;

    fn checksum(pieces: &[&[u8]]) -> u32 {
        let mut checksum = Checksum::new();
        pieces.iter().for_each(|piece| checksum.update(piece));
        checksum.finalize()
    }

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(checksum(&[b"123456789"]), 0xcbf4_3926);
        assert_eq!(checksum(&[]), 0);
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn tables_and_instructions_agree_however_bytes_are_cut() {
        let bytes: Vec<u8> = (0..300u32).map(|i| (i * i * 7 % 251) as u8).collect();
        for length in 0..bytes.len() {
            let bytes = &bytes[..length];
            let expected = crc32fast::hash(bytes);
            for cut in [0, length / 3, length / 2, length] {
                let (first, second) = bytes.split_at(cut);
                assert_eq!(checksum(&[first, second]), expected, "{length} bytes, cut at {cut}");
            }
        }
    }
}
