//! Asks nodes until one answers, within the upstream's retries.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version, uri};
use tokio::time::{Instant, timeout};

use super::body::Body;
use super::headers::Told;
use super::record::Record;
use super::{answer, headers, upgrade};
use crate::attempts::Attempted;
use crate::context::Context;
use crate::plugin::Answer;
use crate::resource::Timeouts;
use crate::upstream::body::{RequestBody, ResponseBody};
use crate::upstream::error::Failure;
use crate::upstream::http1::Form;
use crate::upstream::link::{Ask, Link};
use crate::upstream::patience::SendError;
use crate::upstream::pool::Key;
use crate::upstream::{Node, Tried, Upstream};
use crate::worker::Worker;

const UPSTREAM_STATUS: HeaderName = HeaderName::from_static("x-apisix-upstream-status");

/// The node's response, or what the gateway says instead.
pub(super) type Forwarded = Result<Response<Body>, Answer>;

/// One request on its way to some node.
pub(super) struct Attempts<'a> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) upstream: &'a Arc<Upstream>,
    pub(super) timeouts: Timeouts,
    pub(super) upgrade: Option<upgrade::Wanted>,
    /// How the headers of the response are wanted.
    pub(super) form: Form,
}

/// What a node is asked beside the request as it is.
struct Asked<'a> {
    headers: &'a [(&'a HeaderName, &'a HeaderValue)],
    host: &'a HeaderValue,
    node: &'a Arc<Node>,
    now: Instant,
}

/// One attempt that failed; the body comes back when it is whole.
struct Failed {
    failure: Failure,
    body: Option<RequestBody>,
}

/// Where a node can be reached. Most have one address, which needs no list.
enum Keys {
    One([Key; 1]),
    Several(Vec<Key>),
}

// === impl Keys ===

impl std::ops::Deref for Keys {
    type Target = [Key];

    fn deref(&self) -> &[Key] {
        match self {
            Self::One(key) => key,
            Self::Several(keys) => keys,
        }
    }
}

// === impl Attempts ===

