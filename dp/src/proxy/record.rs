//! What is noted of a request, and counted when its response is over.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::StatusCode;
use http::header::{CONNECTION, HeaderValue};
use http::response::Parts;
use tokio::time::Instant;

use crate::access_log;
use crate::attempts::Earlier;
use crate::context::Context;
use crate::metrics::{Series, StatusLabels, TRADITIONAL, bump};
use crate::plugin::{LastAttempt, Summary};
use crate::upstream::Node;
use crate::upstream::body::{Progress, RequestBody};
use crate::upstream::health::Checker;
use crate::upstream::load::{self, Held};
use crate::worker::Worker;

/// Status in the metrics for requests whose client went away before there was one.
const CLIENT_CLOSED: u16 = 499;

/// The gateway's own response and a node's of one status are two series: this tells their keys apart.
const OWN: u16 = 1 << 15;
/// The same for series with names.
const NAMED: u16 = 1 << 14;

/// Above the serial numbers of routes: which labels are left empty.
const GENERATION: u32 = 40;

/// Notes of one request. Counted once, when the response has ended or was dropped.
pub(super) struct Record {
    worker: Option<Rc<Worker>>,
    /// When its head was there.
    pub(super) started: Instant,
    request_body: Option<Rc<Progress>>,
    /// When the first node was chosen.
    pub(super) asked: Option<Instant>,
    /// When the last node was chosen.
    asked_last: Option<Instant>,
    /// When the head of the node's response was there.
    pub(super) answered: Option<Instant>,
    /// Nodes that were asked in vain before the last one.
    earlier: Earlier,
    /// The node asked last.
    pub(super) node: Option<Arc<Node>>,
    /// Keeps the node's count of requests under way.
    pub(super) held: Option<Held>,
    /// Who wants to know how it went with the node.
    pub(super) checked: Option<(Arc<Checker>, usize)>,
    /// When the node was asked.
    attempt: Option<Instant>,
    series: Option<Series>,
}

// === impl Record ===

