//! The small services around the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use hyper::body::Incoming;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::{Connection, Received};
use crate::task::Supervisor;

/// A tower service as a hyper service, with the connection in each request, and its body as a [`Received`].
pub(super) struct Tagged<S> {
    service: S,
    connection: Connection,
    supervisor: Supervisor,
}

/// Remembers whether a request has come.
pub(super) struct Noticed<S> {
    service: S,
    seen: Arc<AtomicBool>,
}

// === impl Tagged ===

impl<S> Tagged<S> {
    pub(super) fn new(service: S, connection: Connection, supervisor: Supervisor) -> Self {
        Self { service, connection, supervisor }
    }
}

impl<S> hyper::service::Service<Request<Incoming>> for Tagged<S>
where
    S: tower::Service<Request<Received>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Request<Received>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = Received::of(request, &self.supervisor);
        request.extensions_mut().insert(self.connection.clone());
        self.service.clone().oneshot(request)
    }
}

// === impl Noticed ===

impl<S> Noticed<S> {
    pub(super) fn new(service: S) -> (Self, Arc<AtomicBool>) {
        let seen = Arc::new(AtomicBool::new(false));
        (Self { service, seen: seen.clone() }, seen)
    }
}

impl<S: hyper::service::Service<Request<Incoming>>> hyper::service::Service<Request<Incoming>> for Noticed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.seen.store(true, Ordering::Relaxed);
        self.service.call(request)
    }
}
