//! PostgreSQL: following changes.

use futures_util::future::BoxFuture;

use super::Postgres;
use crate::backend::rows;
use crate::backend::timeline::{self, Lead, Timeline, made, timeline_reads, timeline_statements};
use crate::error::Error;
use crate::read::StoredEvent;

timeline_statements!("$1", "$2", "$3", "$4", "$5", "$6");

impl Timeline for Postgres {
    timeline_reads!(pool);
}
