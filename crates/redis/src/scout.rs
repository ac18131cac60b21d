//! Finds out which master of a cluster has which slot, and looks again when someone has reason to doubt it.
//!
//! Any member knows; what it says may be old for a moment after a failover. A node that goes by it is refused and told
//! who knows better, and that one is asked first.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rand::seq::SliceRandom;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value,
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use crate::{
    Options,
    layout::{Layout, ShardId},
    links::Links,
    shards::View,
    slots,
    source::Source,
};

/// How often it is looked at without a doubt, and how soon again when nobody could be asked.
const EVERY: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(500);

/// Time between two looks, however many doubts there are.
const PAUSE: Duration = Duration::from_millis(50);

/// How many are asked at once.
const TOGETHER: usize = 3;

/// A master's or replica's address.
type Address = (String, u16);

/// Goes between a node and a cluster.
#[derive(Debug)]
pub(crate) struct Scout {
    /// How members are spoken to, wherever they are.
    manners: ConnectionInfo,
    seeds: Vec<Address>,
    /// Everyone whom anybody has named of late.
    members: Vec<Address>,
    masters: HashMap<Address, (ShardId, Arc<Links>)>,
    last: u32,
    pool_size: usize,
    patience: Duration,
}

/// Slots in a row, their master, and its replicas.
struct Range {
    first: usize,
    last: usize,
    master: Address,
    replicas: Vec<Address>,
}

impl Scout {
    /// `manners` has the user and the password; `seeds` are the members to ask first.
    pub(crate) fn new(manners: ConnectionInfo, seeds: Vec<Address>, options: &Options) -> Self {
        Self {
            manners,
            members: seeds.clone(),
            seeds,
            masters: HashMap::new(),
            last: 0,
            pool_size: options.pool_size,
            patience: options.response_timeout,
        }
    }

    /// For ever. What it has seen is told each time, also when nothing is new: whoever was refused may try again.
    pub(crate) async fn run(mut self, view: watch::Sender<View>, mut doubts: mpsc::Receiver<Option<String>>) {
        let (mut better, mut is_said) = (None, false);
        loop {
            let seen = self.look(better.take()).await;
            let rest = if seen.is_ok() { EVERY } else { AGAIN };
            match seen {
                Ok(seen) => {
                    view.send_replace(seen);
                    is_said = false;
                }
                Err(_) if is_said => {}
                Err(error) => {
                    tracing::warn!(%error, "nobody says who has what in the redis cluster; asking on");
                    is_said = true;
                }
            }
            sleep(PAUSE).await;
            if let Ok(doubt) = timeout(rest, doubts.recv()).await {
                better = doubt.flatten();
            }
        }
    }

    async fn look(&mut self, better: Option<String>) -> RedisResult<View> {
        let better: Vec<_> = better.iter().filter_map(|place| address(place)).collect();
        let mut others: Vec<_> = self.members.iter().chain(&self.seeds).cloned().collect();
        others.shuffle(&mut rand::rng());
        let mut failure = ignorant();
        for some in [better.as_slice()].into_iter().chain(others.chunks(TOGETHER)) {
            let mut asked: FuturesUnordered<_> = some.iter().map(|member| self.ask(member)).collect();
            while let Some(answer) = asked.next().await {
                match answer {
                    Ok(ranges) => {
                        drop(asked);
                        return Ok(self.understand(&ranges));
                    }
                    Err(error) => failure = error,
                }
            }
        }
        Err(failure)
    }

    /// Over a connection of its own, for a replica will do too.
    async fn ask(&self, member: &Address) -> RedisResult<Vec<Range>> {
        let slots = timeout(self.patience, slots_of(self.at(member))).await.map_err(|_| silent())??;
        let ranges = slots.as_sequence().unwrap_or_default();
        let ranges: Vec<_> = ranges.iter().filter_map(|range| parse(range, &member.0)).collect();
        if ranges.is_empty() { Err(ignorant()) } else { Ok(ranges) }
    }

