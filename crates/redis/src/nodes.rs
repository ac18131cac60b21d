//! The nodes that are taken to be alive: who holds a lease on the first partition of presence, or did until a moment ago.

use std::{collections::HashMap, time::Duration};

use hubbub_core::{ClusterNode, NodeId};

use crate::{
    keys::Partition,
    links::{Failure, Lane},
    metrics, script,
    shards::Shards,
};

/// A node's life as its lease tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Life {
    node: NodeId,
    incarnation: String,
    lease: Duration,
    held: Duration,
    people: usize,
}

impl Life {
    /// Whether it is this node's.
    pub(crate) fn is_of(&self, node: &str) -> bool {
        self.node.as_str() == node
    }

    /// The node, at its place among these.
    pub(crate) fn at(self, addresses: &HashMap<String, String>) -> ClusterNode {
        let Self { node, incarnation, lease, held, people } = self;
        let address = addresses.get(node.as_str()).cloned();
        ClusterNode { id: node, incarnation, address, lease: Some(lease), held, people }
    }
}

/// Everyone's, sorted by node.
pub(crate) async fn lives(shards: &Shards) -> Result<Vec<Life>, Failure> {
    let keys = [Partition::FIRST.nodes(), Partition::FIRST.about()];
    let answers: Vec<Told> =
        shards.call(&keys[0], Lane::Quick, script::NODES.name, |_| script::NODES.on(&keys)).await?;
    let mut lives: Vec<_> = answers.into_iter().filter_map(life).collect();
    lives.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(lives)
}

/// Incarnation, lease and age in milliseconds, people.
type Told = (String, u64, u64, usize);

fn life((incarnation, lease, held, people): Told) -> Option<Life> {
    let node = incarnation.rsplit_once('#').and_then(|(node, _)| NodeId::parse(node).ok());
    if node.is_none() {
        metrics::malformed(1);
    }
    let (lease, held) = (Duration::from_millis(lease), Duration::from_millis(held));
    Some(Life { node: node?, incarnation, lease, held, people })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_one_of_a_node_whose_address_may_be_known() {
        let told = |incarnation: &str| life((incarnation.to_owned(), 6_000, 60_000, 7));
        let addresses = HashMap::from([("one".to_owned(), "10.0.0.1:8080".to_owned())]);
        let one = told("one#17").expect("a life").at(&addresses);
        assert_eq!((one.id.as_str(), one.address.as_deref()), ("one", Some("10.0.0.1:8080")));
        let expected = (Some(Duration::from_secs(6)), Duration::from_mins(1), 7);
        assert_eq!((one.lease, one.held, one.people), expected);
        assert_eq!(told("two#1").expect("a life").at(&addresses).address, None);
        for strange in ["", "one", "#1", "on e#1"] {
            assert_eq!(told(strange), None, "{strange}");
        }
    }
}
