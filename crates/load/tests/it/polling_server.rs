//! As little of a polling Socket.IO cluster as vocabulary 003 needs: some listeners, one lock, a thread per connection.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use crate::websocket::{UPGRADE, frame, read_frame};

/// What is done wrong; to one delivery, where nothing else is said: the sixth message's to its own sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Lose,
    Repeat,
    /// Until the next has been said.
    Delay,
    /// The post of the sixth message is answered 400.
    Refuse,
    /// A session is known to the node that opened it alone, as on several nodes of other servers.
    Sticky,
    /// A request takes [`SLOW`] longer at any other node than the session's own.
    Slow,
}

pub(crate) const SLOW: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<SocketAddr>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    room: Mutex<Room>,
    is_changed: Condvar,
}

#[derive(Debug)]
struct Room {
    fault: Fault,
    sessions: HashMap<String, Session>,
    /// Messages so far, probes not among them.
    said: usize,
    delayed: Option<(String, String)>,
    /// Of each session, those that each node got.
    requests: HashMap<String, Vec<usize>>,
    nodes: usize,
}

#[derive(Debug)]
struct Session {
    eio3: bool,
    home: usize,
    queue: Vec<String>,
    /// Once it is upgraded.
    socket: Option<TcpStream>,
}

struct Request {
    target: String,
    body: String,
}

type Answer = (&'static str, String);

impl Cluster {
    /// Serves until the tests end.
    pub(crate) fn start(fault: Fault, nodes: usize) -> Self {
        let (sessions, requests) = (HashMap::new(), HashMap::new());
        let room = Room { fault, sessions, said: 0, delayed: None, requests, nodes };
        let shared = Arc::new(Shared { room: Mutex::new(room), is_changed: Condvar::new() });
        let nodes = (0..nodes).map(|node| listen(node, &shared)).collect();
        Self { nodes, shared }
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|address| format!("http://{address}")).collect()
    }

    /// For each session, how many of its requests each node got.
    pub(crate) fn requests(&self) -> Vec<Vec<usize>> {
        self.shared.room.lock().unwrap().requests.values().cloned().collect()
    }

    /// Sessions that nobody has closed.
    pub(crate) fn sessions(&self) -> usize {
        self.shared.room.lock().unwrap().sessions.len()
    }
}

fn listen(node: usize, shared: &Arc<Shared>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, shared) = (listener.local_addr().unwrap(), Arc::clone(shared));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&shared);
            thread::spawn(move || serve(stream.unwrap(), node, &shared));
        }
    });
    address
}

fn serve(mut stream: TcpStream, node: usize, shared: &Shared) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let request = read(&mut reader)?;
        if request.target.contains("transport=websocket") {
            return shared.upgrade(node, &request, &mut reader, stream);
        }
        let (status, body) = shared.answer(node, &request);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let length = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .last();
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request { target, body: String::from_utf8(body).unwrap() })
}

impl Shared {
    fn answer(&self, node: usize, request: &Request) -> Answer {
        let mut room = self.room.lock().unwrap();
        let eio3 = request.target.contains("EIO=3");
        let Some((_, sid)) = request.target.split_once("&sid=") else { return room.open(node, eio3) };
        if !room.knows(sid, node) {
            return UNKNOWN();
        }
        room = self.dawdle(room, sid, node);
        if request.body.is_empty() {
            let is_quiet = |room: &mut Room| room.sessions.get(sid).is_some_and(|it| it.queue.is_empty());
            room = self.is_changed.wait_while(room, is_quiet).unwrap();
            return room.sessions.get_mut(sid).map_or_else(UNKNOWN, Session::take);
        }
        let answer = room.hear(sid, &unframed(&request.body, eio3));
        self.is_changed.notify_all();
        answer
    }

    fn upgrade(
        &self,
        node: usize,
        request: &Request,
        reader: &mut impl BufRead,
        mut stream: TcpStream,
    ) -> Option<()> {
        let (_, sid) = request.target.split_once("&sid=")?;
        stream.write_all(UPGRADE).ok()?;
        loop {
            let packet = String::from_utf8(read_frame(reader)?).ok()?;
            let mut room = self.dawdle(self.room.lock().unwrap(), sid, node);
            match packet.as_str() {
                "2probe" => stream.write_all(&frame(b"3probe")).ok()?,
                "5" => room.sessions.get_mut(sid)?.socket = Some(stream.try_clone().ok()?),
                _ => drop(room.hear(sid, &[packet])),
            }
            self.is_changed.notify_all();
        }
    }

