//! Connections that become something else, such as WebSocket: after the node's 101 both sides are copied.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Response, Version, response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::body::Body;
use crate::request::Connection;
use crate::stream::Rewound;
use crate::upstream::http1;
use crate::upstream::load::Held;
use crate::worker::{Worker, spawn};

/// The client asked for another protocol.
#[derive(Debug)]
pub(super) struct Wanted {
    protocol: HeaderValue,
    client: OnUpgrade,
    tunnel: Arc<AtomicBool>,
}

// === impl Wanted ===

impl Wanted {
    /// Takes the wish out of a request, if there is one.
    pub(super) fn take(parts: &mut Parts, connection: &Connection) -> Option<Self> {
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
        let protocol = protocol.clone();
        let client = parts.extensions.remove::<OnUpgrade>()?;
        Some(Self { protocol, client, tunnel: connection.tunnel.clone() })
    }

    /// What the client wants to speak.
    pub(super) fn protocol(&self) -> &HeaderValue {
        &self.protocol
    }

    /// The node agreed: tells the client, and copies from then on until both sides have ended, nothing has moved for `idle`, or
    /// the worker ends.
    pub(super) fn accept(
        self,
        parts: response::Parts,
        connection: Box<http1::Connection>,
        worker: &Rc<Worker>,
        held: Option<Held>,
        idle: Duration,
    ) -> Response<Body> {
        self.tunnel.store(true, Ordering::Relaxed);
        let worker = worker.clone();
        spawn(async move {
            let present = worker.enter();
            if let (Ok(client), Some((node, first))) = (self.client.await, connection.into_upgraded().await) {
                let mut client = TokioIo::new(client);
                let mut node = Rewound::new(first, node);
                worker.streams.tunnel(&mut client, &mut node, idle).await;
            }
            drop((present, held));
        });
        Response::from_parts(parts, Body::full(bytes::Bytes::new()))
    }
}
