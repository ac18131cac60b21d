//! A Redis of a test's own: a real process on a socket in its own directory, gone with the value.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot have its Redis fails")]

use std::{
    fs,
    io::{Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a Redis may take to start.
const STARTING: Duration = Duration::from_secs(10);

/// The nodes' password.
pub const PASSWORD: &str = "sesame";

/// Who may do what: other servers and sentinels, the tests, and nodes, with the rights that the documents give to them
/// and no others. The order matters: INFO is dangerous.
pub(crate) const ACL: &str = "user default on nopass ~* &* +@all\n\
    user operator on >operator ~* &* +@all\n\
    user hubbub on >sesame resetchannels ~{h:* ~{room:* &{h:* &{room:* -@all +@read +@write +@pubsub +@scripting \
    +@connection -@dangerous +info +time +role +cluster|slots +cluster|shards\n";

/// A running redis-server, found in `PATH`.
#[derive(Debug)]
pub struct RedisServer {
    folder: TempDir,
    process: Option<Child>,
    /// Also listens there.
    port: u16,
}

impl RedisServer {
    /// Starts one that remembers everything over a restart.
    pub fn start() -> Self {
        Self::on_port(0)
    }

    /// Starts one that listens on a free TCP port too.
    pub fn start_with_tcp() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Self::on_port(free.expect("a free port").port())
    }

    /// Has a place, but runs nothing yet.
    pub fn absent() -> Self {
        let folder = tempfile::Builder::new().prefix("hubbub-redis-").tempdir().expect("a folder for Redis");
        fs::write(folder.path().join("users.acl"), ACL).expect("a file for its users");
        Self { folder, process: None, port: 0 }
    }

    fn on_port(port: u16) -> Self {
        let mut server = Self::absent();
        server.port = port;
        server.restart();
        server
    }

    /// Starts it again with what it had, killing it first if it runs.
    pub fn restart(&mut self) {
        self.launch(&[]);
        let begun = Instant::now();
        while !is_answering(&self.socket()) {
            assert!(begun.elapsed() < STARTING, "redis-server did not start");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The same with more settings, and without waiting until it serves.
    pub fn launch(&mut self, settings: &[&str]) {
        self.kill();
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"])
            .args(["--unixsocket", "redis.sock", "--aclfile", "users.acl"])
            .args(settings)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server, which Debian's package redis-server has");
        self.process = Some(process);
    }

    /// Starts it again with nothing.
    pub fn restart_empty(&mut self) {
        self.kill();
        fs::remove_dir_all(self.folder.path().join("appendonlydir")).expect("to remove its data");
        self.restart();
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("to kill it");
            process.wait().expect("to see it end");
        }
    }

    /// Stops it in its tracks: connections stay, nothing answers.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Is cut off from its replicas and sentinels, while nodes still reach it.
    pub fn isolate(&self) {
        self.cli(["ACL", "SETUSER", "default", "off"]);
        self.cli(["CLIENT", "KILL", "USER", "default"]);
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(status.success());
    }

    /// Where a node finds it, as the user that nodes are.
    pub fn url(&self) -> String {
        format!("unix://{}?user=hubbub&pass={PASSWORD}", self.socket().display())
    }

    /// The same over TCP.
    pub fn tcp_url(&self) -> String {
        Self::url_at(self.address())
    }

    /// Where it listens on TCP.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Where a node finds a Redis that another address leads to, as the user that nodes are.
    pub fn url_at(address: SocketAddr) -> String {
        format!("redis://hubbub:{PASSWORD}@{address}/0")
    }

    /// Runs a command as its administrator and gives what redis-cli prints.
    pub fn cli<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> String {
        let login = ["--user", "operator", "--pass", "operator", "--no-auth-warning"];
        let output = Command::new("redis-cli").arg("-s").arg(self.socket()).args(login).args(words).output();
        let output = output.expect("redis-cli, which Debian's package redis-tools has");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Its socket's file. It stays where it is over a restart.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Whatever happens here, the test has its result.
            let _ = (process.kill(), process.wait());
        }
    }
}

fn is_answering(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG"
}