impl Attempts<'_> {
    pub(super) async fn run(self, context: &mut Context<'_>, record: &mut Record) -> Forwarded {
        let told = Told::new(&context.request);
        let passed = context.upstream_host.take().unwrap_or_else(|| told.host.clone());
        let mut body = std::mem::replace(&mut context.body, RequestBody::empty());
        let started = record.asked.unwrap_or_else(Instant::now);
        let mut now = started;
        let mut tried = Tried::default();
        let mut left = self.upstream.retries;
        let mut last: Option<Failure> = None;
        let mut in_vain = None;
        let dns = &self.worker.dns;
        if self.upstream.needs_addresses() {
            Box::pin(self.upstream.prepare(dns)).await;
            now = Instant::now();
        }
        loop {
            let Some(at) = self.upstream.pick(context, dns, &tried) else {
                return Err(last.as_ref().map_or_else(answer::no_node, |failure| refusal(context, failure)));
            };
            // Who is alone is asked again.
            if !self.upstream.is_alone() {
                tried.add(at);
            }
            let node = &self.upstream.nodes[at];
            record.ask(node, now);
            if let Some(attempted) = in_vain.take() {
                context.earlier.push(attempted);
            }
            context.node = Some(node.clone());
            record.checked = self.upstream.checker.clone().map(|checker| (checker, at));
            let host = headers::host(&passed, self.upstream, node);
            let ask = Asked { headers: &told.headers(&context.request.connection), host, node, now };
            let attempted = self.attempt(context, &ask, body).await;
            // Variables of later phases tell which host it was.
            context.upstream_host = Some(host.clone());
            let failed = match attempted {
                Ok((response, link)) => {
                    context.upstream_status = Some(response.status);
                    let shown = response.status.is_server_error().then(|| statuses(context));
                    return Ok(self.respond(response, link, shown, record));
                }
                Err(failed) => failed,
            };
            log(context, node, &failed.failure);
            if !failed.failure.of_client() {
                context.upstream_status = Some(failed.failure.status());
            }
            let in_time = self.upstream.retry_timeout.is_none_or(|bound| started.elapsed() < bound);
            let Some(whole) = failed.body.filter(|_| left > 0 && in_time && may_repeat(context, &failed.failure))
            else {
                return Err(refusal(context, &failed.failure));
            };
            if let Some((checker, at)) = record.checked.take() {
                checker.failed(at, &failed.failure);
            }
            left -= 1;
            let (asked, status) = (now, failed.failure.status());
            now = Instant::now();
            in_vain = Some(Attempted { node: node.clone(), status, took: now - asked });
            body = whole;
            last = Some(failed.failure);
        }
    }

    /// Asks one node: on pooled connections as long as they turn out to be closed, then on a fresh one.
    async fn attempt(
        &self,
        context: &Context<'_>,
        asked: &Asked<'_>,
        mut body: RequestBody,
    ) -> Result<(Parts, Link), Failed> {
        // What is not needed every time is boxed: the future of a request is moved whole, with all it may ever hold.
        let mut now = asked.now;
        let keys = match asked.node.address {
            Some(address) => Keys::One([self.key(address, asked)]),
            None => match Box::pin(self.resolve(asked)).await {
                Ok(keys) => {
                    now = Instant::now();
                    keys
                }
                Err(failure) => return Err(Failed { failure, body: Some(body) }),
            },
        };
        let take = |now| keys.iter().find_map(|key| self.worker.pool.take(key, now));
        let mut pooled = if self.upgrade.is_none() { take(now) } else { None };
        loop {
            let reused = pooled.is_some();
            let mut link = match pooled.take() {
                Some(link) => link,
                None => match Box::pin(self.connect(&keys)).await {
                    Ok(link) => {
                        now = Instant::now();
                        link
                    }
                    Err(failure) => return Err(Failed { failure, body: Some(body) }),
                },
            };
            let spare = body.spare();
            match link.send(&self.ask(context, asked), body, &self.timeouts, now).await {
                Ok(response) => return Ok((response, link)),
                Err(SendError::Unsent(whole)) if reused => {
                    body = whole;
                    now = Instant::now();
                    pooled = take(now);
                }
                Err(SendError::Unsent(whole)) => {
                    let closed = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
                    return Err(Failed { failure: Failure::Connect(closed), body: Some(whole) });
                }
                // A pooled connection that dies before any byte of a response was most likely closed while the
                // request was under way; asking again is safe when asking twice is.
                Err(SendError::Failed(failure)) => match spare {
                    Some(again) if reused && matches!(failure, Failure::Broken(_)) && is_idempotent(context) => {
                        body = again;
                    }
                    body => return Err(Failed { failure, body }),
                },
            }
        }
    }

    /// Where a node without an address can be reached, the preferred address first.
    async fn resolve(&self, asked: &Asked<'_>) -> Result<Keys, Failure> {
        let node = asked.node;
        let resolving = timeout(self.timeouts.connect, self.worker.dns.lookup(&node.host));
        let resolved = resolving.await.map_err(|_| Failure::ConnectTimeout)?.map_err(Failure::Resolve)?;
        Ok(Keys::Several(resolved.rotated().map(|ip| self.key((ip, node.port).into(), asked)).collect()))
    }

    /// Connections to an address that this request may use.
    fn key(&self, address: SocketAddr, asked: &Asked<'_>) -> Key {
        let tls = self.upstream.tls.as_ref().map(|tls| {
            let host = asked.host.to_str().ok().filter(|host| !host.is_empty()).unwrap_or(&asked.node.host);
            (tls.clone(), Rc::<str>::from(without_port(host)))
        });
        Key { address, tls, http2: self.upstream.http2 }
    }

    /// A fresh connection, to the first address that takes one.
    async fn connect(&self, keys: &[Key]) -> Result<Link, Failure> {
        let connecting = async {
            let mut last = Failure::Resolve("no address".to_owned());
            for key in keys {
                let tls = key.tls.as_ref().map(|(tls, name)| (tls, &**name));
                match self.worker.connector.connect(key.address, tls).await {
                    Ok(stream) => {
                        let header_bytes = self.worker.limits.header_bytes;
                        let (keepalive, pool) = (self.upstream.keepalive, &self.worker.pool);
                        return Link::new(stream, key, header_bytes, keepalive, pool).await;
                    }
                    Err(failure) => last = failure,
                }
            }
            Err(last)
        };
        timeout(self.timeouts.connect, connecting).await.unwrap_or(Err(Failure::ConnectTimeout))
    }

    /// The request as the node gets it. The context keeps it, for a repetition and for later phases.
    fn ask<'c>(&'c self, context: &'c Context<'_>, asked: &'c Asked<'_>) -> Ask<'c> {
        let parts = &context.request.parts;
        let target = context.upstream_target.as_ref().or(parts.uri.path_and_query());
        Ask {
            method: &parts.method,
            target: target.map_or("/", uri::PathAndQuery::as_str),
            headers: &parts.headers,
            told: asked.headers,
            host: asked.host,
            upgrade: self.upgrade.as_ref().map(upgrade::Wanted::protocol),
            node: &asked.node.host_header,
            tls: self.upstream.tls.is_some(),
            form: self.form,
        }
    }

    fn respond(
        self,
        mut parts: Parts,
        mut link: Link,
        statuses: Option<HeaderValue>,
        record: &mut Record,
    ) -> Response<Body> {
        let now = Instant::now();
        record.answered = Some(now);
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return match (self.upgrade, link) {
                (Some(upgrade), Link::Whole(connection)) => {
                    upgrade.accept(parts, connection, self.worker, record.held.take(), self.timeouts.read)
                }
                _ => answer::response(Answer::plain(StatusCode::BAD_GATEWAY)),
            };
        }
        headers::remove_hop_by_hop_of_response(&mut parts.headers);
        if let Some(statuses) = statuses {
            parts.headers.insert(UPSTREAM_STATUS, statuses);
        }
        parts.version = Version::HTTP_11;
        let lines = link.take_lines();
        let body = ResponseBody::new(link, self.upstream.keepalive, self.timeouts.read, now);
        Response::from_parts(parts, Body::upstream(body, lines))
    }
}

