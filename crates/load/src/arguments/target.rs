//! Where the clients go: nodes and the engine's path, parsed once.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    str::FromStr,
};

/// One node of the server, its name resolved.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// As the `Host` header says it.
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
}

impl FromStr for Node {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let uri: http::Uri = url.parse().map_err(|error| format!("{error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "ws")) {
            return Err("expected http://HOST:PORT".into());
        }
        if !matches!(uri.path(), "" | "/") {
            return Err("expected no path; the engine's path is --path".into());
        }
        let name = uri.host().ok_or("expected http://HOST:PORT")?;
        let host = format!("{name}:{}", uri.port_u16().unwrap_or(80));
        let address = host
            .to_socket_addrs()
            .map_err(|error| format!("{host}: {error}"))?
            .next()
            .ok_or_else(|| format!("{host}: no such host"))?;
        Ok(Self { host, address })
    }
}

/// The path that the Socket.IO engine answers on, with a slash at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) String);

impl FromStr for Path {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
        if path.starts_with('/') && path.ends_with('/') && is_plain {
            Ok(Self(path.to_owned()))
        } else {
            Err("expected a path with a slash at both ends, as /socket.io/".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_host_and_a_port() {
        let node: Node = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!((node.host.as_str(), node.address), ("127.0.0.1:8080", ([127, 0, 0, 1], 8080).into()));
        let node: Node = "ws://[::1]:81/".parse().unwrap();
        assert_eq!((node.host.as_str(), node.address.port()), ("[::1]:81", 81));
    }

    #[test]
    fn anything_else_is_no_node() {
        for url in ["127.0.0.1:8080", "https://127.0.0.1", "http://127.0.0.1/path", "nonsense", ""] {
            assert!(url.parse::<Node>().is_err(), "{url}");
        }
    }

    #[test]
    fn a_path_cannot_smuggle_a_header() {
        assert!("/socket.io/".parse::<Path>().is_ok());
        for path in ["socket.io/", "/socket.io", "/a b/", "/a\r\nX: y/", "/a?b/"] {
            assert!(path.parse::<Path>().is_err(), "{path}");
        }
    }
}
