//! The nodes that are taken to be alive: who holds a lease on the first partition of presence, or did until a moment ago.

use std::{collections::HashMap, time::Duration};

use hubbub_core::{ClusterNode, Millis, NodeId};

use crate::{
    keys::{self, Partition},
    links::{Failure, Lane},
    metrics,
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

/// Everyone's, sorted by node. Not by a script: every node reads this at every heartbeat, and of a hundred nodes a script
/// that did the same took more than ten times as long.
pub(crate) async fn lives(shards: &Shards) -> Result<Vec<Life>, Failure> {
    let (nodes, about) = (Partition::FIRST.nodes(), Partition::FIRST.about());
    let make = |_: &_| {
        let mut pipeline = redis::pipe();
        pipeline.cmd("ZRANGE").arg(&nodes).arg(0).arg(-1).arg("WITHSCORES");
        pipeline.cmd("HGETALL").arg(&about);
        pipeline.cmd("TIME");
        pipeline
    };
    let (leases, about, time) = shards.pipeline(&nodes, Lane::Quick, "nodes", make).await?;
    Ok(told(leases, &About { told: about, now: milliseconds(time) }))
}

fn told(leases: Vec<(String, f64)>, about: &About) -> Vec<Life> {
    let mut lives: Vec<_> =
        leases.into_iter().filter_map(|(incarnation, ends)| about.life(incarnation, ends)).collect();
    lives.sort_by(|a, b| a.node.cmp(&b.node));
    lives
}

/// What is told of all incarnations, and when.
struct About {
    told: HashMap<String, String>,
    now: Millis,
}

impl About {
    fn life(&self, incarnation: String, ends: f64) -> Option<Life> {
        let node = incarnation.rsplit_once('#').and_then(|(node, _)| NodeId::parse(node).ok());
        if node.is_none() {
            metrics::malformed(1);
        }
        let told = |field: String| self.told.get(&field)?.parse().ok();
        let since = told(keys::since(&incarnation)).unwrap_or(self.now);
        let people: u64 = told(keys::people(&incarnation)).unwrap_or_default();
        Some(Life {
            node: node?,
            lease: Duration::from_millis(whole(ends).saturating_sub(self.now)),
            held: Duration::from_millis(self.now.saturating_sub(since)),
            people: usize::try_from(people).unwrap_or(usize::MAX),
            incarnation,
        })
    }
}

/// Redis answers with seconds and microseconds.
fn milliseconds((seconds, micros): (u64, u64)) -> Millis {
    seconds.saturating_mul(1_000).saturating_add(micros / 1_000)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of what is no whole number of milliseconds is as good as any"
)]
fn whole(score: f64) -> Millis {
    score as Millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_one_of_a_node_whose_address_may_be_known() {
        let about = About {
            told: [
                ("since:one#17".to_owned(), "40000".to_owned()),
                ("people:one#17".to_owned(), "7".to_owned()),
            ]
            .into(),
            now: 100_000,
        };
        let addresses = HashMap::from([("one".to_owned(), "10.0.0.1:8080".to_owned())]);
        let leases = [("two#18", 99_000.0), ("one#17", 106_000.0)];
        let lives = told(leases.map(|(incarnation, ends)| (incarnation.to_owned(), ends)).into(), &about);
        let [one, two] = <[_; 2]>::try_from(lives).expect("two of them").map(|life| life.at(&addresses));
        assert_eq!((one.id.as_str(), one.address.as_deref()), ("one", Some("10.0.0.1:8080")));
        assert_eq!(
            (one.lease, one.held, one.people),
            (Some(Duration::from_secs(6)), Duration::from_mins(1), 7)
        );
        assert_eq!((two.id.as_str(), two.address), ("two", None));
        assert_eq!((two.lease, two.held, two.people), (Some(Duration::ZERO), Duration::ZERO, 0));
    }

    #[test]
    fn what_is_no_incarnation_is_left_out() {
        let about = About { told: HashMap::new(), now: 0 };
        for strange in ["", "one", "#1", "on e#1"] {
            assert_eq!(about.life(strange.to_owned(), f64::NAN), None, "{strange}");
        }
    }
}
