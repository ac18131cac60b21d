//! HTTP requests by hand.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

/// A polling request of Engine.IO 4, without a session.
pub const EIO4: &str = "/socket.io/?EIO=4&transport=polling";
/// The same of Engine.IO 3.
pub const EIO3: &str = "/socket.io/?EIO=3&transport=polling";

/// Opens a session by polling and gives its id.
pub async fn open(addr: SocketAddr) -> String {
    let opening = get(addr, EIO4).await.text();
    let opening: Value = serde_json::from_str(&opening[1..]).expect("an opening packet");
    opening["sid"].as_str().expect("a session id").to_owned()
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The status, and Engine.IO's code in the body; `null` where there is none.
    pub fn refusal(&self) -> (u16, Value) {
        let error: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        (self.status, error["code"].clone())
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Asks for a path.
pub async fn get(addr: SocketAddr, path: &str) -> Answer {
    request(addr, Method::GET, path, &[], "").await
}

/// Posts a body.
pub async fn post(addr: SocketAddr, path: &str, body: impl Into<Bytes>) -> Answer {
    request(addr, Method::POST, path, &[], body).await
}

/// Asks with headers of the test's choice.
pub async fn request(
    addr: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    attempt(addr, method, path, headers, body).await.expect("the node answers")
}

/// The same, where nobody may be there any more.
pub async fn attempt(
    addr: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Option<Answer> {
    let mut request = Request::builder().method(method).uri(format!("http://{addr}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).expect("a well-formed request");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (head, body) = client.request(request).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
