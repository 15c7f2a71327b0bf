//! Proof of the graph's invariants.

use crate::bitset::Bitset;
use crate::error::Error;
use crate::graph::adjacency::Adjacency;
use crate::graph::repair::reachable;
use crate::ids::NodeId;

/// Checks what every walk relies on: links lead to nodes of the graph, none to its own node, none
/// twice; entry points are nodes of the graph; walks reach every node. `nodes` are all that the
/// graph has, tombstones included; other slots have no links.
///
/// # Errors
/// `CORRUPT`, naming the first slot that breaks an invariant.
pub(crate) fn check(links: &Adjacency, entries: &[NodeId], nodes: &Bitset) -> Result<(), Error> {
    check_links(links, entries, nodes)?;
    let mut orphans = nodes.clone();
    orphans.subtract(&reachable(links, entries));
    match orphans.iter().next() {
        None => Ok(()),
        Some(first) => Err(Error::corrupt(format!(
            "{} of {} nodes can't be reached, the first at slot {}",
            orphans.len(),
            nodes.len(),
            first.0
        ))),
    }
}

/// All invariants but reachability.
pub(crate) fn check_links(
    links: &Adjacency,
    entries: &[NodeId],
    nodes: &Bitset,
) -> Result<(), Error> {
    let broken = |slot: NodeId, what: &str| {
        Err(Error::corrupt(format!("the graph's node at slot {} {what}", slot.0)))
    };
    if let Some(&entry) = entries.iter().find(|&&entry| !nodes.contains(entry)) {
        return broken(entry, "is an entry point, but is not there");
    }
    if entries.is_empty() && !nodes.is_empty() {
        return Err(Error::corrupt("the graph has nodes, but no entry point"));
    }
    for slot in (0..links.len()).map(NodeId::from_index) {
        let neighbors = links.neighbors(slot);
        if !nodes.contains(slot) {
            if !neighbors.is_empty() {
                return broken(slot, "is free, but has links");
            }
            continue;
        }
        for (at, &neighbor) in neighbors.iter().enumerate() {
            if neighbor == slot {
                return broken(slot, "links to itself");
            }
            if !nodes.contains(neighbor) {
                return broken(slot, &format!("links to slot {}, where no node is", neighbor.0));
            }
            if neighbors[..at].contains(&neighbor) {
                return broken(slot, &format!("links twice to slot {}", neighbor.0));
            }
        }
    }
    Ok(())
}
