//! A cluster as its operators have it: the real binary, a process for each node, and a Redis of its own.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use tempfile::TempDir;

use crate::redis_server::RedisServer;

/// Nodes on free ports, joined by a Redis. When a test fails, it shows what they logged.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<NodeProcess>,
    redis: Option<RedisServer>,
    _logs: TempDir,
}

impl Cluster {
    /// So many nodes, as they come, ready.
    pub fn start(nodes: usize) -> Self {
        Self::with(nodes, &[])
    }

    /// Nodes that serve this folder instead of the page.
    pub fn serving(nodes: usize, folder: &Path) -> Self {
        Self::with(nodes, &[("HUBBUB__HTTP__STATIC_DIR", folder.as_os_str())])
    }

    /// Nodes with these variables in their environment.
    pub fn with(nodes: usize, settings: &[(&str, &OsStr)]) -> Self {
        let redis = RedisServer::start();
        let url = redis.url();
        let joined = [settings, &[("HUBBUB__REDIS__URL", OsStr::new(&url))]].concat();
        Self { redis: Some(redis), ..Self::of(nodes, &joined) }
    }

    /// One node alone, in memory, with these variables in its environment.
    pub fn alone(settings: &[(&str, &OsStr)]) -> Self {
        Self::of(1, settings)
    }

    fn of(nodes: usize, settings: &[(&str, &OsStr)]) -> Self {
        let logs = TempDir::new().expect("a folder for logs");
        let nodes = (1..=nodes)
            .map(|number| NodeProcess::start(&format!("node-{number}"), LOOPBACK, logs.path(), settings))
            .collect();
        Self { nodes, redis: None, _logs: logs }
    }

    /// What joins the nodes.
    pub fn redis(&self) -> &RedisServer {
        self.redis.as_ref().expect("it is none of one node alone")
    }

    /// The same, to be killed and started again.
    pub fn redis_mut(&mut self) -> &mut RedisServer {
        self.redis.as_mut().expect("it is none of one node alone")
    }

    /// Stops a node in its tracks: its connections stay, nothing answers.
    pub fn pause(&self, node: usize) {
        self.nodes[node].pause();
    }

    /// Lets it go on.
    pub fn resume(&self, node: usize) {
        self.nodes[node].resume();
    }

    /// Asks a node to end in order.
    pub fn stop(&self, node: usize) {
        self.nodes[node].stop();
    }

    /// Ends a node at once, as a crash does.
    pub fn kill(&mut self, node: usize) {
        drop(self.nodes.remove(node));
    }

    /// Where a node's clients connect.
    pub fn addr(&self, node: usize) -> SocketAddr {
        self.nodes[node].http
    }

    /// Where a node's metrics are.
    pub fn admin(&self, node: usize) -> SocketAddr {
        self.nodes[node].admin
    }

    /// A node's process, as the machine knows it.
    pub fn pid(&self, node: usize) -> u32 {
        self.nodes[node].process.id()
    }

    /// Bytes of memory that a node's process has.
    pub fn memory(&self, node: usize) -> usize {
        let path = format!("/proc/{}/status", self.nodes[node].process.id());
        let status = fs::read_to_string(path).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|line| line.trim().strip_suffix(" kB"));
        kibibytes.and_then(|number| number.parse::<usize>().ok()).expect("a number of kB") * 1_024
    }

    /// What a node has logged so far.
    pub fn log(&self, node: usize) -> String {
        self.nodes[node].log()
    }

    /// Where clients connect, by node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("http://{}", node.http)).collect()
    }
}

/// One node's process.
#[derive(Debug)]
pub struct NodeProcess {
    id: String,
    http: SocketAddr,
    admin: SocketAddr,
    log: PathBuf,
    command: Command,
    process: Child,
}

