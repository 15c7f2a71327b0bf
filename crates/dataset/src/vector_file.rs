//! One file of codes; `www/data/README.md` is its specification.

const MAGIC: &[u8; 4] = b"KXV1";
const HEADER_BYTES: usize = 16;
/// Bytes of a row in front of its codes: place (u32), frequency (u16), domain (u8).
const COLUMN_BYTES: usize = 7;

/// WordNet's lexicographer files, by the number that a row stores.
#[rustfmt::skip]
pub const DOMAINS: [&str; 45] = [
    "adj.all", "adj.pert", "adv.all", "noun.Tops", "noun.act", "noun.animal", "noun.artifact",
    "noun.attribute", "noun.body", "noun.cognition", "noun.communication", "noun.event",
    "noun.feeling", "noun.food", "noun.group", "noun.location", "noun.motive", "noun.object",
    "noun.person", "noun.phenomenon", "noun.plant", "noun.possession", "noun.process",
    "noun.quantity", "noun.relation", "noun.shape", "noun.state", "noun.substance", "noun.time",
    "verb.body", "verb.change", "verb.cognition", "verb.communication", "verb.competition",
    "verb.consumption", "verb.contact", "verb.creation", "verb.emotion", "verb.motion",
    "verb.perception", "verb.possession", "verb.social", "verb.stative", "verb.weather", "adj.ppl",
];

/// The columns of a file.
#[derive(Debug)]
pub struct VectorFile {
    /// Rows of the whole data set, of which this file holds a part.
    pub total: usize,
    /// Components of every vector.
    pub dimension: usize,
    /// Where each row stands in the whole set.
    pub places: Vec<usize>,
    /// How often WordNet's tagged texts use the synset.
    pub frequencies: Vec<u16>,
    /// Index into [`DOMAINS`].
    pub domains: Vec<u8>,
    /// Row-major, `dimension` a row.
    pub codes: Vec<i8>,
}

impl VectorFile {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// A sentence: another magic, another length than the header asks for, a place or a domain out
    /// of range, a row without direction.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .filter(|header| header.starts_with(MAGIC))
            .ok_or("expected a file that starts with KXV1 and a header of 16 bytes")?;
        let field = |at: usize| u32_at(header, at);
        let (count, dimension, total) = (field(4), field(8), field(12));
        let expected = HEADER_BYTES as u128 + count as u128 * (COLUMN_BYTES + dimension) as u128;
        if bytes.len() as u128 != expected {
            return Err(format!(
                "expected {expected} bytes for {count} rows of {dimension}, got {}",
                bytes.len()
            ));
        }
        let (places, rest) = bytes[HEADER_BYTES..].split_at(count * 4);
        let (frequencies, rest) = rest.split_at(count * 2);
        let (domains, codes) = rest.split_at(count);
        let file = Self {
            total,
            dimension,
            places: places.chunks_exact(4).map(|place| u32_at(place, 0)).collect(),
            frequencies: frequencies
                .chunks_exact(2)
                .map(|times| u16::from_le_bytes([times[0], times[1]]))
                .collect(),
            domains: domains.to_vec(),
            codes: codes.iter().map(|code| code.cast_signed()).collect(),
        };
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(i) = self.places.iter().position(|&place| place >= self.total) {
            return Err(format!("row {i}: place {} is not below {}", self.places[i], self.total));
        }
        if let Some(i) =
            self.domains.iter().position(|&domain| usize::from(domain) >= DOMAINS.len())
        {
            return Err(format!("row {i}: unknown domain {}", self.domains[i]));
        }
        let zero = |row: &[i8]| row.iter().all(|&code| code == 0);
        match self.codes.chunks_exact(self.dimension.max(1)).position(zero) {
            Some(i) => Err(format!("row {i}: every code is zero")),
            None => Ok(()),
        }
    }

    /// Writes row `i` as floats of unit length into `out`, which holds `dimension` of them.
    pub fn write_unit_vector(&self, i: usize, out: &mut [f32]) {
        let codes = &self.codes[i * self.dimension..][..self.dimension];
        let squares: i64 = codes.iter().map(|&code| i64::from(code) * i64::from(code)).sum();
        let length = (squares as f64).sqrt();
        for (x, &code) in out.iter_mut().zip(codes) {
            *x = (f64::from(code) / length) as f32;
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of three components.
    fn small() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for word in [2u32, 3, 5, 4, 1] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([7, 0, 9, 1]);
        bytes.extend([5, 44]);
        bytes.extend([3u8, 0, 4, 0xff, 0, 0]);
        bytes
    }

    #[test]
    fn columns_and_vectors_come_back() {
        let file = VectorFile::parse(&small()).expect("a whole file");
        assert_eq!((file.total, file.dimension), (5, 3));
        assert_eq!(file.places, [4, 1]);
        assert_eq!(file.frequencies, [7, 256 + 9]);
        assert_eq!(
            file.domains.iter().map(|&i| DOMAINS[usize::from(i)]).collect::<Vec<_>>(),
            ["noun.animal", "adj.ppl"]
        );
        let mut row = [0.0; 3];
        file.write_unit_vector(0, &mut row);
        assert_eq!(row, [0.6, 0.0, 0.8]);
        file.write_unit_vector(1, &mut row);
        assert_eq!(row, [-1.0, 0.0, 0.0]);
    }

    #[test]
    fn a_file_cut_anywhere_or_too_long_is_refused() {
        let bytes = small();
        for end in 0..bytes.len() {
            assert!(VectorFile::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(VectorFile::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn huge_counts_are_refused_before_anything_is_allocated() {
        let mut bytes = small();
        bytes[4..12].fill(0xff);
        assert!(
            VectorFile::parse(&bytes).unwrap_err().contains("for 4294967295 rows of 4294967295")
        );
    }

    #[test]
    fn values_out_of_range_name_their_row() {
        let with = |at: usize, value: u8| {
            let mut bytes = small();
            bytes[at] = value;
            VectorFile::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(16, 5), "row 0: place 5 is not below 5");
        assert_eq!(with(29, 45), "row 1: unknown domain 45");
        assert_eq!(with(33, 0), "row 1: every code is zero");
    }
}
