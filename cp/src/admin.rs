//! The APISIX face: the Admin API of APISIX 3.18, envelope by envelope.
//!
//! One function takes every request below `/apisix/admin` and makes the checks in APISIX's order: credentials, resource,
//! body, JSON, `ttl`, then the command. `docs/api.md` says where we differ, and why.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, Method};
use ipnet::IpNet;
use portolan_eventstore::{Intent, Proposal, Refusal};
use portolan_model::id::text_of;
use portolan_model::kind::Parent;
use portolan_model::{GroupId, Kind};
use portolan_rt::serve::Connection;
use serde_json::Value;

use crate::app::App;
use crate::auth::{self, Caller};
use crate::cookies;
use crate::error::ApiError;
use crate::groups;
use crate::http::Row;
use crate::origin::Origin;
use crate::query::{self, Query};
use crate::resources::{self, Command, Condition, Scope};
use crate::rights::{Domain, Right};

mod answer;
mod helpers;
mod input;
mod list;
pub(crate) mod standalone;

use answer::Answer;
use input::Input;

/// Headers that APISIX sends with every answer.
const HEADERS: [(&str, &str); 5] = [
    ("server", "APISIX/3.18.0"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-credentials", "true"),
    ("access-control-expose-headers", "*"),
    ("access-control-max-age", "3600"),
];

/// What a path below `/apisix/admin/` names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    resource: String,
    /// What stands before the own id: a consumer, a manager of secrets.
    parent: Option<String>,
    /// The id, the parent included.
    id: Option<String>,
    sub_path: String,
}

/// Which resources a request wants to change, and how.
struct Order<'a> {
    group: GroupId,
    kind: Kind,
    method: &'a Method,
}

/// The rows of the face in the route table.
pub fn rows() -> Vec<Row> {
    let row = |method: &Method, path: String| Row { method: method.clone(), path };
    let mut rows = Vec::new();
    for kind in resources::KINDS {
        let (collection, item) = paths(*kind);
        for method in [Method::GET, Method::PUT, Method::POST] {
            // Where the id has more than one part, or is the name of a plugin, it stands in the path.
            let by_body = kind.parent().is_none() && *kind != Kind::PluginMetadata;
            if supports(*kind, &method) && (by_body || method != Method::PUT) {
                rows.push(row(&method, collection.clone()));
            }
        }
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            if supports(*kind, &method) {
                rows.push(row(&method, item.clone()));
            }
        }
        if supports(*kind, &Method::PATCH) && *kind != Kind::CostDecoration {
            rows.push(row(&Method::PATCH, format!("{item}/{{sub_path}}")));
        }
    }
    rows.extend(helpers::ROWS.iter().map(|(method, path)| row(method, format!("/apisix/admin/{path}"))));
    rows
}

/// The paths of a collection and of an item.
fn paths(kind: Kind) -> (String, String) {
    let directory = kind.directory();
    match kind.parent() {
        None => (format!("/apisix/admin/{directory}"), format!("/apisix/admin/{directory}/{{id}}")),
        Some(Parent::Manager) => {
            (format!("/apisix/admin/{directory}"), format!("/apisix/admin/{directory}/{{manager}}/{{id}}"))
        }
        Some(Parent::Consumer) => {
            let collection = format!("/apisix/admin/consumers/{{username}}/{directory}");
            (collection.clone(), format!("{collection}/{{id}}"))
        }
        Some(Parent::Service) => {
            let collection = format!("/apisix/admin/services/{{service_id}}/{directory}");
            (collection.clone(), format!("{collection}/{{id}}"))
        }
    }
}

/// Answers any request below `/apisix/admin`.
pub async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bare = parts.uri.path() == "/apisix/admin";
    match parts.method {
        Method::OPTIONS => Answer::empty(),
        Method::HEAD if bare => Answer::empty(),
        Method::HEAD if parts.uri.path() == "/apisix/admin/configs" => {
            handle(&app, &parts, body).await.unwrap_or_else(Answer::failed)
        }
        Method::GET | Method::PUT | Method::POST | Method::DELETE | Method::PATCH if !bare => {
            handle(&app, &parts, body).await.unwrap_or_else(Answer::failed)
        }
        Method::GET | Method::PUT | Method::POST | Method::DELETE | Method::PATCH | Method::HEAD => {
            Answer::no_such_page()
        }
        _ => Answer::not_allowed(),
    }
    .into()
}