    /// Lets go of the room meanwhile.
    fn dawdle<'a>(&'a self, room: MutexGuard<'a, Room>, sid: &str, node: usize) -> MutexGuard<'a, Room> {
        let is_strange = room.sessions.get(sid).is_some_and(|session| session.home != node);
        if room.fault != Fault::Slow || !is_strange {
            return room;
        }
        drop(room);
        thread::sleep(SLOW);
        self.room.lock().unwrap()
    }
}

impl Room {
    fn open(&mut self, node: usize, eio3: bool) -> Answer {
        let sid = format!("session-{}", self.requests.len());
        let opening = format!(r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":25000,"pingTimeout":20000}}"#);
        let mut session = Session { eio3, home: node, queue: vec![opening], socket: None };
        session.queue.extend(eio3.then(|| "40".to_owned()));
        let answer = session.take();
        self.requests.insert(sid.clone(), vec![0; self.nodes]);
        self.sessions.insert(sid, session);
        answer
    }

    fn knows(&mut self, sid: &str, node: usize) -> bool {
        let Some(session) = self.sessions.get(sid) else { return false };
        self.requests.entry(sid.to_owned()).or_default()[node] += 1;
        self.fault != Fault::Sticky || session.home == node
    }

    fn hear(&mut self, sid: &str, packets: &[String]) -> Answer {
        for packet in packets {
            if packet == "40" {
                self.push(sid, r#"40{"sid":"y"}"#);
            } else if packet == "1" {
                self.sessions.remove(sid);
            } else if let Some(text) = packet.strip_prefix(r#"42["message","#) {
                // Behind the run's tag a message has a colon, a probe a question mark.
                let is_message = text.as_bytes().get(6) == Some(&b':');
                self.said += usize::from(is_message);
                let is_faulty = is_message && self.said == 6;
                if is_faulty && self.fault == Fault::Refuse {
                    return UNKNOWN();
                }
                self.say(&format!(r#"42["response",{text}"#), is_faulty.then_some(sid));
            }
        }
        ("200 OK", "ok".into())
    }

    fn say(&mut self, packet: &str, faulty_to: Option<&str>) {
        let everybody: Vec<String> = self.sessions.keys().cloned().collect();
        for sid in everybody {
            match self.fault {
                Fault::Lose if faulty_to == Some(&sid) => {}
                Fault::Delay if faulty_to == Some(&sid) => self.delayed = Some((sid, packet.to_owned())),
                Fault::Repeat if faulty_to == Some(&sid) => {
                    self.push(&sid, packet);
                    self.push(&sid, packet);
                }
                _ => self.push(&sid, packet),
            }
        }
        if faulty_to.is_none()
            && let Some((sid, delayed)) = self.delayed.take()
        {
            self.push(&sid, &delayed);
        }
    }

    fn push(&mut self, sid: &str, packet: &str) {
        if let Some(session) = self.sessions.get_mut(sid) {
            session.push(packet);
        }
    }
}

impl Session {
    fn push(&mut self, packet: &str) {
        match &mut self.socket {
            // Who has left by now is none of our business.
            Some(socket) => drop(socket.write_all(&frame(packet.as_bytes()))),
            None => self.queue.push(packet.to_owned()),
        }
    }

    fn take(&mut self) -> Answer {
        let packets = std::mem::take(&mut self.queue);
        let body = if self.eio3 {
            let framed = packets.iter().map(|packet| format!("{}:{packet}", packet.len()));
            framed.collect::<Vec<_>>().concat()
        } else {
            packets.join("\x1e")
        };
        ("200 OK", body)
    }
}

/// ASCII only, so that bytes and characters are the same.
fn unframed(body: &str, eio3: bool) -> Vec<String> {
    if !eio3 {
        return body.split('\x1e').map(str::to_owned).collect();
    }
    let (mut rest, mut packets) = (body, Vec::new());
    while let Some((length, behind)) = rest.split_once(':') {
        let (packet, behind) = behind.split_at(length.parse().unwrap());
        packets.push(packet.to_owned());
        rest = behind;
    }
    packets
}

const UNKNOWN: fn() -> Answer = || ("400 Bad Request", r#"{"code":1,"message":"Session ID unknown"}"#.into());
