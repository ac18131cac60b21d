//! Asks a node whether it is ready, without a shell or another program: what a container's health check runs.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, bail};

/// How long connecting, and then each read and write, may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than the answer needs.
const LONGEST_ANSWER: u64 = 4_096;

/// An error unless the admin port at this address answers 200.
pub(crate) fn ask(admin: SocketAddr) -> anyhow::Result<()> {
    let admin = reachable(admin);
    let answer = read(admin).with_context(|| format!("admin.addr {admin}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(()),
        Some(status) => bail!("not ready: {status} {}", body.trim()),
        None => bail!("admin.addr {admin}: this is no HTTP server"),
    }
}

fn read(admin: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let question = format!("GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    // At once: an answer that came between two parts of it would end in a reset.
    stream.write_all(question.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A node that listens on all addresses listens on loopback too.
fn reachable(admin: SocketAddr) -> SocketAddr {
    let loopback = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(loopback, admin.port())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn only_200_is_ready() {
        assert!(ask(node("HTTP/1.1 200 OK\r\n\r\nready\n")).is_ok());
        let drained = ask(node("HTTP/1.1 404 Not Found\r\n\r\ndraining\n")).unwrap_err();
        assert_eq!(drained.to_string(), "not ready: 404 draining");
        assert!(ask(node("SSH-2.0")).is_err());
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(ask(address).is_err());
    }

    #[test]
    fn all_addresses_are_asked_on_loopback() {
        assert_eq!(reachable("0.0.0.0:9090".parse().unwrap()).to_string(), "127.0.0.1:9090");
        assert_eq!(reachable("[::]:9090".parse().unwrap()).to_string(), "[::1]:9090");
        assert_eq!(reachable("10.0.0.1:9090".parse().unwrap()).to_string(), "10.0.0.1:9090");
    }

    fn node(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut asked = [0; 512];
            assert!(client.read(&mut asked).unwrap() > 0);
            client.write_all(answer.as_bytes()).unwrap();
        });
        address
    }
}
