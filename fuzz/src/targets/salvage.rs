//! Repairing: whatever comes, what is kept is sound, and costs no more than its bytes are worth.

use kindex::Code;
use kindex::codec::{LogItem, LogSalvage, next_log_item};
use kindex::collection::Salvage;

use crate::exercise;
use crate::frames::frame;
use crate::heap::bounded;

/// The first byte says how the rest comes, as for snapshots. Taken if something was kept.
pub(crate) fn repair(input: &[u8]) -> bool {
    let Some((&how, rest)) = input.split_first() else { return false };
    let bytes = if how & 1 == 0 { rest.to_vec() } else { frame(rest).concat() };
    let piece = 1 + usize::from(how >> 1) * 7;
    let repair = bounded(2 * bytes.len(), || {
        let mut salvage = Salvage::new();
        bytes.chunks(piece).try_for_each(|piece| salvage.push(piece))?;
        salvage.finish()
    });
    let mut repair = match repair {
        Ok(repair) => repair,
        Err(error) => {
            exercise::is_about_bytes(&error);
            return false;
        }
    };
    // The same bytes as a log: the parts in them, and what lies between.
    let mut finder = LogSalvage::default();
    let mut sink = |item: Option<LogItem<'_>>| match item {
        Some(LogItem::Part(part)) => repair.replay(part),
        Some(LogItem::Seal(generation)) => {
            repair.sealed(generation);
            Ok(())
        }
        Some(LogItem::Documents(..)) => Ok(()),
        None => {
            repair.damaged_log();
            Ok(())
        }
    };
    let read = finder.push(&bytes, &mut sink).and_then(|()| finder.end(&mut sink));
    if let Err(error) = read {
        assert!(matches!(error.code(), Code::NewerVersion | Code::OutOfMemory), "{error}");
    }
    let mut front = bytes.as_slice();
    while let Ok(Some((_, length))) = next_log_item(front, true) {
        front = &front[length..];
    }
    for chunk in repair.end_log() {
        repair.check_document_chunk(chunk, None).expect("no chunk, no version");
    }
    let kept = repair.report().part(kindex::collection::StoredPart::Records).whole;
    let mut collection = repair.finish().expect("what is kept is sound");
    assert_eq!(collection.len() as u64, kept);
    exercise::read(&collection);
    exercise::write(&mut collection);
    true
}
