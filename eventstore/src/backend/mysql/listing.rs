//! MySQL: looking events up.

use futures_util::future::BoxFuture;

use super::MySql;
use crate::backend::listing::{By, Listing, listed, listing_reads, listing_statements};
use crate::backend::rows;
use crate::error::Error;
use crate::read::StoredEvent;

const LISTED_BY_RESOURCE: &str = listed!("events_list_by_resource", "FORCE INDEX (events_by_resource)",
    "e.resource_kind = ? AND e.resource_id = ? AND e.revision > ? AND e.revision < ?"; "e.revision DESC", "?");
const LISTED_BY_ACTOR: &str = listed!("events_list_by_actor", "FORCE INDEX (events_by_actor)",
    "e.actor_id = ? AND e.revision > ? AND e.revision < ?"; "e.revision DESC", "?");
const LISTED_BY_ACTION: &str = listed!("events_list_by_action", "FORCE INDEX (events_by_action)",
    "e.action = ? AND e.revision > ? AND e.revision < ?"; "e.revision DESC", "?");
listing_statements!("<=>"; "?", "?", "?", "?", "?", "?", "?");

impl Listing for MySql {
    listing_reads!(pool);
}
