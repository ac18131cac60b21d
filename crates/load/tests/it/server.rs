//! As little of a Socket.IO server as vocabulary 003 needs: a thread per connection, one lock for the order.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::websocket::{UPGRADE, frame, read_frame};

/// What is done to one delivery: the sixth message's to its own sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Lose,
    Repeat,
    /// Until the next has gone out.
    Delay,
    /// Instead of it, the connection ends.
    Close,
}

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
}

#[derive(Debug)]
struct Room {
    fault: Fault,
    members: Vec<TcpStream>,
    /// Messages so far, probes not among them.
    said: usize,
    delayed: Option<(TcpStream, Vec<u8>)>,
}

impl Server {
    /// Serves until the tests end.
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let room = Arc::new(Mutex::new(Room { fault, members: Vec::new(), said: 0, delayed: None }));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let room = Arc::clone(&room);
                thread::spawn(move || serve(stream.unwrap(), &room));
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: TcpStream, room: &Mutex<Room>) -> Option<()> {
    let speaker = stream.peer_addr().ok()?;
    read_head(&mut stream)?;
    let open =
        frame(br#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#);
    stream.write_all(&[UPGRADE, &open].concat()).ok()?;
    loop {
        let packet = read_frame(&mut stream)?;
        if packet == b"40" {
            let mut room = room.lock().unwrap();
            stream.write_all(&frame(br#"40{"sid":"y"}"#)).ok()?;
            room.members.push(stream.try_clone().ok()?);
        } else if let Some(text) = packet.strip_prefix(br#"42["message","#) {
            room.lock().unwrap().say(text, speaker);
        }
    }
}

impl Room {
    fn say(&mut self, text: &[u8], speaker: SocketAddr) {
        let bytes = frame(&[&br#"42["response","#[..], text].concat());
        // Behind the run's tag a message has a colon, a probe a question mark.
        let is_message = text.get(6) == Some(&b':');
        self.said += usize::from(is_message);
        let is_faulty = is_message && self.said == 6;
        for member in &mut self.members {
            if is_faulty && member.peer_addr().is_ok_and(|address| address == speaker) {
                mistreat(self.fault, member, &bytes, &mut self.delayed);
            } else {
                send(member, &bytes);
            }
        }
        if !is_faulty && let Some((mut member, delayed)) = self.delayed.take() {
            send(&mut member, &delayed);
        }
    }
}

fn mistreat(fault: Fault, member: &mut TcpStream, bytes: &[u8], delayed: &mut Option<(TcpStream, Vec<u8>)>) {
    match fault {
        Fault::None => send(member, bytes),
        Fault::Lose => {}
        Fault::Repeat => send(member, &[bytes, bytes].concat()),
        Fault::Delay => *delayed = Some((member.try_clone().unwrap(), bytes.to_vec())),
        Fault::Close => send(member, CLOSE),
    }
}

/// Who has left by now is none of our business.
fn send(member: &mut TcpStream, bytes: &[u8]) {
    let _ = member.write_all(bytes);
}

fn read_head(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    Some(())
}

const CLOSE: &[u8] = &[0x88, 0x00];
