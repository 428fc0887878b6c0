//! Certificates for data planes, etcd administrators and servers.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use portolan_eventstore::proposal::ResourceRef;
use portolan_eventstore::txn::Txn;
use portolan_eventstore::{Decision, Intent, View};
use portolan_model::GroupId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::ca::{self, Order, Subject};
use crate::error::ApiError;
use crate::groups;
use crate::refusal;
use crate::rights::{Domain, Right};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    kind: Kind,
    name: String,
    gateway_group_id: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    csr: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    DataPlane,
    Admin,
    Server,
}

/// `POST /api/certificates`
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    // Only data planes belong to a group.
    let domain = caller.group.as_ref().map_or(Domain::All, Domain::Group);
    caller.require(&app, Right::Issue, domain).await?;
    let what = refusal::Attempt { action: "certificate.issue", group: None, resource: None };
    let order = match body::json(&headers, body).await.and_then(|request| order(&app, &caller, request)) {
        Ok(order) => order,
        Err(error) => return Err(refusal::record(&app, &caller, what, error).await),
    };
    let group = order.subject.group().and_then(|group| GroupId::new(group).ok());
    let propose = |txn: Txn| {
        let decide = move |view: &dyn View| match &group {
            Some(group) if !groups::exists(view, group) => Decision::Refuse(groups::unknown(group)),
            _ => Decision::Apply(txn.clone()),
        };
        caller.proposal("certificate.issue", Intent::Decide(Box::new(decide)))
    };
    let issued = match app.authority.issue(propose, &order).await {
        Ok(Ok(issued)) => issued,
        Ok(Err(refusal)) => return Err(ApiError::Refused(refusal)),
        Err(ca::Error::Store(error)) => return Err(error.into()),
        Err(error) => {
            let resource = Some(ResourceRef { kind: "certificate".into(), id: order.name });
            let what = refusal::Attempt { resource, ..what };
            return Err(refusal::record(&app, &caller, what, ApiError::internal(error)).await);
        }
    };
    let answer = json!({
        "certificate": issued.certificate,
        "ca": app.authority.certificate(),
        "serial": issued.serial,
        "not_after": issued.not_after,
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

fn order(app: &App, caller: &Caller, request: Request) -> Result<Order, ApiError> {
    let subject = match request.kind {
        Kind::DataPlane => {
            let group = caller.group(request.gateway_group_id.as_deref())?;
            if !caller.may(Right::Issue, Domain::Group(&group)) {
                return Err(ApiError::Forbidden(format!("{} may not issue certificates there", caller.actor.id)));
            }
            if !app.store.read(|view| groups::exists(view, &group)) {
                return Err(ApiError::Refused(groups::unknown(&group)));
            }
            Subject::DataPlane { group: group.to_string() }
        }
        Kind::Admin | Kind::Server if caller.group.is_some() => {
            return Err(ApiError::Forbidden(format!(
                "{} may issue certificates for data planes only",
                caller.actor.id
            )));
        }
        Kind::Admin => Subject::Admin,
        Kind::Server => Subject::Server { names: request.names },
    };
    Order::from_csr(subject, &request.name, &request.csr).map_err(|error| ApiError::Invalid(error.to_string()))
}
