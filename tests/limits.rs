//! Every limit of a batch holds at its edge, and not one past it.

use kindex::collection::{
    Batch, Columns, MAX_BATCH_ID_BYTES, MAX_BATCH_ROWS, MAX_DOCUMENT_BYTES, MAX_ID_BYTES,
    Operation, Row, Texts,
};
use kindex::metadata::MAX_FIELDS;
use kindex::{Code, Collection, Config};

fn row<'a>(id: &'a str, metadata: Option<&'a str>, document: Option<&'a str>) -> Row<'a> {
    Row { id, vector: Some(&[1.0]), metadata, document }
}

/// Writes the rows, or says what is wrong with them and leaves the collection as it was.
fn write(
    collection: &mut Collection,
    operation: Operation,
    rows: &[Row<'_>],
) -> Result<(), Vec<String>> {
    let mut batch = Batch::new(operation, 1, true);
    rows.iter().for_each(|&row| batch.push(row).unwrap());
    let prepared = collection.prepare(batch).unwrap();
    if !prepared.errors().is_empty() {
        let code = |error: &kindex::Error| assert_eq!(error.code(), Code::InvalidArgument);
        prepared.errors().iter().for_each(|item| code(&item.error));
        return Err(prepared.errors().iter().map(|item| item.error.message().to_owned()).collect());
    }
    collection.apply(prepared, &mut |_| {}).unwrap();
    Ok(())
}

fn refused(collection: &mut Collection, row: Row<'_>, part: &str) {
    let before = collection.len();
    let errors = write(collection, Operation::Upsert, &[row]).unwrap_err();
    assert!(errors.len() == 1 && errors[0].contains(part), "{errors:?}");
    assert_eq!(collection.len(), before);
}

#[test]
fn ids_and_documents_have_a_length() {
    let mut collection = Collection::new(Config::new(1)).unwrap();
    let id = format!("{}é", "x".repeat(MAX_ID_BYTES - 2));
    let document = format!("{}é", "x".repeat(MAX_DOCUMENT_BYTES - 2));
    write(&mut collection, Operation::Insert, &[row(&id, None, Some(&document))]).unwrap();
    refused(&mut collection, row(&format!("{id}x"), None, None), "an id of 1 to 512 bytes");
    refused(&mut collection, row("", None, None), "an id of 1 to 512 bytes");
    let longer = format!("{document}x");
    refused(&mut collection, row("a", None, Some(&longer)), "the limit is 4194304");
    assert_eq!(collection.len(), 1);
}

#[test]
fn a_batch_has_a_name_of_some_length_and_so_many_rows() {
    let batch = || Batch::new(Operation::Delete, 1, true);
    assert!(batch().named(&"x".repeat(MAX_BATCH_ID_BYTES)).is_ok());
    for length in [0, MAX_BATCH_ID_BYTES + 1] {
        let error = batch().named(&"x".repeat(length)).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }
    let ids = vec![b'x'; MAX_BATCH_ROWS + 1];
    let ends: Vec<u32> = (1..=ids.len() as u32).collect();
    let columns = |rows: usize| Columns {
        ids: Texts { bytes: &ids[..rows], ends: &ends[..rows], present: &[] },
        ..Columns::default()
    };
    let error = batch().extend(&columns(MAX_BATCH_ROWS + 1)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let mut full = batch();
    full.extend(&columns(MAX_BATCH_ROWS)).unwrap();
    let error = full.push(Row { id: "x", ..Row::default() }).unwrap_err();
    assert!(error.message().contains("2097153 rows is over the limit of 2097152"), "{error}");
    assert_eq!(full.len(), MAX_BATCH_ROWS);
}

#[test]
fn a_collection_has_so_many_fields() {
    let mut collection = Collection::new(Config::new(1)).unwrap();
    // 256 fields a record, which no other has.
    let fields = |record: usize| {
        let one = |at| format!("\"f{}\":1", record * 256 + at);
        format!("{{{}}}", (0..256).map(one).collect::<Vec<_>>().join(","))
    };
    let most = MAX_FIELDS / 256;
    let ids: Vec<_> = (0..most).map(|record| format!("r{record}")).collect();
    let texts: Vec<_> = (0..most).map(fields).collect();
    let mut rows: Vec<_> =
        ids.iter().zip(&texts).map(|(id, text)| row(id, Some(text), None)).collect();
    rows.push(row("one more", Some(r#"{"other":1}"#), None));
    let errors = write(&mut collection, Operation::Insert, &rows).unwrap_err();
    assert!(errors.len() == 1 && errors[0].contains("'other'"), "{errors:?}");
    assert!(errors[0].contains("4097 distinct fields; the limit is 4096"), "{errors:?}");
    assert_eq!(collection.len(), 0);
    let last = rows.pop().unwrap();
    write(&mut collection, Operation::Insert, &rows).unwrap();
    refused(&mut collection, last, "4097 distinct fields");
    // Fields that are there already are no more of them, and those of a record that goes make room.
    write(&mut collection, Operation::Insert, &[row("same", Some(r#"{"f7":2}"#), None)]).unwrap();
    let gone = Row { id: "r1", ..Row::default() };
    write(&mut collection, Operation::Delete, &[gone]).unwrap();
    write(&mut collection, Operation::Insert, &[last]).unwrap();
    assert_eq!(collection.len(), most + 1);
}
