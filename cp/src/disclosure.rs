//! Who was shown secrets. The faces for clients of APISIX give them back in clear, since these write back what they read; and they
//! read often. So the first time that a caller reads secrets of a gateway group from an address is an event, in the log before the
//! answer, and stands for the hour that follows.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use portolan_eventstore::Intent;
use portolan_model::GroupId;

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;

/// How long an event stands for further reads, in seconds.
const STANDS: i64 = 3600;
/// Events that are remembered; with more of them, some come sooner again.
const MOST: usize = 10_000;

/// Caller, gateway group and address.
type Reader = (String, GroupId, IpAddr);

/// The events that still stand for further reads, with their times.
#[derive(Debug, Default)]
pub struct Disclosures(Mutex<HashMap<Reader, i64>>);

// === impl Disclosures ===

impl Disclosures {
    /// Whether showing secrets to the caller now would be an event.
    pub fn is_due(&self, app: &App, caller: &Caller, group: &GroupId) -> bool {
        let now = app.now_seconds();
        self.0.lock().get(&reader(caller, group)).is_none_or(|last| now - last >= STANDS)
    }

    /// Puts it into the log that the caller is shown secrets, if that is due.
    ///
    /// # Errors
    /// When the log is unavailable, or the caller has lost the right meanwhile: then the caller must not be shown them.
    pub async fn record(&self, app: &App, caller: &Caller, group: &GroupId) -> Result<(), ApiError> {
        if !self.is_due(app, caller, group) {
            return Ok(());
        }
        let proposal = caller.proposal("secrets.read", Intent::Record).in_group(group.as_str());
        app.commit(proposal.on("gateway_group", group.as_str())).await?;
        let now = app.now_seconds();
        let mut events = self.0.lock();
        if events.len() >= MOST {
            events.retain(|_, last| now - *last < STANDS);
        }
        if events.len() >= MOST {
            events.clear();
        }
        events.insert(reader(caller, group), now);
        Ok(())
    }
}

fn reader(caller: &Caller, group: &GroupId) -> Reader {
    (caller.actor.id.clone(), group.clone(), caller.origin.ip)
}
