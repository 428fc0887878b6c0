//! A part of the log with everything that proves it, for an auditor: the bundle of `portolan audit export`, as a tar archive.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse;
use futures_util::Stream;
use futures_util::stream::unfold;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use portolan_eventstore::proof::export::Range;
use portolan_eventstore::proof::{self, Export, archive};
use portolan_eventstore::{Intent, Proposal};
use serde::Deserialize;

use super::params::Params;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rights::{Domain, Right};

/// How long the log may take to be signed up to the end of what is exported.
const SIGNING: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    from: Option<i64>,
    to: Option<i64>,
    reason: Option<String>,
}

/// `GET /api/audit/export`: personal data and secrets of all groups, in clear. So it is an event, in the log before the first byte.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(options): Params<Options>,
) -> Result<impl IntoResponse, ApiError> {
    caller.require(&app, Right::Export, Domain::All).await?;
    let head = app.store.linearizable().await?;
    let (from, to) = (options.from.unwrap_or(1), options.to.unwrap_or(head));
    if !(1..=to).contains(&from) || to > head {
        return Err(ApiError::Invalid(format!("from and to must be revisions between 1 and {head}, in order")));
    }
    // What can't be proven is refused before anything is recorded.
    signed(&app, to).await?;
    let mut proposal: Proposal = caller.proposal("audit.export", Intent::Record).on("log", format!("{from}..{to}"));
    proposal.context.reason = options.reason;
    app.commit(proposal).await?;
    // Holds and prunings until now account for what is missing: the proof reaches to them.
    signed(&app, app.store.revision()).await?;
    let range = Range { from: Some(from), to: Some(to) };
    let export = Export::new(app.checkpoints.log(), range).await.map_err(failed)?;
    let name = format!("attachment; filename=\"portolan-audit-{from}-{to}.tar\"");
    let headers = [(CONTENT_TYPE, "application/x-tar".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(stream(export, app.now_seconds()))))
}

/// Waits until a checkpoint covers the revision.
async fn signed(app: &App, revision: i64) -> Result<(), ApiError> {
    let covered = tokio::time::timeout(SIGNING, app.checkpoints.cover(revision)).await;
    covered.map_err(|_| ApiError::Later("the log can't be signed now, and what is not signed proves nothing".into()))
}

/// File after file. An error breaks the answer off: without its end an archive is none.
fn stream(export: Export, at: i64) -> impl Stream<Item = Result<Bytes, proof::Error>> {
    unfold(Some(export), move |export| async move {
        let mut export = export?;
        match export.next().await {
            Ok(Some(file)) => Some((Ok(Bytes::from(archive::member(&file, at))), Some(export))),
            Ok(None) => Some((Ok(Bytes::from_static(&archive::END)), None)),
            Err(error) => {
                tracing::error!(error = %portolan_rt::logs::chain(&error), "an export of the log broke off");
                Some((Err(error), None))
            }
        }
    })
}

fn failed(error: proof::Error) -> ApiError {
    match error {
        proof::Error::Store(error) => ApiError::Store(error),
        error => ApiError::internal(error),
    }
}
