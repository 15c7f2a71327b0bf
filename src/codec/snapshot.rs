//! The frames of a snapshot.
//!
//! `HEAD`, `CONF`, then any number of `DOCS`, then `INDX`, `RECS`, `BIDS` and `VIEW`, and `ENDS` with
//! the counts of what came before.

use crate::batch_rows::{DOCUMENT, DocumentAt, METADATA};
use crate::codec::bytes::{Put, Reader};
use crate::config::{Config, Quantization};
use crate::error::Error;
use crate::metric::Metric;
use crate::text_column::TextColumn;

/// The most batches: what JavaScript counts exactly.
pub(crate) const MAX_GENERATION: u64 = (1 << 53) - 1;

/// What a snapshot says of the whole collection.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Head {
    pub(crate) config: Config,
    pub(crate) generation: u64,
    pub(crate) next_document_chunk: u32,
    pub(crate) records: u32,
}

impl Head {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let config = &self.config;
        out.put_length(config.dimension);
        out.push(metric_number(config.metric));
        out.push(quantization_number(config.quantization));
        out.push(u8::from(config.keep_vectors));
        out.put_length(config.m);
        out.put_length(config.ef_construction);
        out.put_u64(config.seed);
        out.put_u64(self.generation);
        out.put_u32(self.next_document_chunk);
        out.put_u32(self.records);
    }

    pub(crate) fn decode(mut fields: Reader<'_>) -> Result<Self, Error> {
        let mut config = Config::new(fields.length()?);
        config.metric = metric(fields.u8()?)?;
        config.quantization = quantization(fields.u8()?)?;
        config.keep_vectors = match fields.u8()? {
            0 => false,
            1 => true,
            other => return Err(Error::corrupt(format!("keepVectors is {other}"))),
        };
        config.m = fields.length()?;
        config.ef_construction = fields.length()?;
        config.seed = fields.u64()?;
        let head = Self {
            config,
            generation: read_generation(&mut fields)?,
            next_document_chunk: fields.u32()?,
            records: fields.u32()?,
        };
        fields.finish()?;
        if head.next_document_chunk == u32::MAX {
            return Err(Error::corrupt("the collection has more documents than there can be"));
        }
        head.config.validate().map_err(|error| Error::corrupt(error.message()))?;
        Ok(head)
    }
}

/// How many batches a collection has had, or which of them one is.
pub(crate) fn read_generation(fields: &mut Reader<'_>) -> Result<u64, Error> {
    Some(fields.u64()?)
        .filter(|&generation| generation <= MAX_GENERATION)
        .ok_or_else(|| Error::corrupt("the collection has more batches than there can be"))
}

const METRICS: [(u8, Metric); 3] = [(1, Metric::Cosine), (2, Metric::Dot), (3, Metric::Euclidean)];
const QUANTIZATIONS: [(u8, Quantization); 3] =
    [(1, Quantization::None), (2, Quantization::Int8), (3, Quantization::Binary)];

fn metric_number(metric: Metric) -> u8 {
    METRICS.iter().find(|(_, known)| *known == metric).expect("every metric has a number").0
}

fn metric(number: u8) -> Result<Metric, Error> {
    METRICS
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, metric)| *metric)
        .ok_or_else(|| Error::corrupt(format!("unknown metric {number}")))
}

fn quantization_number(quantization: Quantization) -> u8 {
    QUANTIZATIONS
        .iter()
        .find(|(_, known)| *known == quantization)
        .expect("every quantisation has a number")
        .0
}

fn quantization(number: u8) -> Result<Quantization, Error> {
    QUANTIZATIONS
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, quantization)| *quantization)
        .ok_or_else(|| Error::corrupt(format!("unknown quantisation {number}")))
}

/// Records, all but their vectors.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) slots: Vec<u32>,
    pub(crate) ids: TextColumn,
    /// Empty where there is none; no metadata is the empty text.
    pub(crate) metadata: TextColumn,
    pub(crate) places: Vec<DocumentAt>,
}

impl Records {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let rows = 0..self.slots.len();
        out.put_length(rows.len());
        out.put_u32s(&self.slots);
        out.extend(rows.clone().map(|row| {
            let metadata = if self.metadata.size(row) > 0 { METADATA } else { 0 };
            let document = if self.places[row].some().is_some() { DOCUMENT } else { 0 };
            metadata | document
        }));
        self.ids.encode(out, rows.clone());
        self.metadata.encode(out, rows);
        for place in self.places.iter().filter_map(|place| place.some()) {
            out.put_u32(place.chunk);
            out.put_u32(place.row);
        }
    }

    pub(crate) fn decode(mut fields: Reader<'_>) -> Result<Self, Error> {
        let count = fields.length()?;
        let slots = fields.u32s(count)?;
        let given = fields.take(count)?;
        let ids = TextColumn::decode(&mut fields, count)?;
        let metadata = TextColumn::decode(&mut fields, count)?;
        let mut places = Vec::with_capacity(count);
        for (row, &given) in given.iter().enumerate() {
            if given & !(METADATA | DOCUMENT) != 0
                || (given & METADATA != 0) != (metadata.size(row) > 0)
            {
                return Err(Error::corrupt(format!("row {row} of the records contradicts itself")));
            }
            places.push(if given & DOCUMENT != 0 {
                let place = DocumentAt { chunk: fields.u32()?, row: fields.u32()? };
                place.some().ok_or_else(|| Error::corrupt("a document has no place"))?
            } else {
                DocumentAt::NONE
            });
        }
        fields.finish()?;
        Ok(Self { slots, ids, metadata, places })
    }
}

/// How many frames and document chunks came before the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct End {
    pub(crate) frames: u32,
    pub(crate) document_chunks: u32,
}

impl End {
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.put_u32(self.frames);
        out.put_u32(self.document_chunks);
    }

    pub(crate) fn decode(mut fields: Reader<'_>) -> Result<Self, Error> {
        let end = Self { frames: fields.u32()?, document_chunks: fields.u32()? };
        fields.finish()?;
        Ok(end)
    }
}
