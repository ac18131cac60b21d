//! Long-polling: one request that waits, and one at a time that says something.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{sync::mpsc, task::JoinSet, time};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A polling session. Its requests end with it.
#[derive(Debug)]
pub struct Polling {
    says: mpsc::Sender<String>,
    heard: mpsc::Receiver<Utf8Bytes>,
    _tasks: JoinSet<()>,
}

type Http = Client<HttpConnector, Full<Bytes>>;

impl Polling {
    /// Opens a session; gives its opening packet too.
    pub async fn open(addr: SocketAddr) -> io::Result<(Self, Utf8Bytes)> {
        let http: Http = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let url = format!("http://{addr}/socket.io/?EIO=4&transport=polling");
        let opening =
            ask(&http, Method::GET, &url, String::new()).await.ok_or(io::ErrorKind::ConnectionRefused)?;
        let sid = sid(&opening).ok_or(io::ErrorKind::InvalidData)?;
        let url = format!("{url}&sid={sid}");
        let (says, saying) = mpsc::channel(SAID);
        let (hearing, heard) = mpsc::channel(HEARD);
        let mut tasks = JoinSet::new();
        tasks.spawn(hear(http.clone(), url.clone(), hearing.clone()));
        tasks.spawn(say(http, url, saying, hearing));
        Ok((Self { says, heard, _tasks: tasks }, opening.into()))
    }

    /// The next packet; `None`: the session is over.
    pub async fn next(&mut self) -> Option<Utf8Bytes> {
        self.heard.recv().await.filter(|packet| packet.as_str() != BROKEN)
    }

    /// Says a packet, after those said before.
    pub async fn send(&mut self, packet: String) -> io::Result<()> {
        self.says.send(packet).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn sid(opening: &str) -> Option<String> {
    let opening: serde_json::Value = serde_json::from_str(opening.strip_prefix('0')?).ok()?;
    Some(opening["sid"].as_str()?.to_owned())
}

async fn hear(http: Http, url: String, hearing: mpsc::Sender<Utf8Bytes>) {
    while let Some(body) = ask(&http, Method::GET, &url, String::new()).await {
        for packet in body.split(SEPARATOR).filter(|packet| !packet.is_empty()) {
            if hearing.send(packet.into()).await.is_err() {
                return;
            }
        }
    }
    // The client may be gone too.
    let _ = hearing.send(BROKEN.into()).await;
}

/// Clients take a failed POST as the connection's end.
async fn say(http: Http, url: String, mut saying: mpsc::Receiver<String>, hearing: mpsc::Sender<Utf8Bytes>) {
    while let Some(packet) = saying.recv().await {
        let answer = time::timeout(ANSWERED, ask(&http, Method::POST, &url, packet)).await;
        if !matches!(answer, Ok(Some(_))) {
            break;
        }
    }
    // The client may be gone too.
    let _ = hearing.send(BROKEN.into()).await;
}

/// `None`: not answered, or not with 200.
async fn ask(http: &Http, method: Method, url: &str, body: String) -> Option<String> {
    let request = Request::builder().method(method).uri(url).body(Full::new(body.into())).ok()?;
    let (head, body) = http.request(request).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    (head.status == 200).then(|| String::from_utf8_lossy(&body).into_owned())
}

/// Between the packets of one body.
const SEPARATOR: char = '\u{1e}';
/// No packet: the session is over.
const BROKEN: &str = "";
/// Packets that wait to be said; the client waits when it is full.
const SAID: usize = 16;
/// Packets heard and not taken yet; nothing is polled when it is full.
const HEARD: usize = 64;
/// How long a POST may take.
const ANSWERED: Duration = Duration::from_secs(10);
