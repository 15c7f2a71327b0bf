//! Filters: refused, or evaluated; and what they say of a record is one of two things.

use std::sync::OnceLock;

use kindex::collection::{Batch, Operation, Row};
use kindex::metadata::Filter;
use kindex::{Code, Collection, Config, SearchOptions};

use crate::heap::bounded;

const METADATA: [&str; 8] = [
    "{}",
    r#"{"n":1,"tags":["a","b",3],"deep":{"x":null,"y":"text"}}"#,
    r#"{"n":-2.5,"tags":[],"on":true}"#,
    r#"{"n":"1","tags":"a","deep":3}"#,
    r#"{"n":1e300,"deep":{"x":{"y":{"z":[1,2,3]}}}}"#,
    r#"{"":0,".":"","a.b":1}"#,
    r#"{"n":[1,"1",2.5],"on":false}"#,
    r#"{"n":null,"é":"🦀 text"}"#,
];

fn collection() -> &'static Collection {
    static COLLECTION: OnceLock<Collection> = OnceLock::new();
    COLLECTION.get_or_init(|| {
        let mut collection = Collection::new(Config::new(2)).expect("the options are good");
        let mut batch = Batch::new(Operation::Insert, 2, true);
        for (at, metadata) in METADATA.iter().cycle().take(40).enumerate() {
            let vector = [at as f32, 1.0];
            let (id, metadata) = (format!("r{at}"), Some(*metadata).filter(|_| at != 9));
            let row = Row { id: &id, vector: Some(&vector), metadata, document: None };
            batch.push(row).expect("the row is good");
        }
        let prepared = collection.prepare(batch).expect("there is room");
        collection.apply(prepared, &mut |_| {}).expect("the batch is good");
        collection
    })
}

pub(crate) fn parse(input: &[u8]) -> bool {
    let collection = collection();
    let Ok(text) = str::from_utf8(input) else { return false };
    let filter = match bounded(text.len(), || Filter::parse(text)) {
        Ok(filter) => filter,
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidArgument, "{error}");
            return false;
        }
    };
    let matches = collection.find(Some(&filter), usize::MAX, 0);
    assert_eq!(matches.len(), collection.count(Some(&filter)));
    let options = SearchOptions { k: 40, ..SearchOptions::default() };
    let hits = collection.search(&[1.0, 2.0], &options, Some(&filter)).expect("a good query");
    assert_eq!(hits[0].len(), matches.len());
    assert!(hits[0].iter().all(|hit| matches.contains(&hit.slot)));
    // The opposite may be one operator or level too many.
    if let Ok(opposite) = Filter::parse(&format!(r#"{{"$not":{text}}}"#)) {
        assert_eq!(collection.count(Some(&opposite)), collection.len() - matches.len());
    }
    true
}
