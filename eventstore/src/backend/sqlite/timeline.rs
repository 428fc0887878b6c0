//! SQLite: following changes.

use futures_util::future::BoxFuture;

use super::Sqlite;
use crate::backend::rows;
use crate::backend::timeline::{self, Lead, Timeline, made, timeline_reads, timeline_statements};
use crate::error::Error;
use crate::read::StoredEvent;

timeline_statements!("?", "?", "?", "?", "?", "?");

impl Timeline for Sqlite {
    timeline_reads!(readers);
}
