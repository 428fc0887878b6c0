//! Refused attempts of known callers: each is an event, with the text that the caller got.

use portolan_eventstore::proposal::ResourceRef;
use portolan_eventstore::{Intent, Refusal};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;

/// What was attempted.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The action that it would have been.
    pub action: &'static str,
    /// The gateway group concerned.
    pub group: Option<String>,
    /// The resource concerned.
    pub resource: Option<ResourceRef>,
}

/// Records that the attempt ended with this error, and gives the error to answer with: the same, unless the log is
/// unavailable, which then matters more.
pub async fn record(app: &App, caller: &Caller, attempt: Attempt, error: ApiError) -> ApiError {
    let action = attempt.action.to_owned();
    record_as(app, caller, action, attempt, error).await
}

/// The same, with an action that is named only now.
pub async fn record_as(app: &App, caller: &Caller, action: String, attempt: Attempt, error: ApiError) -> ApiError {
    if matches!(error, ApiError::Store(_)) {
        return error;
    }
    let (status, text, _) = error.answer();
    let refusal = Refusal::invalid(status.as_u16(), text);
    let mut proposal = caller.proposal(action, Intent::Refused(refusal));
    proposal.gateway_group = attempt.group;
    proposal.resource = attempt.resource;
    match app.append(proposal).await {
        Ok(_) => error,
        Err(unavailable) => unavailable,
    }
}
