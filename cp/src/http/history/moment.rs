//! A point in the history, as a request names it: a revision, or a time.

use chrono::DateTime;

use crate::app::App;
use crate::error::ApiError;

/// The revision that a parameter names; a time is that of the last event until then. `lowest` is the first revision that makes sense
/// there.
pub(super) async fn revision(app: &App, name: &str, text: &str, lowest: i64) -> Result<i64, ApiError> {
    let head = app.store.revision();
    let invalid = |text: String| Err(ApiError::Invalid(text));
    if let Ok(revision) = text.parse::<i64>() {
        return match (lowest..=head).contains(&revision) {
            true => Ok(revision),
            false => invalid(format!("{name} must be a revision between {lowest} and {head}")),
        };
    }
    let Ok(time) = DateTime::parse_from_rfc3339(text) else {
        return invalid(format!("{name} must be a revision, or a time as RFC 3339 has it"));
    };
    if time.timestamp_micros() > app.clock.now_micros() {
        return invalid(format!("{name} lies in the future"));
    }
    // An event that another replica is appending now is none that the caller could mean.
    let revision = app.store.revision_at(time.timestamp_micros()).await?.min(head);
    if revision < lowest {
        return invalid(format!("{name} lies before revision {lowest}"));
    }
    Ok(revision)
}
