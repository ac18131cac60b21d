//! What a node is told about its Redis: one master, wherever it is, or a cluster.

use redis::{ConnectionAddr, ConnectionInfo, RedisResult};

use crate::{
    source::Source,
    url::{server, strange, userinfo},
};

/// How a cluster's URL begins.
const CLUSTER: &str = "redis+cluster://";

/// Where Redis is.
#[derive(Debug)]
pub(crate) enum Place {
    Master(Source),
    Cluster {
        /// How every member is spoken to.
        manners: ConnectionInfo,
        /// Some members.
        seeds: Vec<(String, u16)>,
    },
}

impl Place {
    /// Understands a URL; connects to nothing. An error does not repeat what it says.
    pub(crate) fn parse(url: &str) -> RedisResult<Self> {
        match url.strip_prefix(CLUSTER) {
            Some(rest) => cluster(rest),
            None => Source::parse(url).map(Self::Master),
        }
    }
}

/// `user:password@host:port,host:port,..`; a cluster has no databases.
fn cluster(rest: &str) -> RedisResult<Place> {
    let (who, hosts) = rest.rsplit_once('@').unwrap_or(("", rest));
    let hosts = hosts.trim_end_matches('/');
    if hosts.contains(['/', '?']) {
        return Err(strange("a cluster has neither databases nor options"));
    }
    let members = hosts.split(',').map(|host| server(&format!("redis://{}{host}", userinfo(who))));
    let members: Vec<_> = members.collect::<RedisResult<_>>()?;
    let seeds = members.iter().map(seed).collect::<RedisResult<_>>()?;
    let manners = members.into_iter().next().ok_or_else(|| strange("it names no member"))?;
    Ok(Place::Cluster { manners, seeds })
}

fn seed(member: &ConnectionInfo) -> RedisResult<(String, u16)> {
    match member.addr() {
        ConnectionAddr::Tcp(host, port) => Ok((host.clone(), *port)),
        _ => Err(strange("the members of a cluster are reached over TCP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clusters_url_is_taken_apart() {
        let parsed = Place::parse("redis+cluster://hubbub:p%40ss@one:1,two,[::1]:3");
        let Ok(Place::Cluster { manners, seeds }) = parsed else { panic!("it is not understood") };
        let who = manners.redis_settings();
        assert_eq!((who.username(), who.password()), (Some("hubbub"), Some("p@ss")));
        let seeds: Vec<_> = seeds.iter().map(|(host, port)| (host.as_str(), *port)).collect();
        assert_eq!(seeds, [("one", 1), ("two", 6_379), ("::1", 3)]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_it() {
        for url in [
            "redis+cluster://",
            "redis+cluster://:secret@",
            "redis+cluster://:secret@one,,two",
            "redis+cluster://:secret@one:70000",
            "redis+cluster://:secret@one/3",
            "redis+cluster://:secret@one?db=3",
        ] {
            let error = Place::parse(url).expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
