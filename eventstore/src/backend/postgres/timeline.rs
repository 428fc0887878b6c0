//! PostgreSQL: following changes.

use futures_util::future::BoxFuture;

use super::Postgres;
use crate::backend::listing::listed;
use crate::backend::rows;
use crate::backend::timeline::{self, Lead, Timeline, made, timeline_reads, timeline_statements};
use crate::error::Error;
use crate::read::StoredEvent;

const MADE_BY_ACTOR: &str = listed!("made_by_actor", "",
    "(e.actor_id, e.revision) > ($1, $2) AND (e.actor_id, e.revision) < ($1, $3)"; "e.actor_id, e.revision", "$4");
const MADE_BY_ACTION: &str = listed!("made_by_action", "",
    "(e.action, e.revision) > ($1, $2) AND (e.action, e.revision) < ($1, $3)"; "e.action, e.revision", "$4");
timeline_statements!("$1", "$2", "$3", "$4", "$5", "$6");

impl Timeline for Postgres {
    timeline_reads!(pool);
}
