//! The life of a request, from its head to the last byte of its response.
//!
//! ```text
//! pin snapshot → check head → route → rewrite → (consumer known: merge its plugins) → access → before_proxy
//!   → choose node, connect or take from pool, send, retry → header_filter → body_filter → log
//! ```
//! An answer of any phase before the node goes through header_filter, body_filter and log as well.

use std::rc::Rc;

use http::header::{CONTENT_LENGTH, SERVER};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version};
use tokio::time::Instant;

use crate::context::Context;
use crate::http1::give_map;
use crate::metrics::bump;
use crate::plugin::{Answer, Chain, Phase};
use crate::request::{self, Connection};
use crate::resource::{Route, Target};
use crate::tls;
use crate::upstream::body::RequestBody;
use crate::upstream::error::ClientFailure;
use crate::upstream::http1::Form;
use crate::upstream::incoming::Incoming;
use crate::worker::Worker;

mod answer;
mod body;
mod forward;
mod headers;
mod record;
mod upgrade;

pub use body::Body;
pub use upgrade::Tunnel;

use forward::Forwarded;
use record::Record;

/// Takes a request to its response. Never fails: what goes wrong has a status.
pub async fn handle(
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    mut parts: http::request::Parts,
    incoming: Incoming,
) -> Response<Body> {
    bump(&worker.stats.requests, 1);
    let mut record = Record::new(worker.clone());
    let snapshot = worker.pin();
    if !snapshot.loaded {
        return answer::send(answer::not_loaded(), &mut record);
    }
    if let Some(refusal) = refuse(&parts, &worker) {
        return answer::send(refusal, &mut record);
    }
    let upgrade = upgrade::Wanted::of(&parts);
    headers::remove_hop_by_hop(&mut parts.headers);
    let obeying = |mut request: request::Request| Ok((request.obey(snapshot.path_rules)?, request));
    let (forwarded, request) = match request::Request::new(parts, connection).and_then(obeying) {
        Ok(obeying) => obeying,
        Err(error) => return answer::send(answer::bad_request(&error.to_string()), &mut record),
    };
    if let Some(session) = &request.connection.tls
        && let Err(refusal) = tls::admit(&snapshot.certificates, session, request.host(), request.path())
    {
        tracing::info!(host = request.host(), sni = session.name.as_deref(), reason = %refusal, "request refused");
        return answer::send(Answer::plain(StatusCode::BAD_REQUEST), &mut record);
    }
    let mut context = Context::new(request, &snapshot, worker.clock.now_micros());
    context.upstream_target = forwarded;
    context.body = RequestBody::new(incoming, &worker.limits);
    record.follow(&context.body);
    let mut found = snapshot.router.find(&context);
    if context.content.is_wanted() {
        // Some route is chosen by what is in the body.
        if let Err(answer) = Box::pin(context.hold_body()).await {
            return answer::send(answer, &mut record);
        }
        found = snapshot.router.find(&context);
    }
    let Some(found) = found else {
        return Box::pin(unrouted(&mut context, &snapshot.global, record)).await;
    };
    let route = found.route;
    context.route = Some(route);
    context.matched_path = found.path;
    context.matched_host = found.host;
    context.path_params = found.params;
    let head = &context.request.parts;
    let takes_lines = head.version <= Version::HTTP_11 && head.method != Method::HEAD;
    let form = if takes_lines { Form::Lines } else { Form::Map };
    let exchange = Exchange { worker: &worker, route, upgrade, form };
    Box::pin(exchange.run(&mut context, record)).await
}

/// A routed request.
struct Exchange<'w, 'r> {
    worker: &'w Rc<Worker>,
    route: &'r Route,
    upgrade: Option<upgrade::Wanted>,
    /// How the client could get the headers of its response.
    form: Form,
}

// === impl Exchange ===

