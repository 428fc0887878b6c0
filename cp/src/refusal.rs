//! Refused attempts of known callers: each is an event, with the text that the caller got.

use portolan_eventstore::proposal::ResourceRef;
use portolan_eventstore::{Decision, Intent, Proposal, Refusal};

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

/// The longest text of a refusal in the log, and the longest id: both may hold what a caller sent.
const LONGEST_TEXT: usize = 4096;
const LONGEST_ID: usize = 256;

/// The resource in an event. What can be no id may be of any length: its head says enough.
pub fn named(kind: &str, id: &str) -> ResourceRef {
    ResourceRef { kind: kind.to_owned(), id: id.chars().take(LONGEST_ID).collect() }
}

/// The same, with refusals whose texts are not too long, and an id that every store can take: a text with a NUL in it would fail in
/// PostgreSQL, together with all that is written in the same batch.
pub fn bounded(mut proposal: Proposal) -> Proposal {
    if let Some(resource) = proposal.resource.as_mut().filter(|resource| resource.id.contains('\0')) {
        resource.id = resource.id.replace('\0', "\u{FFFD}");
    }
    proposal.intent = match proposal.intent {
        Intent::Refused(refusal) => Intent::Refused(cut(refusal)),
        Intent::Decide(decide) => Intent::Decide(Box::new(move |view| match decide(view) {
            Decision::Refuse(refusal) => Decision::Refuse(cut(refusal)),
            decision => decision,
        })),
        other => other,
    };
    proposal
}

fn cut(mut refusal: Refusal) -> Refusal {
    if let Some((end, _)) = refusal.message.char_indices().nth(LONGEST_TEXT) {
        refusal.message.truncate(end);
    }
    refusal
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
