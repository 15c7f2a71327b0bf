//! `kindex inspect`: what a snapshot holds.

use std::path::PathBuf;

use lexopt::Arg::{Long, Short};
use serde_json::json;

use crate::arguments::{self, only_file, required};
use crate::failure::Failure;
use crate::source::Source;

const HELP: &str = "\
Says what a snapshot file or a store's folder holds: its options, its records, and the bytes of each part.

USAGE
    kindex inspect PATH [--json]

OPTIONS
    --json    one JSON object, for programs

EXAMPLE
    kindex inspect words.kindex
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut file: Option<PathBuf> = None;
    let mut as_json = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            Long("json") => as_json = true,
            other => only_file(&mut file, other)?,
        }
    }
    let file = required(file, "a snapshot", "inspect")?;
    let snapshot = Source::open(&file)?;
    let config = snapshot.collection().config();
    let stats = snapshot.collection().stats();
    let documents = documents(&snapshot);
    if as_json {
        let report = json!({
            "bytes": snapshot.bytes(),
            "dimension": config.dimension,
            "metric": config.metric.name(),
            "quantization": config.quantization.name(),
            "keepVectors": config.keep_vectors,
            "graph": { "m": config.m, "efConstruction": config.ef_construction },
            "seed": config.seed,
            "generation": stats.generation,
            "records": snapshot.collection().len(),
            "tombstones": stats.index.tombstones,
            "metadataFields": stats.fields,
            "memory": {
                "codes": stats.index.code_bytes,
                "vectors": stats.index.vector_bytes,
                "graph": stats.index.graph_bytes,
                "ids": stats.id_bytes,
                "metadata": stats.metadata_bytes,
                "columns": stats.column_bytes,
                "views": stats.view_bytes,
            },
            "views": snapshot.collection().views().map(|view| json!({
                "name": view.name(),
                "records": view.members().len(),
                "graph": view.has_graph(),
            })).collect::<Vec<_>>(),
            "documents": { "count": documents, "chunks": snapshot.document_chunks() },
        });
        return arguments::print(&format!("{report:#}\n"));
    }
    let floats = if config.keep_vectors { "with float vectors" } else { "codes only" };
    arguments::print(&format!(
        "\
file          {} bytes, generation {}
vectors       {} of {} components, {}, {} ({floats})
graph         m {}, efConstruction {}, {} tombstones
metadata      {} fields
documents     {documents} in {} chunks
views         {}
in memory     codes {}, floats {}, links {}, ids {}, metadata {}, views {} bytes
",
        snapshot.bytes(),
        stats.generation,
        snapshot.collection().len(),
        config.dimension,
        config.metric.name(),
        config.quantization.name(),
        config.m,
        config.ef_construction,
        stats.index.tombstones,
        stats.fields,
        snapshot.document_chunks(),
        snapshot.collection().views().len(),
        stats.index.code_bytes,
        stats.index.vector_bytes,
        stats.index.graph_bytes,
        stats.id_bytes,
        stats.metadata_bytes + stats.column_bytes,
        stats.view_bytes,
    ))
}

/// Records that have a document.
fn documents(snapshot: &Source) -> usize {
    let collection = snapshot.collection();
    let slots = collection.find(None, usize::MAX, 0);
    slots.into_iter().filter(|&slot| collection.document(slot).is_some()).count()
}
