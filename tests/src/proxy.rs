//! A wire that can be cut, blocked and made to lose everything: a TCP proxy between a test's programs.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot have its proxy fails")]

use std::{future, io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// Listens on a port of its own and passes every connection on. All are gone with the value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    listening: AbortHandle,
}

/// What happens to the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Weather {
    #[default]
    Clear,
    /// They are lost, and so is the news that a side has closed.
    Lost,
    /// Those that the server sends are lost.
    AnswersLost,
    /// They are not read, and wait where they are.
    Stalled,
    /// Whoever connects is cut off at once.
    Refused,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    weather: Weather,
    cuts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

impl Proxy {
    /// A clear wire to this address.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (state, seen) = watch::channel(State::default());
        let listening = tokio::spawn(listen(listener, server, seen)).abort_handle();
        Self { address, state, listening }
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection that there is; new ones are welcome.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Closes every connection and, until it is healed, every new one.
    pub fn refuse(&self) {
        self.state.send_modify(|state| *state = State { weather: Weather::Refused, cuts: state.cuts + 1 });
    }

    /// Loses what either side says, without a word. Who connects is accepted and never answered.
    pub fn black_hole(&self) {
        self.turn(Weather::Lost);
    }

    /// Loses what the server says; what the client says still arrives.
    pub fn black_hole_answers(&self) {
        self.turn(Weather::AnswersLost);
    }

    /// Reads nothing any more: what is said waits until it is healed, and then the sender's buffers fill.
    pub fn stall(&self) {
        self.turn(Weather::Stalled);
    }

    /// All is as it was. A connection that has lost something stays silent until one side gives it up: what came after
    /// the hole could not be understood.
    pub fn heal(&self) {
        self.turn(Weather::Clear);
    }

    fn turn(&self, weather: Weather) {
        self.state.send_modify(|state| state.weather = weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    let mut wires = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("a connection");
                wires.spawn(wire(client, server, state.clone()));
            }
            Some(_ended) = wires.join_next() => {}
        }
    }
}

/// One connection, until both sides have closed it or it is cut.
async fn wire(client: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    let State { weather, cuts } = *state.borrow();
    if weather == Weather::Refused {
        return;
    }
    let pumps = state.clone();
    tokio::select! {
        // Either side may vanish at any time; the other one hears it, as over a real wire.
        _ended = pass(client, server, pumps) => {}
        _cut = state.wait_for(|state| state.cuts != cuts) => {}
    }
}

async fn pass(client: TcpStream, server: SocketAddr, state: watch::Receiver<State>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::try_join!(
        pump(from_client, to_server, Way::ToServer, state.clone()),
        pump(from_server, to_client, Way::ToClient, state),
    )?;
    Ok(())
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut is_spoiled = false;
    loop {
        let weather = state.borrow_and_update().weather;
        let read = tokio::select! {
            read = from.read(&mut buffer), if weather != Weather::Stalled => read,
            _ = state.changed() => continue,
        };
        is_spoiled |= state.borrow().weather.loses(way);
        let count = read.or_else(|error| if is_spoiled { Ok(0) } else { Err(error) })?;
        match (is_spoiled, count) {
            (true, 0) => return future::pending().await,
            (true, _) => {}
            (false, 0) => return to.shutdown().await,
            (false, count) => to.write_all(&buffer[..count]).await?,
        }
    }
}

impl Weather {
    fn loses(self, way: Way) -> bool {
        self == Self::Lost || self == Self::AnswersLost && way == Way::ToClient
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Long enough to see that nothing comes, and that something does.
    const NOTHING: Duration = Duration::from_millis(100);
    const SOMETHING: Duration = Duration::from_secs(10);

    /// A proxy before a server that says everything back, and a client's connection.
    async fn echo() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Proxy::to(listener.local_addr().expect("its address")).await;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        let mut client = TcpStream::connect(proxy.addr()).await.expect("a connection");
        assert_eq!(says(&mut client, "hello").await, "hello");
        (proxy, client)
    }

    async fn says(client: &mut TcpStream, text: &str) -> String {
        client.write_all(text.as_bytes()).await.expect("to say it");
        let mut heard = vec![0; text.len()];
        timeout(SOMETHING, client.read_exact(&mut heard)).await.expect("in time").expect("an answer");
        String::from_utf8(heard).expect("text")
    }

    async fn hears_nothing(client: &mut TcpStream) {
        assert!(timeout(NOTHING, client.read_u8()).await.is_err(), "something came");
    }

    #[tokio::test]
    async fn a_cut_wire_is_closed_and_a_new_one_works() {
        let (proxy, mut client) = echo().await;
        proxy.cut();
        assert!(timeout(SOMETHING, client.read_u8()).await.expect("in time").is_err());
        let mut client = TcpStream::connect(proxy.addr()).await.expect("a connection");
        assert_eq!(says(&mut client, "again").await, "again");
    }

    #[tokio::test]
    async fn whoever_is_refused_is_closed_until_it_is_healed() {
        let (proxy, mut client) = echo().await;
        proxy.refuse();
        assert!(timeout(SOMETHING, client.read_u8()).await.expect("in time").is_err());
        let mut client = TcpStream::connect(proxy.addr()).await.expect("a connection");
        assert!(timeout(SOMETHING, client.read_u8()).await.expect("in time").is_err());
        proxy.heal();
        let mut client = TcpStream::connect(proxy.addr()).await.expect("a connection");
        assert_eq!(says(&mut client, "again").await, "again");
    }

    #[tokio::test]
    async fn a_black_hole_says_nothing_and_only_new_wires_work_after_it() {
        let (proxy, mut client) = echo().await;
        proxy.black_hole();
        client.write_all(b"lost").await.expect("it is sent");
        hears_nothing(&mut client).await;
        let mut late = TcpStream::connect(proxy.addr()).await.expect("it is accepted");
        late.write_all(b"lost").await.expect("it is sent");
        hears_nothing(&mut late).await;
        proxy.heal();
        client.write_all(b"half a word").await.expect("it is sent");
        hears_nothing(&mut client).await;
        let mut client = TcpStream::connect(proxy.addr()).await.expect("a connection");
        assert_eq!(says(&mut client, "again").await, "again");
    }

    #[tokio::test]
    async fn a_stalled_wire_goes_on_where_it_was() {
        let (proxy, mut client) = echo().await;
        proxy.stall();
        client.write_all(b"late").await.expect("it is sent");
        hears_nothing(&mut client).await;
        proxy.heal();
        let mut heard = [0; 4];
        timeout(SOMETHING, client.read_exact(&mut heard)).await.expect("in time").expect("an answer");
        assert_eq!(&heard, b"late");
    }
}
