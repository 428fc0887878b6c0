//! MySQL: following changes.

use futures_util::future::BoxFuture;

use super::MySql;
use crate::backend::listing::listed;
use crate::backend::rows;
use crate::backend::timeline::{self, Lead, Timeline, made, timeline_reads, timeline_statements};
use crate::error::Error;
use crate::read::StoredEvent;

const MADE_BY_ACTOR: &str = listed!("made_by_actor", "FORCE INDEX (events_by_actor)",
    "e.actor_id = ? AND e.revision > ? AND e.revision < ?"; "e.revision", "?");
const MADE_BY_ACTION: &str = listed!("made_by_action", "FORCE INDEX (events_by_action)",
    "e.action = ? AND e.revision > ? AND e.revision < ?"; "e.revision", "?");
timeline_statements!("?", "?", "?", "?", "?", "?");

impl Timeline for MySql {
    timeline_reads!(pool);
}
