//! The header of NumPy's array files (NEP 1): a Python dictionary, of which only the form that
//! NumPy itself writes is taken.

use std::io::Read;

use super::{Shape, Value, whole};
use crate::failure::Failure;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own limit on the header's text, beyond which it refuses as well.
const MAX_HEADER_BYTES: usize = 10_000;

/// Reads up to the first value and compares the shape with the file's length.
pub(super) fn read_header(input: &mut impl Read, length: u64) -> Result<Shape, Failure> {
    let magic: [u8; 6] = take(input)?;
    if &magic != MAGIC {
        return Err(Failure::data("expected a .npy file, but the first bytes are not NumPy's"));
    }
    let [major, _minor] = take(input)?;
    let (text_bytes, prefix) = match major {
        1 => (usize::from(u16::from_le_bytes(take(input)?)), 10),
        2 | 3 => (u32::from_le_bytes(take(input)?) as usize, 12),
        _ => return Err(Failure::data(format!("expected .npy version 1 to 3, got {major}"))),
    };
    if text_bytes > MAX_HEADER_BYTES {
        return Err(Failure::data(format!(
            "expected a .npy header of at most {MAX_HEADER_BYTES} bytes, got {text_bytes}"
        )));
    }
    let mut text = vec![0; text_bytes];
    input.read_exact(&mut text).map_err(|_| cut())?;
    let text = std::str::from_utf8(&text)
        .map_err(|_| Failure::data("expected a .npy header of text, got other bytes"))?;
    let shape = parse(text)?;
    let row = shape.dimension as u64 * shape.value.bytes();
    let expected = (shape.rows as u64)
        .checked_mul(row)
        .and_then(|bytes| bytes.checked_add(prefix + text_bytes as u64));
    if expected != Some(length) {
        return Err(Failure::data(format!(
            "expected {} rows of {row} bytes behind a header of {}, but the file has {length} bytes",
            shape.rows,
            prefix + text_bytes as u64
        )));
    }
    Ok(shape)
}

fn take<const N: usize>(input: &mut impl Read) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(|_| cut())?;
    Ok(bytes)
}

fn cut() -> Failure {
    Failure::data("expected a .npy header, but the file ends inside it")
}

fn parse(text: &str) -> Result<Shape, Failure> {
    let value = match between(text, "'descr':", '\'', '\'')? {
        "<f4" => Value::F32,
        "<f2" => Value::F16,
        other => {
            return Err(Failure::data(format!(
                "expected little-endian float32 or float16 ('<f4' or '<f2'), got '{other}'"
            )));
        }
    };
    let order = after(text, "'fortran_order':")?.trim_start();
    if !order.starts_with("False") {
        return Err(Failure::data(
            "expected rows one after the other (C order); save numpy.ascontiguousarray(array)",
        ));
    }
    let sizes: Vec<u64> = between(text, "'shape':", '(', ')')?
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| {
            size.parse().map_err(|_| Failure::data(format!("the shape has {size:?} in it")))
        })
        .collect::<Result<_, _>>()?;
    match sizes[..] {
        [rows, dimension] => Ok(Shape { value, rows: whole(rows)?, dimension: whole(dimension)? }),
        // A single vector is an array of one dimension.
        [dimension] => Ok(Shape { value, rows: 1, dimension: whole(dimension)? }),
        _ => Err(Failure::data(format!(
            "expected an array of rows and components, got one of {} axes",
            sizes.len()
        ))),
    }
}

fn after<'a>(text: &'a str, key: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::data(format!("expected {key} in the .npy header"));
    text.split_once(key).map(|(_, rest)| rest).ok_or_else(missing)
}

fn between<'a>(text: &'a str, key: &str, open: char, close: char) -> Result<&'a str, Failure> {
    after(text, key)?
        .trim_start()
        .strip_prefix(open)
        .and_then(|rest| rest.split_once(close))
        .map(|(inside, _)| inside)
        .ok_or_else(|| Failure::data(format!("expected {open}...{close} behind {key}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Shape, String> {
        read_header(&mut &bytes[..], bytes.len() as u64).map_err(|failure| failure.to_string())
    }

    const GOOD: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }  \n";

    #[test]
    fn shapes_and_types_come_out() {
        let shape = |value, rows, dimension| Ok(Shape { value, rows, dimension });
        assert_eq!(read(&file(GOOD, 24)), shape(Value::F32, 3, 2));
        assert_eq!(read(&file(&GOOD.replace("f4", "f2"), 12)), shape(Value::F16, 3, 2));
        assert_eq!(read(&file(&GOOD.replace("(3, 2)", "(5,)"), 20)), shape(Value::F32, 1, 5));
        let mut second = file(GOOD, 24);
        second[6] = 2;
        second.splice(10..10, [0, 0]);
        assert_eq!(read(&second), shape(Value::F32, 3, 2));
    }

    #[test]
    fn other_arrays_are_refused_with_the_reason() {
        for (from, to, reason) in [
            ("<f4", "<f8", "got '<f8'"),
            ("<f4", ">f4", "got '>f4'"),
            ("False", "True", "C order"),
            ("(3, 2)", "(3, 2, 1)", "3 axes"),
            ("(3, 2)", "()", "0 axes"),
            ("(3, 2)", "(3, -2)", "\"-2\""),
            ("(3, 2)", "(3, 2", "'shape':"),
            ("'descr'", "'type'", "'descr':"),
            ("(3, 2)", "(18446744073709551615, 2)", "but the file has"),
            ("(3, 2)", "(4, 2)", "but the file has"),
        ] {
            let error = read(&file(&GOOD.replace(from, to), 24)).unwrap_err();
            assert!(error.contains(reason), "{to}: {error}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = file(GOOD, 24);
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