/// The answer when no node gave one. It says of itself that it was about the nodes.
fn refusal(context: &Context<'_>, failure: &Failure) -> Answer {
    let mut answer = answer::failed(failure);
    if !failure.of_client() {
        answer.headers.insert(UPSTREAM_STATUS, statuses(context));
    }
    answer
}

/// What all nodes came to that were asked.
fn statuses(context: &Context<'_>) -> HeaderValue {
    let last = context.upstream_status.map_or(0, |status| status.as_u16());
    if context.earlier.is_empty() {
        return HeaderValue::from(last);
    }
    let all = context.earlier.listed(|attempted| attempted.status.as_u16(), last);
    HeaderValue::try_from(all).expect("digits, commas and blanks")
}

/// Whether another node may be asked after this failure.
fn may_repeat(context: &Context<'_>, failure: &Failure) -> bool {
    !failure.of_client() && (failure.before_request() || is_idempotent(context))
}

fn is_idempotent(context: &Context<'_>) -> bool {
    let method = &context.request.parts.method;
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

fn without_port(host: &str) -> Cow<'_, str> {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name.into(),
        _ => host.into(),
    }
}

fn log(context: &Context<'_>, node: &Node, failure: &Failure) {
    let route = context.route.map_or("", |route| &route.id);
    let source = std::error::Error::source(failure).map(ToString::to_string).unwrap_or_default();
    if failure.of_client() {
        tracing::debug!(route.id = route, error = %failure, "the client did not finish its request");
    } else {
        tracing::warn!(
            route.id = route, node.host = &*node.host, node.port, error = %failure, source, "upstream attempt failed",
        );
    }
}
