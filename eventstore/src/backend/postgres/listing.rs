//! PostgreSQL: looking events up.

use futures_util::future::BoxFuture;

use super::Postgres;
use crate::backend::listing::{By, Listing, listed, listing_reads, listing_statements};
use crate::backend::rows;
use crate::error::Error;
use crate::read::StoredEvent;

const LISTED_BY_RESOURCE: &str = listed!("events_list_by_resource", "",
    "(e.resource_kind, e.resource_id, e.revision) > ($1, $2, $3) AND (e.resource_kind, e.resource_id, e.revision) < ($1, $2, $4)";
    "e.resource_kind DESC, e.resource_id DESC, e.revision DESC", "$5");
const LISTED_BY_ACTOR: &str = listed!("events_list_by_actor", "",
    "(e.actor_id, e.revision) > ($1, $2) AND (e.actor_id, e.revision) < ($1, $3)"; "e.actor_id DESC, e.revision DESC", "$4");
const LISTED_BY_ACTION: &str = listed!("events_list_by_action", "",
    "(e.action, e.revision) > ($1, $2) AND (e.action, e.revision) < ($1, $3)"; "e.action DESC, e.revision DESC", "$4");
listing_statements!("IS NOT DISTINCT FROM"; "$1", "$2", "$3", "$4", "$5", "$6", "$7");

impl Listing for Postgres {
    listing_reads!(pool);
}