impl<'r> Exchange<'_, 'r> {
    async fn run(self, context: &mut Context<'r>, mut record: Record) -> Response<Body> {
        let route = self.route;
        let global = &context.snapshot.global;
        let mut merged = None;
        let answered = match missing(route) {
            Some(answer) => Some(answer),
            None if route.plugins.is_empty() && global.is_empty() => None,
            None => self.request_phases(context, &mut merged).await,
        };
        let chain = merged.as_ref().unwrap_or(&route.plugins);
        let outcome = match answered {
            Some(answer) => Err(answer),
            None => {
                let form = self.form_for([global, chain]);
                self.ask_upstream(context, &mut record, form).await
            }
        };
        let response = match outcome {
            Ok(response) => response,
            Err(answer) => answer::response(answer),
        };
        let (mut head, mut body) = response.into_parts();
        finish(context, [global, chain], &mut head, &mut body);
        record.end(context, head.status);
        let response = attend(context, [global, chain], head, body, record);
        give_map(std::mem::take(&mut context.request.parts.headers));
        response
    }

    /// Runs the phases up to the upstream. `merged` becomes the chain with the consumer's plugins, if it has any.
    async fn request_phases(&self, context: &mut Context<'r>, merged: &mut Option<Chain>) -> Option<Answer> {
        let own = &self.route.plugins;
        let global = &context.snapshot.global;
        if (global.asks_for_content() || own.asks_for_content())
            && let Err(answer) = Box::pin(context.hold_body()).await
        {
            return Some(answer);
        }
        if let Some(answer) = run_global(global, context).await {
            return Some(answer);
        }
        if let Some(answer) = own.run(Phase::REWRITE, context).await {
            return Some(answer);
        }
        if let Some(credential) = context.credential.clone() {
            let consumer = &credential.consumer;
            if let Some(id) = &consumer.missing_group {
                tracing::error!(consumer.name = &*consumer.username, group.id = &**id, "the group does not exist");
                return Some(Answer::empty(StatusCode::SERVICE_UNAVAILABLE));
            }
            if !consumer.plugins.is_neutral() {
                let chain = merged.insert(consumer.plugins.over(own));
                if chain.asks_for_content()
                    && let Err(answer) = Box::pin(context.hold_body()).await
                {
                    return Some(answer);
                }
                if let Some(answer) = chain.run_consumer_rewrite(context).await {
                    return Some(answer);
                }
            }
        }
        let chain = merged.as_ref().unwrap_or(own);
        if let Some(answer) = chain.run(Phase::ACCESS, context).await {
            return Some(answer);
        }
        if let Some(answer) = global.run(Phase::BEFORE_PROXY, context).await {
            return Some(answer);
        }
        chain.run(Phase::BEFORE_PROXY, context).await
    }

    /// Lines do where nobody sees the headers on their way.
    fn form_for(&self, chains: [&Chain; 2]) -> Form {
        let seeing = [Phase::HEADER_FILTER, Phase::BODY_FILTER, Phase::LOG];
        let seen = self.worker.access_log.is_some()
            || chains.iter().any(|chain| seeing.into_iter().any(|phase| chain.has(phase)));
        if seen { Form::Map } else { self.form }
    }

    async fn ask_upstream(self, context: &mut Context<'r>, record: &mut Record, form: Form) -> Forwarded {
        let chosen = context.upstream.take();
        let upstream = match (&chosen, &self.route.target) {
            (Some(upstream), _) | (None, Target::Upstream(upstream)) => upstream,
            (None, _) => return Err(no_target(self.route)),
        };
        let mut discovered = None;
        let Some(upstream) = upstream.pinned(&mut discovered) else { return Err(answer::no_node()) };
        let attempt = forward::Attempts {
            worker: self.worker,
            upstream,
            timeouts: self.route.timeouts.unwrap_or(upstream.timeouts),
            upgrade: self.upgrade.filter(|_| self.route.websocket),
            form,
        };
        // Without plugins no time has passed.
        let untouched = self.route.plugins.is_empty() && context.snapshot.global.is_empty();
        record.asked = Some(if untouched { record.started } else { Instant::now() });
        let forwarded = attempt.run(context, record).await;
        // Later phases may ask which it was.
        context.upstream = chosen;
        forwarded
    }
}

