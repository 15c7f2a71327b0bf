//! Logs: whatever part is refused, the collection stays sound.

use kindex::collection::Replay;
use kindex::{Collection, Config, Metric, Quantization};

use crate::exercise;
use crate::frames::frame;
use crate::heap::bounded;

/// Options by the first byte.
pub(crate) fn config(how: u8) -> Config {
    let mut config = Config::new(1 + usize::from(how % 5));
    config.metric = [Metric::Cosine, Metric::Dot, Metric::Euclidean][usize::from(how / 5 % 3)];
    if how & 0x40 != 0 {
        config.quantization = Quantization::None;
    }
    config.keep_vectors = how & 0xc0 != 0x80;
    config
}

/// Taken if every part was.
pub(crate) fn replay(input: &[u8]) -> bool {
    let Some((&how, rest)) = input.split_first() else { return false };
    let parts = frame(rest);
    let mut collection = Collection::new(config(how)).expect("the options are good");
    let mut replay = Replay::new();
    let length = parts.iter().map(Vec::len).sum();
    let mut taken = true;
    bounded(length, || {
        for part in &parts {
            let generation = collection.generation();
            match replay.feed(&mut collection, part) {
                Ok(Some(outcome)) => assert_eq!(outcome.generation, generation + 1),
                Ok(None) => {}
                Err(error) => {
                    exercise::is_about_bytes(&error);
                    assert_eq!(collection.generation(), generation);
                    taken = false;
                }
            }
        }
    });
    assert!(replay.finish() <= parts.len());
    collection.check().expect("what was replayed is sound");
    exercise::read(&collection);
    taken
}
