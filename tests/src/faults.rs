//! What a script may break: it asks with one line, and is answered with one when it is done.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    panic::resume_unwind,
    thread,
};

use crate::process::Cluster;

/// A cluster that breaks on request.
#[derive(Debug)]
pub struct Faults {
    cluster: Cluster,
    requests: TcpListener,
}

impl Faults {
    /// Of this cluster.
    pub fn of(cluster: Cluster) -> Self {
        Self { cluster, requests: TcpListener::bind("127.0.0.1:0").expect("a free port") }
    }

    /// Where to ask.
    pub fn address(&self) -> String {
        self.requests.local_addr().expect("it is bound").to_string()
    }

    /// Where its clients connect, by node.
    pub fn urls(&self) -> Vec<String> {
        self.cluster.urls()
    }

    /// Does what one script asks for, as long as it runs.
    pub fn make_while(&mut self, script: impl FnOnce() + Send) {
        let address = self.address();
        let ended = thread::scope(|scope| {
            let script = scope.spawn(|| {
                let _wake = Wake(address);
                script();
            });
            let (asking, _) = self.requests.accept().expect("somebody who asks");
            self.answer(asking);
            script.join()
        });
        ended.unwrap_or_else(|failure| resume_unwind(failure));
    }

    fn answer(&mut self, mut asking: TcpStream) {
        let requests = BufReader::new(asking.try_clone().expect("its other half"));
        for request in requests.lines().map_while(Result::ok) {
            self.make(&request);
            asking.write_all(b"done\n").expect("to tell it");
        }
    }

    fn make(&mut self, fault: &str) {
        match fault.split_once(' ').expect("what to do, and to whom") {
            ("pause", "redis") => self.cluster.redis().pause(),
            ("resume", "redis") => self.cluster.redis().resume(),
            ("kill", "redis") => self.cluster.redis_mut().kill(),
            ("start", "redis") => self.cluster.redis_mut().restart(),
            ("empty", "redis") => self.cluster.redis_mut().restart_empty(),
            ("forget", key) => assert_eq!(self.cluster.redis().cli(["DEL", key]), "1", "{key} was there"),
            ("stop", node) => self.cluster.stop(node.parse().expect("a node's number")),
            ("kill", node) => self.cluster.kill(node.parse().expect("a node's number")),
            _ => panic!("nobody knows how to {fault}"),
        }
    }
}

/// Somebody comes in any case, also when the script ended before it asked for anything.
struct Wake(String);

impl Drop for Wake {
    fn drop(&mut self) {
        // Nobody may be listening any more.
        let _ = TcpStream::connect(&self.0);
    }
}