/// What nginx answers to a path that it does not know.
pub async fn not_found() -> Response {
    Answer::no_such_page().into()
}

/// Answers as nginx does where no certificate came.
pub async fn with_certificate(request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>();
    match connection.is_some_and(|connection| connection.peer.is_some()) {
        true => next.run(request).await,
        false => Answer::no_certificate().into(),
    }
}

/// Answers as nginx does where the client's address is none of those allowed.
pub async fn from_allowed(State(allowed): State<Arc<[IpNet]>>, request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>();
    let address = connection.map(|connection| connection.remote.ip().to_canonical());
    match address.is_some_and(|address| allowed.iter().any(|network| network.contains(&address))) {
        true => next.run(request).await,
        false => Answer::forbidden().into(),
    }
}

/// Adds APISIX's headers.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn handle(app: &App, parts: &Parts, body: Body) -> Result<Answer, ApiError> {
    let origin = Origin::of(&parts.extensions);
    let query = Query::of(parts.uri.query().unwrap_or(""));
    let cookie = || cookies::get(&parts.headers, "x-api-key");
    let key = query.get("api_key").or_else(|| auth::key_of(&parts.headers)).or_else(cookie);
    let caller = match Caller::by_key(app, &origin, key) {
        Ok(caller) => caller,
        Err(unknown) => return Ok(Answer::unauthorised(&unknown.to_string())),
    };
    let place = Place::of(parts.uri.path());
    let right = if parts.method == Method::GET { Right::Read } else { Right::Write };
    let group = match caller.group(query.get("gateway_group_id")) {
        Ok(group) => group,
        Err(error) => return Ok(Answer::failed(error)),
    };
    if !caller.may(right, Domain::Group(&group)) {
        return denied(app, &caller, &place, &group).await;
    }
    if place.resource == "configs"
        && place.id.is_none()
        && matches!(parts.method, Method::GET | Method::HEAD | Method::PUT)
    {
        return match app.store.read(|view| groups::exists(view, &group)) {
            true => standalone::answer(app, &caller, group, parts, body).await,
            false => Ok(Answer::error(404, &groups::unknown(&group).message)),
        };
    }
    if helpers::serves(&place) {
        return Ok(helpers::answer(parts, body, &place, &query).await);
    }
    // Credentials have no list of their own.
    let reachable = |kind: &Kind| *kind != Kind::Credential || place.parent.is_some();
    let Some(kind) = resources::kind(&place.resource).filter(reachable) else {
        return Ok(Answer::unsupported(&place.resource));
    };
    let hindrance = match kind {
        Kind::StreamRoute if !app.stream => Some(input::Wrong::NoStreams),
        Kind::CostDecoration if place.parent.is_none() => Some(input::Wrong::NoService),
        _ => None,
    };
    if let Some(wrong) = hindrance {
        return hindered(app, &caller, Order { group, kind, method: &parts.method }, &place, wrong).await;
    }
    let input = Input::read(&parts.headers, body, &query).await;
    if right == Right::Read {
        return match input {
            Ok(_) if !app.store.read(|view| groups::exists(view, &group)) => {
                Ok(Answer::error(404, &groups::unknown(&group).message))
            }
            Ok(_) => {
                let found = list::get(app, &group, kind, &place, &query);
                if app.disclosures.is_due(app, &caller, &group) && found.has_secrets(app) {
                    app.disclosures.record(app, &caller, &group).await?;
                }
                Ok(found.answer(app, kind))
            }
            Err(wrong) => Ok(wrong.into()),
        };
    }
    let order = Order { group, kind, method: &parts.method };
    let condition = Condition::of(&parts.headers).map_err(input::Wrong::Condition);
    match input.and_then(|input| Ok((input, condition?))) {
        Ok((input, condition)) => change(app, &caller, order, condition, place, &query, input).await,
        Err(wrong) => refuse(app, &caller, &order, &place, wrong).await,
    }
}

