//! The other nodes, as this one sees them come and go.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Cluster, ClusterNode, NodeId};

use crate::metrics;

/// What was seen of the cluster, and the way to look again.
#[derive(Debug)]
pub(crate) struct Neighbours {
    me: NodeId,
    cluster: Arc<dyn Cluster>,
    /// `None`: nobody has looked yet, and who is there now was not born just now.
    seen: Option<BTreeMap<NodeId, Seen>>,
}

/// Another node, when it was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    incarnation: String,
    address: String,
    /// When its lease ends unless it is renewed.
    until: Option<Instant>,
}

impl Neighbours {
    pub(crate) fn new(me: NodeId, cluster: Arc<dyn Cluster>) -> Self {
        Self { me, cluster, seen: None }
    }

    /// Counts the nodes, and has a line in the log for each that came or went.
    pub(crate) async fn look(&mut self) {
        let asked = Instant::now();
        match self.cluster.nodes().await {
            Ok(nodes) => {
                metrics::cluster_nodes(nodes.iter().filter(|node| holds_lease(node)).count());
                for event in self.compare(nodes, asked, Instant::now()) {
                    event.tell(&self.me);
                }
            }
            Err(error) => tracing::warn!(%error, "could not look who is in the cluster"),
        }
    }

    /// The nodes were read at some time between these two: no lease is thought to end later than it does, so that nobody
    /// who was buried is thought to have left before its end.
    fn compare(&mut self, nodes: Vec<ClusterNode>, asked: Instant, answered: Instant) -> Vec<Event> {
        let others = nodes.into_iter().filter(|node| node.id != self.me);
        let fresh: BTreeMap<_, _> = others.filter_map(|node| seen(node, asked)).collect();
        let Some(before) = self.seen.replace(fresh.clone()) else { return Vec::new() };
        let gone = before.iter().filter(|(id, _)| !fresh.contains_key(*id));
        let gone = gone.map(|(id, seen)| Event::gone(id, seen, answered));
        let here = fresh.iter().filter_map(|(id, seen)| Event::here(id, seen, before.get(id)));
        gone.chain(here).collect()
    }
}

/// A node that nobody can reach yet is not there yet.
fn seen(node: ClusterNode, asked: Instant) -> Option<(NodeId, Seen)> {
    let until = node.lease.map(|lease| asked + lease);
    Some((node.id, Seen { incarnation: node.incarnation, address: node.address?, until }))
}

fn holds_lease(node: &ClusterNode) -> bool {
    node.lease != Some(Duration::ZERO)
}

/// What became of another node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Born(NodeId, Seen),
    /// It had lost its lease, or was started again under its id.
    BornAgain(NodeId, Seen),
    Buried(NodeId, Seen),
    /// It gave its lease back while it had one.
    Resigned(NodeId, Seen),
}

impl Event {
    fn here(id: &NodeId, seen: &Seen, before: Option<&Seen>) -> Option<Self> {
        match before {
            None => Some(Self::Born(id.clone(), seen.clone())),
            Some(before) if before.incarnation != seen.incarnation => {
                Some(Self::BornAgain(id.clone(), seen.clone()))
            }
            Some(_) => None,
        }
    }

    fn gone(id: &NodeId, seen: &Seen, now: Instant) -> Self {
        let resigned = seen.until.is_none_or(|until| now < until);
        let event = if resigned { Self::Resigned } else { Self::Buried };
        event(id.clone(), seen.clone())
    }

    fn tell(&self, me: &NodeId) {
        let (Self::Born(id, seen)
        | Self::BornAgain(id, seen)
        | Self::Buried(id, seen)
        | Self::Resigned(id, seen)) = self;
        let what = match self {
            Self::Born(..) => "a node was born",
            Self::BornAgain(..) => "a node was born again",
            Self::Buried(..) => "a node was buried",
            Self::Resigned(..) => "a node left",
        };
        tracing::info!(node = %me, other = %id, address = %seen.address, incarnation = %seen.incarnation, "{what}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(6);

    #[test]
    fn a_node_is_born_once_it_can_be_reached() {
        let mut neighbours = neighbours();
        let now = Instant::now();
        assert_eq!(see(&mut neighbours, vec![node("old", 1)], now), [], "it was there before");
        let unreachable = ClusterNode { address: None, ..node("two", 2) };
        assert_eq!(see(&mut neighbours, vec![node("old", 1), unreachable], now), []);
        let born = see(&mut neighbours, vec![node("old", 1), node("two", 2), node("me", 3)], now);
        assert_eq!(born, [Event::Born(id("two"), at("two", 2, now))]);
        assert_eq!(see(&mut neighbours, vec![node("old", 1), node("two", 2)], now), []);
    }

    #[test]
    fn a_node_that_is_gone_when_its_lease_has_ended_was_buried_and_otherwise_it_left() {
        let mut neighbours = neighbours();
        let begin = Instant::now();
        see(&mut neighbours, vec![node("one", 1), node("two", 2)], begin);
        let left = see(&mut neighbours, vec![node("two", 2)], begin + LEASE / 2);
        assert_eq!(left, [Event::Resigned(id("one"), at("one", 1, begin))]);
        let lapsed = ClusterNode { lease: Some(Duration::ZERO), ..node("two", 2) };
        let ended = begin + LEASE * 2;
        assert_eq!(see(&mut neighbours, vec![lapsed], ended), []);
        let buried = see(&mut neighbours, vec![], ended);
        assert_eq!(buried, [Event::Buried(id("two"), Seen { until: Some(ended), ..at("two", 2, begin) })]);
    }

    #[test]
    fn a_node_in_another_incarnation_was_born_again() {
        let mut neighbours = neighbours();
        let now = Instant::now();
        see(&mut neighbours, vec![node("two", 2)], now);
        let again = see(&mut neighbours, vec![node("two", 5)], now);
        assert_eq!(again, [Event::BornAgain(id("two"), at("two", 5, now))]);
    }

    fn see(neighbours: &mut Neighbours, nodes: Vec<ClusterNode>, now: Instant) -> Vec<Event> {
        neighbours.compare(nodes, now, now)
    }

    fn neighbours() -> Neighbours {
        Neighbours::new(id("me"), hubbub_core::memory(hubbub_core::HISTORY_LENGTH).cluster)
    }

    fn id(text: &str) -> NodeId {
        NodeId::parse(text).unwrap()
    }

    fn node(name: &str, epoch: u32) -> ClusterNode {
        ClusterNode {
            id: id(name),
            incarnation: format!("{name}#{epoch}"),
            address: Some(format!("{name}:8080")),
            lease: Some(LEASE),
            held: Duration::ZERO,
            people: 0,
        }
    }

    fn at(name: &str, epoch: u32, now: Instant) -> Seen {
        let (incarnation, address) = (format!("{name}#{epoch}"), format!("{name}:8080"));
        Seen { incarnation, address, until: Some(now + LEASE) }
    }
}