impl Record {
    pub(super) fn new(worker: Rc<Worker>) -> Self {
        worker.stats.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            worker: Some(worker),
            started: Instant::now(),
            request_body: None,
            asked: None,
            asked_last: None,
            answered: None,
            earlier: Earlier::default(),
            node: None,
            held: None,
            checked: None,
            attempt: None,
            series: None,
        }
    }

    /// A node is about to be asked.
    pub(super) fn ask(&mut self, node: &Arc<Node>, now: Instant) {
        self.node = Some(node.clone());
        self.asked_last = Some(now);
        if let Some(load) = &node.load {
            // The node before has let go of the request when this one takes it.
            self.held = None;
            self.held = Some(load.hold());
            self.attempt = Some(Instant::now());
        }
    }

    /// Counts the bytes of this body as received.
    pub(super) fn follow(&mut self, body: &RequestBody) {
        self.request_body = body.progress();
    }

    /// Who writes a line about the request.
    pub(super) fn access_log(&self) -> Option<&Rc<access_log::Log>> {
        self.worker.as_ref()?.access_log.as_ref()
    }

    /// Tells the client that its connection takes no more requests, while the worker drains. In HTTP/2, which says so
    /// otherwise, the library leaves the header out.
    pub(super) fn announce_end(&self, head: &mut Parts) {
        let drains = self.worker.as_ref().is_some_and(|worker| worker.is_draining());
        if drains && head.status != StatusCode::SWITCHING_PROTOCOLS {
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// The head of the response is known.
    pub(super) fn end(&mut self, context: &Context<'_>, status: StatusCode) {
        self.earlier = context.earlier.clone();
        if let Some((checker, at)) = self.checked.take() {
            checker.answered(at, status.as_u16());
        }
        let (Some(worker), Some(route)) = (&self.worker, context.route) else { return };
        let consumer = context.credential.as_ref().map(|credential| &credential.consumer);
        let node = self.node.as_ref();
        let (source, own) = if self.answered.is_some() { ("upstream", 0) } else { ("apisix", OWN) };
        let named = if context.plugins.prefer_name { NAMED } else { 0 };
        let disabled = &context.snapshot.disabled_labels;
        let key = (
            route.serial | disabled.generation << GENERATION,
            node.map_or(0, |node| node.serial),
            consumer.map_or(0, |consumer| consumer.serial),
            status.as_u16() | own | named,
        );
        let none = || Arc::<str>::from("");
        let name = |name: &Option<Box<str>>| name.as_deref().filter(|_| named != 0).map(Arc::from);
        let service = || {
            let id = route.service_id.as_ref()?;
            let service = context.snapshot.services.get(id.as_bytes());
            service.and_then(|service| name(&service.name)).or_else(|| Some(id.clone()))
        };
        let labels = || StatusLabels {
            code: status.as_u16(),
            route: name(&route.name).unwrap_or_else(|| route.id.clone()),
            matched_uri: context.matched_path.into(),
            matched_host: context.matched_host.into(),
            service: service().unwrap_or_else(none),
            consumer: consumer.map_or_else(none, |consumer| consumer.username.clone()),
            node: node.map_or_else(none, |node| node.host.clone()),
            request_type: TRADITIONAL,
            response_source: source,
            extra: Box::default(),
        };
        let settings = &worker.stats.settings;
        self.series = Some(match settings.has_extra() {
            false => worker.series(key, disabled, labels),
            // They may be others with each request.
            true => worker.stats.series(labels(), settings.extra(Some(context)), disabled),
        });
    }

    /// The same for a request without a route.
    pub(super) fn end_unrouted(&mut self, status: StatusCode) {
        self.end_with(status.as_u16());
    }

    fn end_with(&mut self, code: u16) {
        let Some(worker) = &self.worker else { return };
        let none = || Arc::<str>::from("");
        let disabled = worker.pin().disabled_labels.clone();
        let key = (disabled.generation << GENERATION, 0, 0, code);
        let labels = || StatusLabels {
            code,
            route: none(),
            matched_uri: none(),
            matched_host: none(),
            service: none(),
            consumer: none(),
            node: none(),
            request_type: TRADITIONAL,
            response_source: "apisix",
            extra: Box::default(),
        };
        let settings = &worker.stats.settings;
        self.series = Some(match settings.has_extra() {
            false => worker.series(key, &disabled, labels),
            true => worker.stats.series(labels(), settings.extra(None), &disabled),
        });
    }

    /// Moves the notes out.
    pub(super) fn take(&mut self) -> Self {
        Self {
            worker: self.worker.take(),
            started: self.started,
            request_body: self.request_body.take(),
            asked: self.asked,
            asked_last: self.asked_last,
            answered: self.answered,
            earlier: std::mem::take(&mut self.earlier),
            node: self.node.take(),
            held: self.held.take(),
            checked: self.checked.take(),
            attempt: self.attempt,
            series: self.series.take(),
        }
    }

    /// Counts the request, once; `sent` bytes of body have gone out.
    pub(super) fn close(&mut self, sent: u64) -> Option<Summary> {
        let worker = self.worker.take()?;
        worker.stats.in_flight.fetch_sub(1, Ordering::Relaxed);
        let now = Instant::now();
        let whole = now - self.started;
        let load = self.node.as_ref().and_then(|node| node.load.as_ref());
        if let (Some(load), Some(attempt), Some(_)) = (load, self.attempt, self.answered) {
            load.observe(attempt.elapsed().as_secs_f64(), load::now());
        }
        self.held = None;
        let upstream_latency = self.asked.zip(self.answered).map(|(asked, answered)| answered - asked);
        let received = self.request_body.as_ref().map_or(0, |body| body.received());
        if let Some(series) = self.series.take() {
            bump(&series.status, 1);
            let (latency, bandwidth) = (&series.latency, &series.bandwidth);
            latency.request.observe(whole);
            if let Some(upstream) = upstream_latency {
                latency.upstream.observe(upstream);
            }
            latency.gateway.observe(whole.saturating_sub(upstream_latency.unwrap_or_default()));
            bump(&bandwidth.egress, sent);
            bump(&bandwidth.ingress, received);
        }
        let last_attempt = self
            .asked_last
            .map(|asked| LastAttempt { head: self.answered.map(|answered| answered - asked), whole: now - asked });
        let (node, earlier) = (self.node.take(), std::mem::take(&mut self.earlier));
        Some(Summary { latency: whole, upstream_latency, last_attempt, received, sent, node, earlier })
    }
}

impl Drop for Record {
    /// A client that went away before its response was still a request; nginx calls it 499.
    fn drop(&mut self) {
        if self.series.is_none() {
            self.end_with(CLIENT_CLOSED);
        }
        self.close(0);
    }
}
