//! What a request to the engine asks for.

use http::{Method, Request};

use super::{connects, payload::Form, refused::Refused, sid, zero_nine};

/// Bytes that the `auth` of a handshake's query may have: they are kept as long as the session.
const AUTH: usize = 4 * 1_024;

/// Which protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Socket.IO 0.9, whose requests look different altogether.
    ZeroNine,
    /// Engine.IO 2, of Socket.IO 1.0: it encodes text as UTF-8 twice by WebSocket too, so it polls here.
    Eio2,
    /// Engine.IO 3, of Socket.IO 1.1 to 2.x.
    Eio3,
    /// Engine.IO 4, of Socket.IO since 3.0.
    Eio4,
}

/// A request's path and query, parsed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) protocol: Protocol,
    pub(super) websocket: bool,
    pub(super) form: Form,
    /// The engine's part of the session id.
    pub(super) sid: Option<String>,
    /// The node that the session id names.
    pub(super) node: Option<String>,
    /// What a client of protocol 3 says of itself when it opens a session.
    pub(super) auth: Option<Box<str>>,
}

impl Asked {
    pub(super) fn parse<B>(request: &Request<B>) -> Result<Self, Refused> {
        let asked = match zero_nine::path(request.uri().path()) {
            Some(path) => zero_nine::asked(path, request),
            None => Self::parse_query(request),
        }?;
        let long = asked.auth.as_ref().is_some_and(|auth| auth.len() > AUTH);
        if long { Err(Refused::BadRequest) } else { Ok(asked) }
    }

    fn parse_query<B>(request: &Request<B>) -> Result<Self, Refused> {
        let query = request.uri().query().unwrap_or_default();
        let value = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        if value("j").is_some() {
            return Err(Refused::Jsonp);
        }
        let protocol = match value("EIO") {
            Some("2") => Protocol::Eio2,
            Some("3") => Protocol::Eio3,
            Some("4") => Protocol::Eio4,
            _ => return Err(Refused::Version),
        };
        let eio3 = protocol != Protocol::Eio4;
        let websocket = match value("transport") {
            Some("polling") => false,
            Some("websocket") if protocol != Protocol::Eio2 => true,
            _ => return Err(Refused::Transport),
        };
        let (sid, node) = value("sid").map(sid::split).map_or((None, None), |(sid, node)| (Some(sid), node));
        if sid.is_none() && request.method() != Method::GET {
            return Err(Refused::Method);
        }
        let form = match (eio3, value("b64")) {
            (false, _) => Form::Separated,
            (true, Some("1" | "true")) => Form::Ascii,
            (true, _) => Form::Binary,
        };
        let auth = if eio3 && sid.is_none() { connects::auth(query) } else { None };
        let (sid, node) = (sid.map(str::to_owned), node.map(str::to_owned));
        Ok(Self { protocol, websocket, form, sid, node, auth })
    }

    /// Whether to the engine it is a client of protocol 3.
    pub(super) fn eio3(&self) -> bool {
        self.protocol != Protocol::Eio4
    }

    /// The query of such a request, as the engine knows it.
    pub(super) fn engine_query(&self) -> String {
        let (version, transport) =
            (if self.eio3() { 3 } else { 4 }, if self.websocket { "websocket" } else { "polling" });
        let base = format!("/socket.io/?EIO={version}&transport={transport}");
        match &self.sid {
            Some(sid) => format!("{base}&sid={sid}"),
            None => base,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Asked, Refused> {
        Asked::parse(&Request::get(format!("/socket.io/?{query}")).body(()).expect("a request"))
    }

    #[test]
    fn a_session_id_names_its_node() {
        let asked = asked("EIO=4&transport=polling&sid=abc.node-1").expect("well formed");
        assert_eq!((asked.sid.as_deref(), asked.node.as_deref()), (Some("abc"), Some("node-1")));
        assert_eq!(asked.engine_query(), "/socket.io/?EIO=4&transport=polling&sid=abc");
    }

    #[test]
    fn old_clients_read_binary_unless_they_say_otherwise() {
        assert_eq!(asked("EIO=3&transport=polling").expect("well formed").form, Form::Binary);
        assert_eq!(asked("EIO=3&transport=polling&b64=1").expect("well formed").form, Form::Ascii);
        assert_eq!(asked("EIO=4&transport=polling&b64=1").expect("well formed").form, Form::Separated);
    }

    #[test]
    fn only_clients_without_auth_say_it_in_the_query() {
        let auth =
            |eio| asked(&format!("EIO={eio}&transport=polling&auth=%7B%7D")).expect("well formed").auth;
        assert_eq!(auth(3).as_deref(), Some("{}"));
        assert_eq!(auth(4), None);
        let long = format!("EIO=3&transport=polling&auth={}", "x".repeat(AUTH + 1));
        assert_eq!(asked(&long), Err(Refused::BadRequest));
    }

    #[test]
    fn what_is_not_served_is_refused_by_its_reason() {
        assert_eq!(asked("EIO=4&transport=polling&j=0"), Err(Refused::Jsonp));
        assert_eq!(asked("EIO=2&transport=websocket"), Err(Refused::Transport));
        assert_eq!(asked("EIO=1&transport=polling"), Err(Refused::Version));
        assert_eq!(asked("EIO=4&transport=flashsocket"), Err(Refused::Transport));
        assert_eq!(asked(""), Err(Refused::Version));
    }
}
