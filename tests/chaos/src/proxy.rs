//! What stands between two that talk by TCP, so that their connections can be cut, refused and held.

use std::{io, net::SocketAddr, path::PathBuf};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// Where a proxy leads.
#[derive(Debug, Clone)]
pub enum Target {
    /// A port.
    Tcp(SocketAddr),
    /// Ports, one after the other, as a balancer does that knows nothing of sessions: where nobody is, the next one.
    Balanced(Vec<SocketAddr>),
    /// A socket's file.
    Unix(PathBuf),
}

/// What it does with the bytes that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It passes them on.
    Open,
    /// It cuts every connection, and those that are made meanwhile.
    Refused,
    /// It takes connections and bytes, passes nothing on and tells nobody. What was sent meanwhile arrives afterwards,
    /// as from a network that comes back.
    Held,
}

/// A listener whose connections lead elsewhere. They end with it.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    control: watch::Sender<Control>,
    accepting: AbortHandle,
}

#[derive(Debug, Clone, Copy)]
struct Control {
    way: Way,
    /// Connections of an earlier generation are cut.
    generation: u64,
}

impl Proxy {
    /// Listens on a free port.
    pub async fn to(target: Target) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (control, controlled) = watch::channel(Control { way: Way::Open, generation: 0 });
        let accepting = tokio::spawn(accept(listener, target, controlled)).abort_handle();
        Ok(Self { addr, control, accepting })
    }

    /// Where to connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it does from now on.
    pub fn set(&self, way: Way) {
        self.control.send_modify(|control| {
            control.way = way;
            control.generation += u64::from(way == Way::Refused);
        });
    }

    /// Ends every connection that there is. New ones are as welcome as before.
    pub fn cut(&self) {
        self.control.send_modify(|control| control.generation += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections are tasks of this one's, so they end with it.
async fn accept(listener: TcpListener, mut target: Target, control: watch::Receiver<Control>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Target::Balanced(addrs) = &mut target {
                    addrs.rotate_left(1);
                }
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, target.clone(), control.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Whatever ends it, both sides see a connection that ends, as if the other had closed it.
async fn connection(stream: TcpStream, target: Target, control: watch::Receiver<Control>) {
    let born = control.borrow().generation;
    tokio::select! {
        () = cut(control.clone(), born) => {}
        _ = carry(stream, target, control) => {}
    }
}

async fn cut(mut control: watch::Receiver<Control>, born: u64) {
    // A proxy that is gone has cut all that it had.
    let _ = control.wait_for(|now| now.generation > born || now.way == Way::Refused).await;
}

async fn carry(near: TcpStream, target: Target, mut control: watch::Receiver<Control>) -> io::Result<()> {
    near.set_nodelay(true)?;
    open(&mut control).await;
    match target {
        Target::Tcp(addr) => both(near, connect(addr).await?, control).await,
        Target::Balanced(addrs) => both(near, first(&addrs).await?, control).await,
        Target::Unix(path) => both(near, UnixStream::connect(path).await?, control).await,
    }
}

async fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn first(addrs: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = io::ErrorKind::NotFound.into();
    for addr in addrs {
        match connect(*addr).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn open(control: &mut watch::Receiver<Control>) {
    // A proxy that is gone ends this task.
    let _ = control.wait_for(|now| now.way == Way::Open).await;
}

async fn both<F>(near: TcpStream, far: F, control: watch::Receiver<Control>) -> io::Result<()>
where
    F: AsyncRead + AsyncWrite + Unpin,
{
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = tokio::io::split(far);
    tokio::select! {
        ended = one_way(near_reads, far_writes, control.clone()) => ended,
        ended = one_way(far_reads, near_writes, control) => ended,
    }
}

async fn one_way<R, W>(mut from: R, mut to: W, mut control: watch::Receiver<Control>) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut bytes = vec![0; CHUNK];
    loop {
        let length = from.read(&mut bytes).await?;
        if length == 0 {
            return Ok(());
        }
        open(&mut control).await;
        to.write_all(&bytes[..length]).await?;
    }
}

/// Bytes passed on at once.
const CHUNK: usize = 32 * 1_024;
