//! Configuration: every key, its default and what it means.
//!
//! Defaults < file < environment < command line. A key that does not exist and a value of the wrong kind are
//! errors of one line that name the key as it was written. `docs/configuration.md` is made from this file.

mod check;
mod document;
mod origins;
mod secrets;
#[macro_use]
mod sections;
mod sources;
mod text;
mod units;

use std::{net::SocketAddr, path::PathBuf};

use hubbub_core::{Limits as ChatLimits, NodeId};

pub use self::{
    document::{Key, markdown},
    origins::Origins,
    secrets::{Passphrase, RedisUrl},
    sources::{Invalid, Sources},
    text::{LogFilter, LogFormat},
    units::{Size, Span},
};

sections! {
    /// This node among the others.
    node: Node {
        /// The node's id, unique in the cluster: 1 to 32 of `A-Z`, `a-z`, `0-9`, `_` and `-`. Absent: a new random
        /// one at every start.
        #[serde(deserialize_with = "text::node_id")]
        id: NodeId = NodeId::random(),
        /// Where other nodes reach this node's `http.addr`, as `host:port`. Absent: the local address of the node's
        /// own connection to Redis, with the port of `http.addr`.
        advertise: Option<String> = None,
        /// What all nodes know and nobody else, at least 16 characters: session tokens and requests between nodes
        /// are signed with it. Absent: made once and kept in Redis; in memory, of this process alone.
        secret: Option<Passphrase> = None,
    }

    /// What clients connect to.
    http: Http {
        /// The address to listen on. When it is not set anywhere, the variable `PORT` means `0.0.0.0:$PORT`.
        #[serde(deserialize_with = "text::address")]
        addr: SocketAddr = loopback(8080),
        /// A folder to serve instead of the built-in page: its `index.html` at `/`, its files elsewhere.
        static_dir: Option<PathBuf> = None,
        /// Where the Socket.IO browser bundle lies that is served at `/socket.io/socket.io.js`.
        client_dir: PathBuf = PathBuf::from("node_modules/socket.io-client/dist"),
        /// Connections at a time; those beyond it are refused, and the node says that it is not ready.
        max_connections: usize = 100_000,
    }

    /// Health, version and metrics, for operators only.
    admin: Admin {
        /// The address to listen on.
        #[serde(deserialize_with = "text::address")]
        addr: SocketAddr = loopback(9090),
    }

    /// What joins the nodes.
    redis: Redis {
        /// Where Redis is, as `redis://user:password@host:6379`. Absent: one node alone, in its own memory. Sentinels
        /// are asked for it with `redis+sentinel://user:password@host:26379,host:26379,host:26379/mymaster/0`, where user
        /// and password are Redis's; the sentinels' own are added as `?sentinel_user=..&sentinel_pass=..`. A cluster is
        /// `redis+cluster://user:password@host:6379,host:6379`, with some of its members.
        url: Option<RedisUrl> = None,
        /// How long Redis may be gone before the node says that it is not ready for new sessions.
        ready_grace: Span = Span::seconds(30),
        /// End at once when Redis cannot be reached at the start, instead of waiting for it.
        fail_fast: bool = false,
        /// Connections for long answers, such as histories; short commands share one of their own.
        pool: usize = 8,
    }

    /// The Socket.IO protocol.
    socketio: SocketIo {
        /// How often a connection is asked whether it is still there.
        ping_interval: Span = Span::seconds(25),
        /// How long it has to answer.
        ping_timeout: Span = Span::seconds(20),
        /// How long a new session has to connect to a namespace.
        connect_timeout: Span = Span::seconds(5),
        /// The largest message, WebSocket frame and polling body from a client.
        max_payload: Size = Size::kib(64),
        /// Bytes that may wait for a client that reads slowly; beyond it the connection is closed.
        outbox: Size = Size::mib(1),
        /// How long a byte may wait for a client, in the outbox or on its way through TCP; beyond it the connection is
        /// closed too.
        outbox_age: Span = Span::seconds(5),
    }

    /// Who may connect.
    security: Security {
        /// The origins whose pages may connect: `*`, or a list such as `["https://chat.example.org"]`, in the
        /// environment separated by commas. A list is exact and refuses `null`.
        origins: Origins = Origins::Any,
    }

    /// What one person may do.
    limits: Limits {
        /// The longest text, in bytes of UTF-8.
        text: Size = Size(ChatLimits::default().text),
        /// Rooms that one session may be in.
        rooms: usize = ChatLimits::default().rooms,
        /// Events that are kept for one session while Redis is away, of a client that asked for no acknowledgement and so would not send them again; more are refused.
        held: usize = 64,
        /// How long they are kept, before the client is told that they could not be carried out.
        patience: Span = Span::seconds(5),
    }

    /// What a room remembers. It is no archive.
    history: History {
        /// Messages kept for each room.
        messages: usize = hubbub_core::HISTORY_LENGTH,
        /// How long a room is remembered after its last message.
        age: Span = Span::hours(24),
    }

    /// Who is here.
    presence: Presence {
        /// How long a node that has stopped answering keeps its people; it is renewed three times as often.
        lease: Span = Span::seconds(6),
        /// How long the leave of someone in v1 is held back whose connection was lost; back within it, on any node, nobody hears of it. A goodbye is final at once.
        grace: Span = Span::of(ChatLimits::default().grace),
        /// The same in the tutorials' vocabularies, whose users expect to see it at once.
        tutorial_grace: Span = Span::of(ChatLimits::default().tutorial_grace),
    }

    /// How a node stops.
    drain: Drain {
        /// Over how long the connections are closed, a few at a time.
        window: Span = Span::seconds(30),
        /// How long the balancer has to notice before the first is closed.
        delay: Span = Span::seconds(3),
    }

    /// What the node writes to standard error.
    log: Log {
        /// `error`, `warn`, `info`, `debug` or `trace`, also by target: `info,hubbub_gateway=debug`.
        level: LogFilter = LogFilter::info(),
        /// `text` or `json`.
        format: LogFormat = LogFormat::Text,
    }
}

impl Config {
    /// As it would stand in a file: all of it but what is absent and the node's id, without the secrets.
    fn table(&self) -> Result<toml::Table, toml::ser::Error> {
        let mut table = toml::Table::try_from(self)?;
        if let Some(node) = table.get_mut("node").and_then(toml::Value::as_table_mut) {
            node.remove("id");
        }
        Ok(table)
    }

    /// What will probably not work as it is meant, in a line each.
    pub fn warnings(&self) -> Vec<String> {
        self.unreachable_address().into_iter().collect()
    }

    fn unreachable_address(&self) -> Option<String> {
        let ip = self.http.addr.ip();
        let guessed = self.redis.url.is_some() && self.node.advertise.is_none();
        (guessed && (ip.is_loopback() || ip.is_unspecified())).then(|| {
            format!(
                "http.addr {} is no address that other nodes can use: they are told the one this node reaches redis \
                 from, with port {}; node.advertise names another",
                self.http.addr,
                self.http.addr.port()
            )
        })
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests;
