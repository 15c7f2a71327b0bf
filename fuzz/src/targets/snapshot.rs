//! Snapshots: an error about the bytes, or a collection that is safe to use.

use kindex::Collection;

use crate::exercise;
use crate::frames::frame;
use crate::heap::bounded;

/// The first byte says how the rest comes: its lowest bit whether as it is or in the form of
/// [`frames`](crate::frames), the others in pieces of which size.
fn open(input: &[u8]) -> Option<Collection> {
    let (&how, rest) = input.split_first()?;
    let bytes = if how & 1 == 0 { rest.to_vec() } else { frame(rest).concat() };
    let piece = 1 + usize::from(how >> 1) * 7;
    match bounded(bytes.len(), || exercise::load(&bytes, piece)) {
        Ok(collection) => Some(collection),
        Err(error) => {
            exercise::is_about_bytes(&error);
            None
        }
    }
}

pub(crate) fn load(input: &[u8]) -> bool {
    open(input).is_some()
}

pub(crate) fn search(input: &[u8]) -> bool {
    let Some(mut collection) = open(input) else { return false };
    exercise::read(&collection);
    exercise::write(&mut collection);
    true
}