/// Without a service or a plugin config a route is not known whole: not one of its plugins runs, as in APISIX.
fn missing(route: &Route) -> Option<Answer> {
    matches!(route.target, Target::MissingService(_) | Target::MissingPluginConfig(_)).then(|| no_target(route))
}

/// The answer when there is nothing to ask.
fn no_target(route: &Route) -> Answer {
    let (kind, id, status) = match &route.target {
        Target::Upstream(_) | Target::None => return answer::no_upstream(),
        Target::MissingUpstream(id) => ("upstream", id, StatusCode::BAD_GATEWAY),
        Target::MissingService(id) => ("service", id, StatusCode::NOT_FOUND),
        Target::MissingPluginConfig(id) => ("plugin config", id, StatusCode::SERVICE_UNAVAILABLE),
    };
    tracing::error!(
        route.id = &*route.id,
        missing.kind = kind,
        missing.id = &**id,
        "what the route names is not there"
    );
    Answer::empty(status)
}

/// The plugins of all requests pass both phases before the first one of the route.
async fn run_global(global: &Chain, context: &mut Context<'_>) -> Option<Answer> {
    if let Some(answer) = global.run(Phase::REWRITE, context).await {
        return Some(answer);
    }
    global.run(Phase::ACCESS, context).await
}

/// A request that no route takes: the plugins of all requests see it all the same.
async fn unrouted(context: &mut Context<'_>, global: &Chain, mut record: Record) -> Response<Body> {
    let answered = run_global(global, context).await;
    let (mut head, mut body) = answer::response(answered.unwrap_or_else(answer::no_route)).into_parts();
    let chains = [global, &Chain::default()];
    finish(context, chains, &mut head, &mut body);
    record.end_unrouted(head.status);
    attend(context, chains, head, body, record)
}

/// What no route is asked for.
fn refuse(parts: &http::request::Parts, worker: &Worker) -> Option<Answer> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Some(Answer::plain(StatusCode::METHOD_NOT_ALLOWED));
    }
    let length = parts.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
    (length > worker.limits.max_body()).then(|| answer::client_failure(ClientFailure::TooLarge))
}

/// The last changes of the response's head.
fn finish(context: &mut Context<'_>, chains: [&Chain; 2], response: &mut Parts, body: &mut Body) {
    for (name, value) in std::mem::take(&mut context.response_headers) {
        body.remove_lines(&name);
        response.headers.insert(name, value);
    }
    context.status = Some(response.status);
    for chain in chains {
        chain.header_filter(context, response);
    }
    context.status = Some(response.status);
    if body.has_lines() {
        // They are written with who answers.
        response.headers.remove(SERVER);
    } else {
        headers::set_server(&mut response.headers);
    }
}

/// Hands the response to those who see its body and its end.
fn attend(
    context: &mut Context<'_>,
    chains: [&Chain; 2],
    mut head: Parts,
    body: Body,
    record: Record,
) -> Response<Body> {
    let mut filters = chains[0].body_filters(context, &mut head);
    filters.extend(chains[1].body_filters(context, &mut head));
    // The length that was announced is that of the body before the filters.
    let changed = filters.iter().any(|filter| !filter.keeps_body());
    if changed && context.request.parts.method != Method::HEAD {
        head.headers.remove(CONTENT_LENGTH);
    }
    record.announce_end(&mut head);
    let mut loggers = chains[0].loggers(context, &head);
    loggers.extend(chains[1].loggers(context, &head));
    loggers.extend(record.access_log().map(|log| log.line(context, &head)));
    Response::from_parts(head, body.recorded(record, filters, loggers))
}
