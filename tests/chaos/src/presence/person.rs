//! A person: a light client that is in one room, and only shows from then on that it is there.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle, time};

use super::{
    admission::{self, Admission, Hello},
    sight::User,
};
use crate::{
    line::{Line, Transport},
    log::{Position, Room},
    words,
};

/// Someone in a room.
#[derive(Debug)]
pub struct Person {
    pass: Pass,
    stay: JoinHandle<()>,
    parts: oneshot::Sender<Parting>,
}

/// What brings someone back.
#[derive(Debug, Clone)]
pub struct Pass {
    /// How the cluster knows them.
    pub user: User,
    session: String,
    place: (Room, Position),
}

/// How someone goes. Whoever is dropped vanishes.
#[derive(Debug, Clone, Copy)]
enum Parting {
    Vanishing,
    Disconnecting,
}

impl Person {
    /// Someone new comes into a room.
    pub async fn comes(name: String, door: SocketAddr, room: Room) -> io::Result<Self> {
        time::timeout(ENTERED, Self::coming(&name, door, room)).await?
    }

    async fn coming(name: &str, door: SocketAddr, room: Room) -> io::Result<Self> {
        let mut line = Line::open(door, Transport::WebSocket).await?;
        let (user, session) = match admission::ask(&mut line, Hello::New(name)).await? {
            Admission::Ready { user, session, .. } => (user, session),
            Admission::Refused(why) => return Err(io::Error::other(format!("{name} was refused: {why}"))),
        };
        let answer = admission::join(&mut line, room).await?;
        let at = words::position_of(&answer).ok_or_else(|| admission::strange(&answer))?;
        Ok(Self::on(line, Pass { user, session, place: (room, at) }))
    }

    fn on(line: Line, pass: Pass) -> Self {
        let (parts, parting) = oneshot::channel();
        Self { pass, stay: tokio::spawn(stay(line, parting)), parts }
    }

    /// How the cluster knows them.
    pub fn user(&self) -> &User {
        &self.pass.user
    }

    /// What lets them in once more, on another device.
    pub fn pass(&self) -> Pass {
        self.pass.clone()
    }

    /// Their connection is cut.
    pub async fn vanishes(self) -> io::Result<Pass> {
        self.parts(Parting::Vanishing).await
    }

    /// They say that they go.
    pub async fn disconnects(self) -> io::Result<Pass> {
        self.parts(Parting::Disconnecting).await
    }

    async fn parts(self, parting: Parting) -> io::Result<Pass> {
        // Whoever has lost their connection has parted already.
        let _ = self.parts.send(parting);
        self.stay.await?;
        Ok(self.pass)
    }

    /// Their node ends the connection, some time, and they come back at once to another one.
    pub async fn moves(self, door: SocketAddr) -> io::Result<Self> {
        self.stay.await?;
        self.pass.returns(door).await
    }
}

impl Pass {
    /// They come back to their room, on this node.
    pub async fn returns(self, door: SocketAddr) -> io::Result<Person> {
        time::timeout(ENTERED, self.returning(door)).await?
    }

    async fn returning(self, door: SocketAddr) -> io::Result<Person> {
        let mut line = Line::open(door, Transport::WebSocket).await?;
        match admission::ask(&mut line, Hello::Back(&self.session, Some(self.place))).await? {
            Admission::Ready { user, session, rooms: 1 } if user == self.user => {
                Ok(Person::on(line, Self { session, ..self }))
            }
            other => Err(io::Error::other(format!("{} came back and was told {other:?}", self.user))),
        }
    }
}

async fn stay(mut line: Line, mut parting: oneshot::Receiver<Parting>) {
    loop {
        tokio::select! {
            heard = admission::next(&mut line) => if heard.is_err() { return },
            parting = &mut parting => {
                if matches!(parting, Ok(Parting::Disconnecting)) {
                    disconnect(line).await;
                }
                return;
            }
        }
    }
}

/// It reads on until that has arrived: a connection that ends with something unread takes what was said with it.
async fn disconnect(mut line: Line) {
    let goodbye = async {
        line.send("41/v1,".into()).await?;
        while admission::next(&mut line).await.is_ok() {}
        io::Result::Ok(())
    };
    // However it ends, they are gone.
    let _ = time::timeout(GOODBYE, goodbye).await;
}

/// How long coming in may take.
const ENTERED: Duration = Duration::from_secs(20);
/// How long a goodbye has to arrive.
const GOODBYE: Duration = Duration::from_millis(500);
