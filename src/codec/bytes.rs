//! Reading and writing little-endian fields.

use crate::error::Error;

/// Reads fields from the front of untrusted bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `what` names them in errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return Err(Error::corrupt(format!(
                "{}: {count} bytes expected where {} are left",
                self.what,
                self.rest.len()
            )));
        };
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A count or length that is stored as `u32`.
    pub(crate) fn length(&mut self) -> Result<usize, Error> {
        Ok(self.u32()? as usize)
    }

    /// `count` times `u32`.
    pub(crate) fn u32s(&mut self, count: usize) -> Result<Vec<u32>, Error> {
        let bytes = self.take(self.size_of(count, 4)?)?;
        Ok(words(bytes).map(u32::from_le_bytes).collect())
    }

    /// `count` times `f32`, whatever their values.
    pub(crate) fn f32s(&mut self, count: usize) -> Result<Vec<f32>, Error> {
        let bytes = self.take(self.size_of(count, 4)?)?;
        Ok(words(bytes).map(f32::from_le_bytes).collect())
    }

    /// Text of `count` bytes.
    pub(crate) fn text(&mut self, count: usize) -> Result<&'a str, Error> {
        let what = self.what;
        str::from_utf8(self.take(count)?)
            .map_err(|error| Error::corrupt(format!("{what}: text is not UTF-8: {error}")))
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Checks that nothing is left over.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt(format!("{}: {} bytes too many", self.what, self.rest.len())))
    }

    fn size_of(&self, count: usize, width: usize) -> Result<usize, Error> {
        count.checked_mul(width).ok_or_else(|| {
            Error::corrupt(format!("{}: {count} fields of {width} bytes overflow", self.what))
        })
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.as_chunks::<4>().0.iter().copied()
}

/// Appends fields.
pub(crate) trait Put {
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    /// A count or length as `u32`. Callers keep what they write below 4 GiB.
    fn put_length(&mut self, value: usize);
    fn put_u32s(&mut self, values: &[u32]);
    fn put_f32s(&mut self, values: &[f32]);
}

impl Put for Vec<u8> {
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_length(&mut self, value: usize) {
        self.put_u32(u32::try_from(value).expect("a length below 4 GiB"));
    }

    fn put_u32s(&mut self, values: &[u32]) {
        put_words(self, values, u32::to_le_bytes);
    }

    fn put_f32s(&mut self, values: &[f32]) {
        put_words(self, values, f32::to_le_bytes);
    }
}

/// Into room that is there already, so that the loop is a copy: appending word by word takes ten times
/// as long.
fn put_words<T: Copy>(bytes: &mut Vec<u8>, values: &[T], word: impl Fn(T) -> [u8; 4]) {
    let start = bytes.len();
    bytes.resize(start + 4 * values.len(), 0);
    let room = bytes[start..].as_chunks_mut::<4>().0;
    room.iter_mut().zip(values).for_each(|(to, &value)| *to = word(value));
}