    fn understand(&mut self, ranges: &[Range]) -> View {
        let mut slots = vec![None; slots::COUNT];
        let mut masters = HashMap::new();
        for Range { first, last, master, .. } in ranges {
            let (shard, links) = self.master(master);
            if let Some(slots) = slots.get_mut(*first..=*last) {
                slots.fill(Some(shard));
            }
            masters.insert(master.clone(), (shard, links));
        }
        self.members =
            ranges.iter().flat_map(|range| &range.replicas).chain(masters.keys()).cloned().collect();
        self.masters = masters;
        View {
            layout: Layout::Slots(slots.into()),
            shards: Arc::new(self.masters.values().cloned().collect()),
        }
    }

    /// The one at this address is another one after it was away.
    fn master(&mut self, address: &Address) -> (ShardId, Arc<Links>) {
        if let Some(known) = self.masters.get(address) {
            return known.clone();
        }
        self.last += 1;
        let links = Links::new(Source::Direct(self.at(address)), self.pool_size, self.patience);
        let master = (ShardId(self.last), Arc::new(links));
        self.masters.insert(address.clone(), master.clone());
        master
    }

    fn at(&self, (host, port): &Address) -> ConnectionInfo {
        self.manners.clone().set_addr(ConnectionAddr::Tcp(host.clone(), *port))
    }
}

async fn slots_of(member: ConnectionInfo) -> RedisResult<Value> {
    // Ours is around the whole question.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut connection = Client::open(member)?.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await
}

fn silent() -> RedisError {
    (ErrorKind::Io, "a member does not answer in time").into()
}

fn ignorant() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "a member knows of no slots").into()
}

/// `[first, last, [host, port, ..], [host, port, ..], ..]`, the master before its replicas.
fn parse(range: &Value, asked: &str) -> Option<Range> {
    let [first, last, members @ ..] = range.as_sequence()? else { return None };
    let number = |value: &Value| redis::from_redis_value_ref::<usize>(value).ok();
    let mut members = members.iter().map(|member| parse_member(member, asked));
    let master = members.next()??;
    Some(Range { first: number(first)?, last: number(last)?, master, replicas: members.flatten().collect() })
}

/// One that does not know its own address is where it was asked.
fn parse_member(member: &Value, asked: &str) -> Option<Address> {
    let [host, port, ..] = member.as_sequence()? else { return None };
    let host: Option<String> = redis::from_redis_value_ref(host).ok()?;
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| asked.to_owned());
    Some((host, redis::from_redis_value_ref(port).ok()?))
}

/// `host:port`; the host may have colons too.
fn address(place: &str) -> Option<Address> {
    let (host, port) = place.rsplit_once(':')?;
    (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    #[test]
    fn a_range_names_its_master_and_its_replicas() {
        let range = parse_redis_value(
            b"*4\r\n:0\r\n:5460\r\n*4\r\n$8\r\n10.0.0.1\r\n:6379\r\n$1\r\na\r\n*0\r\n*3\r\n$-1\r\n:6380\r\n$1\r\nb\r\n",
        )
        .expect("it is RESP");
        let range = parse(&range, "10.0.0.9").expect("it is understood");
        assert_eq!((range.first, range.last), (0, 5_460));
        assert_eq!(range.master, ("10.0.0.1".to_owned(), 6_379));
        assert_eq!(range.replicas, [("10.0.0.9".to_owned(), 6_380)]);
    }

    #[test]
    fn whom_a_refusal_names_is_asked_only_if_it_has_a_host() {
        assert_eq!(address("10.0.0.1:6379"), Some(("10.0.0.1".to_owned(), 6_379)));
        assert_eq!(address("fe80::1:6379"), Some(("fe80::1".to_owned(), 6_379)));
        for nobody in ["", ":6379", "10.0.0.1", "10.0.0.1:x"] {
            assert_eq!(address(nobody), None, "{nobody}");
        }
    }
}
