//! The URL that says where Redis is: of one server, or of the sentinels that know it.

use redis::{Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult};

use crate::{sentinels::Sentinels, source::Source, subscriber::UNACKNOWLEDGED};

/// How a URL of sentinels begins.
const SENTINELS: &str = "redis+sentinel://";

/// Where they listen unless told otherwise.
const PORT: u16 = 26_379;

impl Source {
    /// Understands a URL; connects to nothing. An error does not repeat what it says.
    pub(crate) fn parse(url: &str) -> RedisResult<Self> {
        match url.strip_prefix(SENTINELS) {
            Some(rest) => sentinels(rest).map(Self::Sentinels),
            None => server(url).map(Self::Direct),
        }
    }
}

/// A URL of one server.
pub(crate) fn server(url: &str) -> RedisResult<ConnectionInfo> {
    let info = Client::open(url)?.get_connection_info().clone();
    let tcp = info.tcp_settings().clone().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED);
    Ok(info.set_tcp_settings(tcp))
}

/// `user:password@host:port,host:port/service/db?sentinel_user=..&sentinel_pass=..`; only a host and the service are
/// needed. The user is Redis's.
fn sentinels(url: &str) -> RedisResult<Sentinels> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let (service, db) = path.split_once('/').unwrap_or((path, ""));
    if service.is_empty() {
        return Err(strange("the sentinels' URL names no master: redis+sentinel://host:26379/name"));
    }
    let (who, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let login = login(query)?;
    let sentinels = hosts.split(',').map(|host| sentinel(&login, host)).collect::<RedisResult<_>>()?;
    // The host of the master is what the sentinels say.
    let manners = server(&format!("redis://{}master/{db}", userinfo(who)))?;
    Ok(Sentinels::new(sentinels, service.to_owned(), manners))
}

fn sentinel(login: &str, host: &str) -> RedisResult<ConnectionInfo> {
    let info = server(&format!("redis://{}{host}", userinfo(login)))?;
    match info.addr() {
        ConnectionAddr::Tcp(name, _) if !has_port(host) => {
            let addr = ConnectionAddr::Tcp(name.clone(), PORT);
            Ok(info.set_addr(addr))
        }
        _ => Ok(info),
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Who one is to the sentinels, as it stands before the `@`.
fn login(query: &str) -> RedisResult<String> {
    let (mut user, mut pass) = ("", "");
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("sentinel_user", value)) => user = value,
            Some(("sentinel_pass", value)) => pass = value,
            _ => {
                return Err(strange(
                    "the sentinels' URL asks for something else than sentinel_user and sentinel_pass",
                ));
            }
        }
    }
    Ok(if pass.is_empty() { String::new() } else { format!("{user}:{pass}") })
}

/// The user and the password as they stand before a host.
pub(crate) fn userinfo(who: &str) -> String {
    if who.is_empty() { String::new() } else { format!("{who}@") }
}

pub(crate) fn strange(why: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, why).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_sentinels_is_taken_apart() {
        let Ok(Source::Sentinels(sentinels)) = Source::parse(
            "redis+sentinel://hubbub:p%40ss@one:1,[::1]:2,three,[::1]/mymaster/2?sentinel_pass=s%2Fx",
        ) else {
            panic!("it is not understood");
        };
        assert_eq!(sentinels.service, "mymaster");
        let redis = sentinels.manners.redis_settings();
        assert_eq!((redis.username(), redis.password(), redis.db()), (Some("hubbub"), Some("p@ss"), 2));
        let places: Vec<_> = sentinels.all.iter().map(|one| one.at.addr().to_string()).collect();
        assert_eq!(places, ["one:1", "::1:2", "three:26379", "::1:26379"]);
        for one in &sentinels.all {
            let login = one.at.redis_settings();
            assert_eq!((login.username(), login.password()), (None, Some("s/x")));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_it() {
        for url in [
            "redis+sentinel://:secret@one:1",
            "redis+sentinel://:secret@one:1/",
            "redis+sentinel://:secret@/mymaster",
            "redis+sentinel://:secret@one:1,/mymaster",
            "redis+sentinel://:secret@one:70000/mymaster",
            "redis+sentinel://:secret@one:1/mymaster/first",
            "redis+sentinel://:secret@one:1/mymaster?pass=secret",
            "http://:secret@one",
        ] {
            let error = Source::parse(url).expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_shown_of_a_source_has_no_password() {
        for url in ["redis://:secret@one", "redis+sentinel://:secret@one/mymaster?sentinel_pass=secret"] {
            let shown = format!("{:?}", Source::parse(url));
            assert!(shown.contains("one") && !shown.contains("secret"), "{shown}");
        }
    }
}
