//! A Redis with replicas and three sentinels, as real processes, gone with the value.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot have its Redis fails")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::redis_server::{PASSWORD, RedisServer};

/// A master may be silent for so long before its sentinels call it down.
pub const DOWN_AFTER: Duration = Duration::from_secs(1);

/// How long it may take until all know each other.
const MEETING: Duration = Duration::from_secs(30);

/// What the sentinels call the master.
const SERVICE: &str = "chat";

/// Whoever may ask the sentinels where the master is, and nothing else.
const ACL: &str = "user default on nopass ~* &* +@all\n\
    user asking on >asking resetchannels -@all +@connection +sentinel|get-master-addr-by-name \
    +sentinel|master\n";

/// Several servers, of which one is the master, and those who watch over them.
#[derive(Debug)]
pub struct SentinelServers {
    servers: Vec<RedisServer>,
    sentinels: Vec<Sentinel>,
}

impl SentinelServers {
    /// A master, this many replicas, and three sentinels of which two must agree. They may not know each other yet.
    pub fn start(replicas: usize) -> Self {
        let servers: Vec<_> = (0..=replicas).map(|_| RedisServer::start_with_tcp()).collect();
        let master = servers[0].address().port();
        for server in &servers {
            server.cli(["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
        }
        for replica in &servers[1..] {
            replica.cli(["REPLICAOF", "127.0.0.1", &master.to_string()]);
        }
        let sentinels = (0..3).map(|_| Sentinel::start(master)).collect();
        Self { servers, sentinels }
    }

    /// Until all replicas follow the master, and all sentinels know that and each other.
    pub fn meet(&self) {
        let (begun, replicas) = (Instant::now(), (self.servers.len() - 1).to_string());
        let others = (self.sentinels.len() - 1).to_string();
        let known = [("num-slaves", replicas.as_str()), ("num-other-sentinels", &others)];
        while !(self.are_following(&replicas) && self.sentinels.iter().all(|sentinel| sentinel.knows(&known)))
        {
            assert!(begun.elapsed() < MEETING, "the sentinels do not know everyone");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn are_following(&self, replicas: &str) -> bool {
        let about = self.servers[0].cli(["INFO", "replication"]);
        about.matches("state=online").count().to_string() == replicas
    }

    /// Which server most sentinels take for the master.
    pub fn master(&self) -> Option<usize> {
        let named: Vec<_> = self.sentinels.iter().filter_map(Sentinel::master).collect();
        let most =
            |port: &&u16| named.iter().filter(|other| other == port).count() > self.sentinels.len() / 2;
        let port = named.iter().find(most)?;
        self.servers.iter().position(|server| server.address().port() == *port)
    }

    /// One of the servers; the first was the first master.
    pub fn server(&self, index: usize) -> &RedisServer {
        &self.servers[index]
    }

    /// The same, to end it or start it again.
    pub fn server_mut(&mut self, index: usize) -> &mut RedisServer {
        &mut self.servers[index]
    }

    /// Ends a sentinel at once.
    pub fn kill_sentinel(&mut self, index: usize) {
        self.sentinels[index].kill();
    }

    /// Stops a sentinel in its tracks: it accepts connections and answers nothing.
    pub fn pause_sentinel(&self, index: usize) {
        self.sentinels[index].pause();
    }

    /// Where a node finds the master, as the user that nodes are.
    pub fn url(&self) -> String {
        self.url_of(SERVICE)
    }

    /// The same for a master of this name.
    pub fn url_of(&self, service: &str) -> String {
        let hosts: Vec<_> =
            self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        let login = "sentinel_user=asking&sentinel_pass=asking";
        format!("redis+sentinel://hubbub:{PASSWORD}@{}/{service}/0?{login}", hosts.join(","))
    }
}

/// A running redis-sentinel, found in `PATH`.
#[derive(Debug)]
struct Sentinel {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Sentinel {
    fn start(master: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("hubbub-sentinel-").tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("a free port").port();
        let silence = DOWN_AFTER.as_millis();
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nloglevel warning\n{ACL}\
             sentinel monitor {SERVICE} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {SERVICE} {silence}\n\
             sentinel failover-timeout {SERVICE} 5000\n"
        );
        fs::write(folder.path().join("sentinel.conf"), settings).expect("a file for its settings");
        let process = Command::new("redis-sentinel")
            .arg("sentinel.conf")
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-sentinel, which Debian's package redis-sentinel has");
        let mut sentinel = Self { port, process, _folder: folder };
        let begun = Instant::now();
        while sentinel.master().is_none() {
            let ended = sentinel.process.try_wait().expect("to look at it");
            assert!(ended.is_none() && begun.elapsed() < MEETING, "redis-sentinel did not start");
            thread::sleep(Duration::from_millis(5));
        }
        sentinel
    }

    fn master(&self) -> Option<u16> {
        self.ask("SENTINEL GET-MASTER-ADDR-BY-NAME chat")?.get(4)?.parse().ok()
    }

    fn knows(&self, facts: &[(&str, &str)]) -> bool {
        let answer = self.ask("SENTINEL MASTER chat").unwrap_or_default();
        let words: Vec<_> = answer.iter().filter(|line| !line.starts_with(['$', '*'])).collect();
        facts.iter().all(|(name, value)| words.windows(2).any(|pair| pair == [*name, *value]))
    }

    /// The answer's lines as they come, if it can be reached.
    fn ask(&self, question: &str) -> Option<Vec<String>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        stream.write_all(format!("{question}\r\nPING\r\n").as_bytes()).ok()?;
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        Some(lines.take_while(|line| line != "+PONG").collect())
    }

    fn pause(&self) {
        let status = Command::new("kill").args(["-STOP", &self.process.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    fn kill(&mut self) {
        self.process.kill().expect("to kill it");
        self.process.wait().expect("to see it end");
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // Whatever happens here, the test has its result.
        let _ = (self.process.kill(), self.process.wait());
    }
}