async fn change(
    app: &App,
    caller: &Caller,
    order: Order<'_>,
    condition: Condition,
    place: Place,
    query: &Query,
    input: Input,
) -> Result<Answer, ApiError> {
    let (kind, method) = (order.kind, order.method);
    if !supports(kind, method) {
        let text = format!("not supported `{method}` method for {kind}");
        let known = [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
        let known: Vec<&str> = known.iter().filter(|it| supports(kind, it)).map(Method::as_str).collect();
        let answer = refuse(app, caller, &order, &place, input::Wrong::Method(text)).await?;
        return Ok(answer.with("allow", &known.join(", ")));
    }
    let lease = match (input.ttl, method) {
        (Some(seconds), &Method::PUT | &Method::POST | &Method::PATCH) => match lease(app, seconds).await? {
            Ok(lease) => lease,
            Err(text) => return refuse(app, caller, &order, &place, input::Wrong::Lease(text)).await,
        },
        _ => 0,
    };
    let id = place.id.clone().or_else(|| id_below(kind, &place, input.body.as_ref()));
    let sub_path = place.sub_path;
    let command = match *method {
        Method::PUT => Command::Put { id, body: input.body },
        Method::POST => Command::Post { id, parent: place.parent, body: input.body },
        Method::PATCH => Command::Patch { id, sub_path, body: input.body },
        _ => Command::Delete { id, force: query.get("force") == Some("true") },
    };
    let (now, keyring) = (app.now_seconds(), app.keyring.clone());
    let scope = Scope { group: order.group, kind, now, lease, condition, keyring };
    let outcome = resources::run(app, caller, scope, command).await?;
    Ok(Answer::outcome(kind, &outcome))
}

/// The id that a body says below the parent in the path: `PUT /consumers/jack/credentials`.
fn id_below(kind: Kind, place: &Place, body: Option<&Value>) -> Option<String> {
    let parent = place.parent.as_deref().filter(|_| matches!(kind, Kind::Credential | Kind::CostDecoration))?;
    Some(kind.join_id(parent, &text_of(body?.get("id")?)?))
}

/// Whatever is asked of stream routes where there are none, and of cost decorations of no service.
async fn hindered(
    app: &App,
    caller: &Caller,
    order: Order<'_>,
    place: &Place,
    wrong: input::Wrong,
) -> Result<Answer, ApiError> {
    match *order.method {
        Method::GET => Ok(wrong.into()),
        _ => refuse(app, caller, &order, place, wrong).await,
    }
}

/// A lease for a key that shall not stay. One that ends up without a key ends without an event.
async fn lease(app: &App, seconds: i64) -> Result<Result<i64, String>, ApiError> {
    use portolan_eventstore::lease::LeaseError;
    match app.store.lease_grant(0, seconds).await {
        Ok(lease) => Ok(Ok(lease.id)),
        Err(LeaseError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Records a request that did not become a command, and answers it.
async fn refuse(
    app: &App,
    caller: &Caller,
    order: &Order<'_>,
    place: &Place,
    wrong: input::Wrong,
) -> Result<Answer, ApiError> {
    let kind = order.kind;
    let verb = match *order.method {
        Method::POST => "create",
        Method::DELETE => "delete",
        _ => "update",
    };
    let answer = Answer::from(wrong);
    let refusal = Refusal::invalid(answer.status(), answer.message());
    let proposal = caller.proposal(format!("{}.{verb}", kind.name()), Intent::Refused(refusal));
    let mut proposal = proposal.in_group(order.group.as_str());
    proposal.resource = place.id.as_deref().map(|id| resources::named(kind, id));
    app.append(proposal).await?;
    Ok(answer)
}

/// A viewer that wants to change something, or somebody who looks into a foreign group.
async fn denied(app: &App, caller: &Caller, place: &Place, group: &GroupId) -> Result<Answer, ApiError> {
    if caller.group.as_ref().is_some_and(|own| own != group) {
        let text = format!("{} has no rights in gateway group {group}", caller.actor.id);
        let refusal = Refusal::denied(403, text.clone());
        app.append(Proposal::new(caller.context(), "auth.denied", Intent::Refused(refusal))).await?;
        return Ok(Answer::error(403, &text));
    }
    let text = match caller.roles.is_empty() {
        true => "no role",
        false => "invalid method for role viewer",
    };
    let refusal = Refusal::denied(401, format!("{text}: {}", place.resource));
    app.append(Proposal::new(caller.context(), "auth.denied", Intent::Refused(refusal))).await?;
    Ok(Answer::unauthorised(text))
}

/// Whether the kind knows the method.
fn supports(kind: Kind, method: &Method) -> bool {
    match *method {
        Method::POST => kind.has_post(),
        Method::PATCH => kind.has_patch(),
        _ => true,
    }
}

// === impl Place ===

impl Place {
    fn of(path: &str) -> Self {
        let rest = path.strip_prefix("/apisix/admin/").unwrap_or("");
        // As nginx does, slashes that follow one another count as one.
        let segments = rest.split('/').filter(|segment| !segment.is_empty()).map(query::decoded_segment);
        let segments: Vec<String> = segments.collect();
        let text = |index: usize| segments.get(index).cloned();
        let after = |index: usize| segments.get(index..).unwrap_or_default().join("/");
        let first = segments.first().map_or("", String::as_str);
        // What stands below a consumer or a service in APISIX is a resource of its own.
        let (resource, parent, own, sub_path) = match (first, segments.get(2).map(String::as_str)) {
            ("consumers", Some(below @ "credentials")) => (below, text(1), text(3), after(4)),
            // A sub-path says nothing there: the whole is patched.
            ("services", Some(below @ "graphql_cost_decorations")) => (below, text(1), text(3), String::new()),
            ("secrets", _) => (first, text(1), text(2), after(3)),
            _ => (first, None, text(1), after(2)),
        };
        let id = own.map(|own| match (&parent, Kind::from_directory(resource)) {
            (Some(parent), Some(kind)) => kind.join_id(parent, &own),
            _ => own,
        });
        Self { resource: resource.to_owned(), parent, id, sub_path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let below = |resource: &str, parent: Option<&str>, id: Option<&str>, sub_path: &str| Place {
            resource: resource.into(),
            parent: parent.map(Into::into),
            id: id.map(Into::into),
            sub_path: sub_path.into(),
        };
        let place = |resource: &str, id: Option<&str>, sub_path: &str| below(resource, None, id, sub_path);
        for (path, expected) in [
            ("/apisix/admin/routes", place("routes", None, "")),
            ("/apisix/admin/routes/", place("routes", None, "")),
            ("/apisix/admin/routes/r1", place("routes", Some("r1"), "")),
            ("/apisix/admin/routes/a%20b", place("routes", Some("a b"), "")),
            ("/apisix/admin/routes/1/plugins/cors", place("routes", Some("1"), "plugins/cors")),
            ("/apisix/admin/", place("", None, "")),
            ("/apisix/admin//routes///r1/", place("routes", Some("r1"), "")),
            ("/apisix/admin/consumers/jack/credentials", below("credentials", Some("jack"), None, "")),
            (
                "/apisix/admin/consumers/jack/credentials/c1",
                below("credentials", Some("jack"), Some("jack/credentials/c1"), ""),
            ),
            ("/apisix/admin/secrets", place("secrets", None, "")),
            ("/apisix/admin/secrets/vault", below("secrets", Some("vault"), None, "")),
            ("/apisix/admin/secrets/vault/v1/token", below("secrets", Some("vault"), Some("vault/v1"), "token")),
        ] {
            assert_eq!(Place::of(path), expected, "{path}");
        }
    }
}