impl NodeProcess {
    /// Starts it and waits until it is ready. Somebody may take a free port before it does: it ends then, and other
    /// ports are tried. Who will start it again at its ports gives it an address of this machine that nobody else has.
    pub fn start(id: &str, ip: IpAddr, logs: &Path, settings: &[(&str, &OsStr)]) -> Self {
        for _ in 0..PORTS_TRIED {
            let [http, admin] = free_ports(ip);
            let log = logs.join(id);
            let mut command = Command::new(binary());
            command
                .env_clear()
                .env("HUBBUB__NODE__ID", id)
                .env("HUBBUB__NODE__ADVERTISE", http.to_string())
                .env("HUBBUB__HTTP__ADDR", http.to_string())
                .env("HUBBUB__HTTP__CLIENT_DIR", root().join("node_modules/socket.io-client/dist"))
                .env("HUBBUB__ADMIN__ADDR", admin.to_string())
                .env("HUBBUB__LOG__LEVEL", "info,hubbub_gateway=debug")
                .envs(settings.iter().copied())
                .stderr(fs::File::create(&log).expect("a file for its log"))
                .stdout(Stdio::null());
            let process = command.spawn().expect("the node's process starts");
            let mut node = Self { id: id.to_owned(), http, admin, log, command, process };
            if node.becomes_ready() {
                return node;
            }
        }
        panic!("{id} found no free port {PORTS_TRIED} times");
    }

    /// Where its clients connect.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where its metrics are.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        self.process.kill().expect("to kill it");
        self.process.wait().expect("to see it end");
    }

    /// Asks it to end in order.
    pub fn stop(&self) {
        self.signal("-TERM");
    }

    /// Starts it once more after [`Self::kill`], as it was and where it was. It waits for nothing.
    pub fn start_again(&mut self) {
        self.process = self.command.spawn().expect("the node's process starts");
    }

    /// Whether its process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("to look at the process").is_none()
    }

    /// Whether it says so itself.
    pub fn is_ready(&self) -> bool {
        is_ready(self.admin)
    }

    /// Stops it in its tracks: its connections stay, nothing answers.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// What it has logged so far, over all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("its log")
    }

    fn becomes_ready(&mut self) -> bool {
        let began = Instant::now();
        while !self.is_ready() {
            if !self.is_running() {
                let log = self.log();
                assert!(log.contains("in use"), "{} ended at once:\n{log}", self.id);
                return false;
            }
            assert!(began.elapsed() < READY_TIME, "{} is not ready after {READY_TIME:?}", self.id);
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // Whatever happens here, the test has its result.
        let _ = (self.process.kill(), self.process.wait());
        if thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            eprintln!("--- {} logged, at the end:\n{}", self.id, shown.join("\n"));
        }
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package below the root").to_owned()
}

/// `$HUBBUB_BIN`, or the binary of the profile that runs, built first where it is missing or older than its sources.
fn binary() -> PathBuf {
    if let Some(binary) = env::var_os("HUBBUB_BIN") {
        return binary.into();
    }
    let test = env::current_exe().expect("the test's own path");
    let folder = test.parent().expect("a folder of programs");
    let profile =
        if folder.ends_with("deps") { folder.parent().expect("target/<profile>/deps") } else { folder };
    let binary = profile.join("hubbub");
    let built = fs::metadata(&binary).and_then(|binary| binary.modified());
    if built.is_err()
        || built.is_ok_and(|built| SOURCES.iter().any(|sources| newest(&root().join(sources)) > built))
    {
        build(profile.ends_with("release"));
    }
    binary
}

fn build(release: bool) {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["build", "--quiet", "--package", "hubbub-gateway", "--bin", "hubbub"]);
    if release {
        command.arg("--release");
    }
    assert!(command.status().expect("cargo").success(), "the gateway does not build");
}

/// When anything below the folder was changed last.
fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("its entry"));
    let changed = entries.filter(|entry| entry.file_name() != "tests").map(|entry| {
        let about = entry.metadata().expect("to look at it");
        if about.is_dir() { newest(&entry.path()) } else { about.modified().expect("its time") }
    });
    changed.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Different ones, for they are held until all are found.
fn free_ports(ip: IpAddr) -> [SocketAddr; 2] {
    let held = [(); 2].map(|()| TcpListener::bind((ip, 0)).expect("a free port"));
    held.map(|port| port.local_addr().expect("its address"))
}

fn is_ready(admin: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(admin) else { return false };
    let mut answer = String::new();
    let asked = write!(stream, "GET /readyz HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// What the binary is made of, the page that it holds included.
const SOURCES: [&str; 2] = ["crates", "static"];
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PORTS_TRIED: usize = 5;
const READY_TIME: Duration = Duration::from_secs(20);
const LINES_SHOWN: usize = 40;
