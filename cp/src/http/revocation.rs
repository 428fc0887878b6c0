//! Revoking a certificate: a key that the data-plane manager of every replica watches.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use portolan_eventstore::txn::{Op, Txn};
use portolan_eventstore::{Decision, Intent, View};
use portolan_model::GroupId;
use serde_json::Value;

use super::params::Segments;
use crate::app::App;
use crate::auth::Caller;
use crate::ca;
use crate::error::ApiError;
use crate::refusal;
use crate::rights::{Domain, Right};

const ACTION: &str = "certificate.revoke";

/// `POST /api/certificates/{serial}/revoke`
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(serial): Segments<String>,
) -> Result<StatusCode, ApiError> {
    let record = app.store.read(|view| view.get(ca::issued_key(&serial).as_bytes()));
    let group = record.as_ref().and_then(|kv| {
        let record: Value = serde_json::from_slice(&kv.value).ok()?;
        GroupId::new(record["gateway_group_id"].as_str()?).ok()
    });
    caller.require(&app, Right::Issue, group.as_ref().map_or(Domain::All, Domain::Group)).await?;
    let group = group.map(|group| group.to_string());
    if record.is_none() {
        let what = refusal::Attempt { action: ACTION, group, resource: None };
        let error = ApiError::NotFound("no certificate of this serial number was issued".into());
        return Err(refusal::record(&app, &caller, what, error).await);
    }
    let revocation = ca::revocation(&serial, app.now_seconds());
    let decide = move |view: &dyn View| match view.get(&revocation.key) {
        Some(_) => Decision::Unchanged,
        None => Decision::Apply(Txn::of(vec![Op::Put(revocation.clone())])),
    };
    let mut proposal = caller.proposal(ACTION, Intent::Decide(Box::new(decide)));
    proposal.gateway_group = group;
    proposal.resource = Some(refusal::named("certificate", &serial));
    app.append(proposal).await?;
    Ok(StatusCode::NO_CONTENT)
}
