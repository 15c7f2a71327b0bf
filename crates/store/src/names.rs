//! The names of a store's files.

/// A checkpoint: a snapshot after that many batches.
pub(crate) fn checkpoint(generation: u64) -> String {
    format!("checkpoint-{generation:016}.kindex")
}

/// The log of the batches after it.
pub(crate) fn log(generation: u64) -> String {
    format!("log-{generation:016}.kindex")
}

/// A checkpoint that is being written.
pub(crate) const UNFINISHED: &str = "checkpoint.part";
/// A log that is being written anew.
pub(crate) const UNFINISHED_LOG: &str = "log.part";

/// The files of a store that count: its newest checkpoint, and the log that goes on from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Current {
    pub(crate) checkpoint: u64,
    /// The batch after which the log begins. That may be an earlier one, if the store was
    /// interrupted after the checkpoint and before the log of its own was there.
    pub(crate) log: Option<u64>,
}

/// Which files count.
pub(crate) fn current(names: &[String]) -> Option<Current> {
    let newest = numbers(names, "checkpoint-").max()?;
    let log = numbers(names, "log-").filter(|&log| log <= newest).max();
    Some(Current { checkpoint: newest, log })
}

/// Whether a file is one of a store's, of whatever age.
pub(crate) fn is_ours(name: &str) -> bool {
    [UNFINISHED, UNFINISHED_LOG].contains(&name)
        || number(name, "checkpoint-").is_some()
        || number(name, "log-").is_some()
}

fn numbers<'a>(names: &'a [String], prefix: &'a str) -> impl Iterator<Item = u64> + 'a {
    names.iter().filter_map(move |name| number(name, prefix))
}

fn number(name: &str, prefix: &str) -> Option<u64> {
    let number = name.strip_prefix(prefix)?.strip_suffix(".kindex")?.parse().ok()?;
    // The same number written in another way would lead to a file that is not there.
    [checkpoint(number), log(number)].iter().any(|own| own == name).then_some(number)
}
