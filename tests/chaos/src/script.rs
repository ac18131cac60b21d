//! The real thing: a Node.js process with socket.io-client and `hubbub.js`, that says what it sees.

use std::{
    io,
    process::Stdio,
    sync::{Arc, atomic::Ordering},
};

use hubbub_tests::process::root;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
};

use crate::{
    client::Course,
    crowd::{Board, Mode},
    line::Transport,
    log::{Cid, Entry, Log, Room},
    words::{self, Heard},
};

/// A client that is a program of its own. It reads on as long as it lives, and comes back where it was.
#[derive(Debug)]
pub struct Script {
    course: Course,
    board: Arc<Board>,
    place: usize,
    log: Log,
}

impl Script {
    pub(crate) fn new(course: Course, place: usize, board: Arc<Board>) -> Self {
        let log = Log { client: course.name.clone(), entries: Vec::new() };
        Self { course, board, place, log }
    }

    /// Lives until it is told to leave; gives what it saw.
    pub(crate) async fn live(mut self, mut mode: watch::Receiver<Mode>) -> Log {
        let (mut child, mut says, mut hears) =
            start(&self.course).expect("node, which script/setup installs");
        loop {
            tokio::select! {
                line = hears.next_line() => match line {
                    Ok(Some(line)) => self.sees(&line),
                    _ => break self.board.surprise(format!("{} ended", self.course.name)),
                },
                Ok(()) = mode.changed() => {
                    let now = *mode.borrow_and_update();
                    // Whoever has ended hears nothing, and is noticed as such.
                    let _ = says.write_all(format!("{now:?}\n").as_bytes()).await;
                    if now == Mode::Leaving {
                        break;
                    }
                }
            }
        }
        // It has been told; what becomes of it is not judged any more.
        let _ = (child.kill().await, child.wait().await);
        self.log
    }

    fn sees(&mut self, line: &str) {
        let stand = self.board.stand(self.place);
        if line == QUIET {
            return stand.quiet.store(true, Ordering::Relaxed);
        }
        let Some(entry) = understand(line) else {
            return self.board.surprise(format!("{}: {line}", self.course.name));
        };
        match entry {
            Entry::Told { room, position, .. } => stand.reach(room, position),
            Entry::Gap { room, position } => {
                stand.reach(room, position);
                stand.whole.store(false, Ordering::Relaxed);
            }
            Entry::Resumed { room, at, recovered: false, .. } => stand.reach(room, at),
            Entry::Acked { room, position, .. } => self.board.acknowledge(room, position),
            Entry::Whole => stand.whole.store(true, Ordering::Relaxed),
            Entry::Lost => {
                self.board.lost.fetch_add(1, Ordering::Relaxed);
                stand.whole.store(false, Ordering::Relaxed);
            }
            _ => {}
        }
        self.log.entries.push((self.board.started.elapsed(), entry));
    }
}

fn start(course: &Course) -> io::Result<(Child, ChildStdin, Lines<BufReader<ChildStdout>>)> {
    let told = json!({
        "url": format!("http://{}", course.doors[0]),
        "name": course.name,
        "number": course.number,
        "transports": if course.transport == Transport::Polling { json!(["polling"]) } else { json!(["polling", "websocket"]) },
        "rooms": course.rooms.iter().map(|room| room.name()).collect::<Vec<_>>(),
        "pace": course.pace.map(|pace| u64::try_from(pace.as_millis()).unwrap_or(u64::MAX)),
        "quota": course.quota,
    });
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(root().join("tests/clients/chaos.mjs")).arg(told.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (says, hears) = (child.stdin.take(), child.stdout.take());
    let says = says.ok_or(io::ErrorKind::BrokenPipe)?;
    let hears = BufReader::new(hears.ok_or(io::ErrorKind::BrokenPipe)?).lines();
    Ok((child, says, hears))
}

/// A line is a packet as it would be heard, or `[what, body]`.
fn understand(line: &str) -> Option<Entry> {
    if let Heard::Told { room, position, cid, digest, .. } = words::understand(line) {
        return Some(Entry::Told { room, position, cid, digest });
    }
    let said: Vec<Value> = serde_json::from_str(line).ok()?;
    let (what, body) = (said.first()?.as_str()?, said.get(1).unwrap_or(&Value::Null));
    if let "connected" | "lost" | "whole" = what {
        return Some(match what {
            "connected" => Entry::Connected,
            "lost" => Entry::Lost,
            _ => Entry::Whole,
        });
    }
    let (room, position) = (Room::of_name(body["room"].as_str()?)?, words::position_of(body)?);
    let cid = || Cid::of_text(body["text"].as_str().or(body["cid"].as_str())?);
    Some(match what {
        "gap" => Entry::Gap { room, position },
        "shown" => Entry::Shown { room, position, cid: cid() },
        "acked" => Entry::Acked { room, position, cid: cid()?, changes: false },
        "resumed" => {
            let (since, recovered) = (words::position_of(&body["since"]), body["recovered"].as_bool()?);
            Entry::Resumed { room, since, at: position, recovered }
        }
        _ => return None,
    })
}

/// It will say nothing more, and all that it said is acknowledged.
const QUIET: &str = "[\"quiet\"]";
