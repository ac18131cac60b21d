//! The scripts around real clients: run with a deadline, and heard out when they fail.

use std::{
    ffi::OsStr,
    io::Read,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::process::root;

/// A script of this folder, about to run.
#[derive(Debug)]
pub struct Script {
    name: String,
    command: Command,
    deadline: Duration,
}

impl Script {
    /// For Node, by its path below `tests/`.
    pub fn node(path: &str) -> Self {
        let installed = root().join("tests/clients/node_modules");
        assert!(installed.exists(), "the clients are missing: script/setup test installs them");
        let mut command = Command::new("node");
        command.current_dir(root()).arg(root().join("tests").join(path)).stdin(Stdio::null());
        Self { name: path.to_owned(), command, deadline: Duration::from_mins(1) }
    }

    /// With these arguments, after those that it has.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// For at most this long, instead of a minute.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end and shows what it printed; panics with that if it fails or takes too long.
    pub fn run(mut self) {
        let (writer, reader) = (Stdio::piped(), Stdio::piped());
        let mut child = self.command.stdout(writer).stderr(reader).spawn().expect("the script's interpreter");
        let (done, ended) = mpsc::channel();
        let output = gather(child.stdout.take().expect("piped"), done.clone());
        let errors = gather(child.stderr.take().expect("piped"), done);
        // Both streams end when it does.
        let in_time = (0..2).all(|_| ended.recv_timeout(self.deadline).is_ok());
        let success = end(&mut child, in_time);
        let [output, errors] = [output, errors].map(|text| text.join().expect("the reader"));
        assert!(in_time, "{} took longer than {:?}\n{output}{errors}", self.name, self.deadline);
        assert!(success, "{} failed\n{output}{errors}", self.name);
        eprint!("{output}{errors}");
    }
}

fn end(child: &mut Child, in_time: bool) -> bool {
    if !in_time {
        child.kill().expect("to kill it");
    }
    child.wait().expect("to see it end").success()
}

fn gather(mut stream: impl Read + Send + 'static, done: mpsc::Sender<()>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).expect("to read what it prints");
        // Nobody waits any more once it took too long.
        let _ = done.send(());
        String::from_utf8_lossy(&text).into_owned()
    })
}
