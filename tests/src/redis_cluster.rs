//! A Redis Cluster of a test's own: real processes on free ports, gone with the value.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot have its cluster fails")]

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::redis_server::{ACL, PASSWORD};

/// How long a cluster may take to come about, or to agree on something.
const AGREEING: Duration = Duration::from_secs(30);

/// Members' ports are not among those that the system gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// Masters, and the same number of replicas or none.
#[derive(Debug)]
pub struct RedisCluster {
    folder: TempDir,
    members: Vec<Member>,
}

/// One process.
#[derive(Debug)]
struct Member {
    port: u16,
    bus: u16,
    process: Option<Child>,
}

/// How many masters there are.
const MASTERS: usize = 3;
const PORTS_TRIED: usize = 5;

impl RedisCluster {
    /// How many members there are.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Starts three masters.
    pub fn start() -> Self {
        Self::of(MASTERS, "0")
    }

    /// Starts three masters with a replica each, that takes over when its master is gone for a second.
    pub fn start_with_replicas() -> Self {
        Self::of(MASTERS * 2, "1")
    }

    fn of(members: usize, replicas: &str) -> Self {
        let tries = (0..PORTS_TRIED).find_map(|_| Self::on_free_ports(members, replicas));
        tries.expect("ports that nobody takes meanwhile")
    }

    /// `None`: somebody else took one of the ports before its member did.
    fn on_free_ports(members: usize, replicas: &str) -> Option<Self> {
        let folder =
            tempfile::Builder::new().prefix("hubbub-cluster-").tempdir().expect("a folder for Redis");
        let members = (0..members).map(|_| Member { port: free_port(), bus: free_port(), process: None });
        let mut cluster = Self { folder, members: members.collect() };
        for member in 0..cluster.members.len() {
            fs::create_dir(cluster.place(member)).expect("a folder for a member");
            fs::write(cluster.place(member).join("users.acl"), ACL).expect("a file for its users");
            cluster.restart(member);
            // Another one's may answer there.
            let place = cluster.place(member).display().to_string();
            if !cluster.cli(member, &["CONFIG", "GET", "dir"]).contains(&place) {
                return None;
            }
        }
        let addresses = cluster.members.iter().map(|member| format!("127.0.0.1:{}", member.port));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", replicas, "--cluster-yes"])
            .output()
            .expect("redis-cli, which Debian's package redis-tools has");
        if !created.status.success() {
            return None;
        }
        cluster.agrees(
            "the cluster is up",
            |answer| answer.contains("cluster_state:ok"),
            &["CLUSTER", "INFO"],
        );
        if replicas != "0" {
            cluster.agrees("replicas follow", follows, &["INFO", "replication"]);
        }
        Some(cluster)
    }

    /// Starts a member with what it had, killing it first if it runs.
    pub fn restart(&mut self, member: usize) {
        self.kill(member);
        let place = self.place(member);
        let Member { port, bus, process } = &mut self.members[member];
        let started = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--cluster-port", &bus.to_string(), "--bind", "127.0.0.1"])
            .args(["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"])
            .args(["--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0"])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"])
            .args(["--repl-diskless-sync-delay", "0", "--aclfile", "users.acl"])
            .current_dir(place)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server, which Debian's package redis-server has");
        *process = Some(started);
        self.wait(member, "it answers", |answer| answer == "PONG", &["PING"]);
    }

    /// Ends a member at once.
    pub fn kill(&mut self, member: usize) {
        if let Some(mut process) = self.members[member].process.take() {
            process.kill().expect("to kill it");
            process.wait().expect("to see it end");
        }
    }

    /// Stops a member in its tracks: connections stay, nothing answers.
    pub fn pause(&self, member: usize) {
        self.signal(member, "-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self, member: usize) {
        self.signal(member, "-CONT");
    }

    fn signal(&self, member: usize, signal: &str) {
        let id = self.members[member].process.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(status.success());
    }

    /// Where a node finds it, as the user that nodes are. Only the first masters are named.
    pub fn url(&self) -> String {
        let members: Vec<_> =
            self.members[..MASTERS].iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("redis+cluster://hubbub:{PASSWORD}@{}", members.join(","))
    }

    /// The one of the first masters in whose slots a key was at the beginning: they are dealt out in order.
    pub fn home(&self, key: &str) -> usize {
        let slot: usize = self.cli(0, &["CLUSTER", "KEYSLOT", key]).parse().expect("a slot");
        let each = 16_384_usize.div_ceil(MASTERS);
        slot / each
    }

    /// Runs a command on a member as its administrator and gives what redis-cli prints.
    pub fn cli(&self, member: usize, words: &[&str]) -> String {
        let port = self.members[member].port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(words).output();
        let output = output.expect("redis-cli, which Debian's package redis-tools has");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Gives a key's slot, with all that is in it, to another master; the way it is told to do, so that nobody is refused
    /// for longer than it takes.
    pub fn move_slot(&self, key: &str, from: usize, to: usize) {
        let slot = self.cli(0, &["CLUSTER", "KEYSLOT", key]);
        let [from_id, to_id] = [from, to].map(|member| self.cli(member, &["CLUSTER", "MYID"]));
        self.told(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        self.told(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        let keys = self.cli(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
        let port = self.members[to].port.to_string();
        for key in keys.lines() {
            self.told(from, &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        }
        for member in [to, from] {
            self.told(member, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }

    fn told(&self, member: usize, words: &[&str]) {
        assert_eq!(self.cli(member, words), "OK", "{words:?}");
    }

    fn agrees(&self, what: &str, is_so: impl Fn(&str) -> bool, words: &[&str]) {
        for member in 0..self.members.len() {
            self.wait(member, what, &is_so, words);
        }
    }

    fn wait(&self, member: usize, what: &str, is_so: impl Fn(&str) -> bool, words: &[&str]) {
        let begun = Instant::now();
        while !is_so(&self.cli(member, words)) {
            assert!(begun.elapsed() < AGREEING, "not {what}: {}", self.cli(member, words));
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn place(&self, member: usize) -> PathBuf {
        self.folder.path().join(member.to_string())
    }
}

impl Drop for RedisCluster {
    fn drop(&mut self) {
        for process in self.members.iter_mut().filter_map(|member| member.process.as_mut()) {
            // Whatever happens here, the test has its result.
            let _ = (process.kill(), process.wait());
        }
    }
}

fn follows(replication: &str) -> bool {
    replication.contains("role:master") || replication.contains("master_link_status:up")
}

/// A different one each time, also for tests in other processes.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 20_000).expect("a small number");
    loop {
        let port = PORTS.start + begin.wrapping_add(NEXT.fetch_add(7, Relaxed)) % (PORTS.end - PORTS.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
