//! Connections that become something else, such as WebSocket: after the node's 101 both sides are copied.

use std::rc::Rc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Response, Version, response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::Body;
use crate::stream::Rewound;
use crate::upstream::http1;
use crate::upstream::load::Held;
use crate::worker::Worker;

/// The client asked for another protocol.
#[derive(Debug)]
pub(super) struct Wanted {
    protocol: HeaderValue,
}

/// What comes behind a response with status 101.
pub struct Tunnel {
    node: Box<http1::Connection>,
    worker: Rc<Worker>,
    held: Option<Held>,
    idle: Duration,
}

// === impl Wanted ===

impl Wanted {
    /// The wish of a request, if there is one.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let protocol = parts.headers.get(UPGRADE)?;
        let values = parts.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let asks = |value: &str| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
        if parts.version != Version::HTTP_11 || !values.into_iter().any(asks) {
            return None;
        }
        // "h2c" is the gateway's own affair, and it does not do it.
        if protocol.as_bytes().eq_ignore_ascii_case(b"h2c") {
            return None;
        }
        Some(Self { protocol: protocol.clone() })
    }

    /// What the client wants to speak.
    pub(super) fn protocol(&self) -> &HeaderValue {
        &self.protocol
    }

    /// The node agreed.
    pub(super) fn accept(
        self,
        parts: response::Parts,
        node: Box<http1::Connection>,
        worker: &Rc<Worker>,
        held: Option<Held>,
        idle: Duration,
    ) -> Response<Body> {
        let tunnel = Tunnel { node, worker: worker.clone(), held, idle };
        Response::from_parts(parts, Body::tunnel(tunnel))
    }
}

// === impl Tunnel ===

impl Tunnel {
    /// Copies until both sides have ended, nothing has moved for a while, or the worker ends. The client's stream is to be had
    /// once the node has the whole request.
    pub async fn run<C: AsyncRead + AsyncWrite + Unpin>(self, client: impl FnOnce() -> Option<C>) {
        let upgraded = self.node.into_upgraded().await;
        if let (Some((node, first)), Some(mut client)) = (upgraded, client()) {
            self.worker.streams.tunnel(&mut client, &mut Rewound::new(first, node), self.idle).await;
        }
        drop(self.held);
    }
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("idle", &self.idle).finish_non_exhaustive()
    }
}
