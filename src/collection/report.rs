//! What a check found, part by part.

/// A part of what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum StoredPart {
    /// The stream itself: its header, its frames and their counts.
    File,
    /// Float vectors.
    Vectors,
    /// Seven-bit codes of vectors.
    Codes,
    /// Links, entry points, and which slots are in use.
    Graph,
    /// Ids, and which vector each belongs to.
    Records,
    /// Metadata, and the columns that filters use.
    Metadata,
    /// The names of batches, by which a retry is known.
    Batches,
    /// Views.
    Views,
    /// Documents.
    Documents,
    /// Batches since the snapshot.
    Log,
}

impl StoredPart {
    /// All parts, in the order of a report.
    pub const ALL: [Self; 10] = [
        Self::File,
        Self::Vectors,
        Self::Codes,
        Self::Graph,
        Self::Records,
        Self::Metadata,
        Self::Batches,
        Self::Views,
        Self::Documents,
        Self::Log,
    ];

    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Vectors => "vectors",
            Self::Codes => "codes",
            Self::Graph => "graph",
            Self::Records => "records",
            Self::Metadata => "metadata",
            Self::Batches => "batches",
            Self::Views => "views",
            Self::Documents => "documents",
            Self::Log => "log",
        }
    }
}

/// In which state a part is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum PartState {
    /// Nothing is wrong with it.
    #[default]
    Ok,
    /// It is damaged; a repair makes it anew without loss.
    Damaged,
    /// It is damaged, and something of it is gone for good.
    Lost,
}

impl PartState {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
        }
    }
}

/// What was found in one part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartReport {
    /// Its state.
    pub state: PartState,
    /// How many things in it are whole: frames, vectors, records, documents, batches.
    pub whole: u64,
    /// How many are gone.
    pub lost: u64,
    /// What is wrong, a sentence each; the first [`MAX_FINDINGS`].
    pub findings: Vec<String>,
}

/// The most findings that a part of a report lists.
pub const MAX_FINDINGS: usize = 100;

/// What a check found, part by part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    parts: [PartReport; StoredPart::ALL.len()],
}

impl Report {
    /// What was found in a part.
    pub fn part(&self, part: StoredPart) -> &PartReport {
        &self.parts[part as usize]
    }

    /// The worst state of any part.
    pub fn state(&self) -> PartState {
        self.parts.iter().map(|part| part.state).max().unwrap_or_default()
    }

    pub(super) fn set_whole(&mut self, part: StoredPart, whole: usize) {
        self.parts[part as usize].whole = whole as u64;
    }

    /// Something is wrong that a repair mends.
    pub(super) fn damaged(&mut self, part: StoredPart, finding: impl Into<String>) {
        self.note(part, PartState::Damaged, 0, finding.into());
    }

    /// So many things are gone.
    pub(super) fn lost(&mut self, part: StoredPart, count: usize, finding: impl Into<String>) {
        self.note(part, PartState::Lost, count, finding.into());
    }

    fn note(&mut self, part: StoredPart, state: PartState, lost: usize, finding: String) {
        let part = &mut self.parts[part as usize];
        part.state = part.state.max(state);
        part.lost += lost as u64;
        if part.findings.len() < MAX_FINDINGS {
            part.findings.push(finding);
        }
    }
}
