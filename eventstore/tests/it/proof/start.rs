//! A start on a long log: what it reads, and that what it takes over is not believed blindly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use portolan_eventstore::proof::{self, Pace};
use portolan_eventstore::{Context, Intent, Proposal};
use portolan_rt::shutdown::Shutdown;
use portolan_rt::status::Board;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt as _};

use super::ledger::{self, Keys, on_demand, sign, until};
use super::raw::Raw;
use crate::stand::Stand;

/// Entries that the first round reads again.
const SCRUB: i64 = 4_096;

/// Counts the rows that statements return, as sqlx reports them.
#[derive(Clone, Default)]
struct Rows(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Rows {
    fn on_event(&self, event: &tracing::Event<'_>, _: LayerContext<'_, S>) {
        event.record(&mut Returned(&self.0));
    }
}

struct Returned<'a>(&'a AtomicU64);

impl Visit for Returned<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.0.fetch_add(value, Ordering::Relaxed);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// A signed log up to that revision, with all its blocks kept.
async fn long(stand: Stand, keys: &Keys, last: i64) -> Stand {
    while stand.store.revision() < last {
        let proposal = |_| Proposal::new(Context::system(), "auth.login", Intent::Record);
        let count = 500.min(last - stand.store.revision());
        join_all((0..count).map(proposal).map(|proposal| stand.store.append(proposal))).await;
    }
    let signed = sign(&stand, keys, on_demand(), Vec::new(), None);
    signed.cover(last).await;
    let mut raw = Raw::connect(&stand.url).await;
    until(async || raw.texts("SELECT 'x' FROM tree_blocks").await.len() as i64 == last / 256).await;
    drop(signed);
    stand
}

#[tokio::test]
async fn reads_a_share_of_the_log() {
    for stand in [Stand::postgres().await, Stand::mysql().await] {
        let keys = Keys::new();
        let stand = long(stand, &keys, 2 * SCRUB).await;
        let rows = Rows::default();
        let subscriber = tracing_subscriber::registry().with(rows.clone());
        // Of this thread, on which the runtime of the test runs everything.
        let counting = tracing::subscriber::set_default(subscriber);
        let stand = stand.reopen().await;
        let board = Board::new(Shutdown::new());
        let signed = sign(&stand, &keys, on_demand(), Vec::new(), Some(board.component("checkpoints")));
        until(async || board.is_ready()).await;
        assert_eq!(signed.checkpoints.signed(), 2 * SCRUB);
        drop(counting);
        let read = rows.0.load(Ordering::Relaxed);
        // Beyond the scrub: the kept blocks, and three unfinished ones at the most.
        assert!((4_096..5_500).contains(&read), "{read} rows of {}", stand.url);
    }
}

#[tokio::test]
async fn a_rewritten_row_is_found_after_the_start() {
    let keys = Keys::new();
    let stand = long(Stand::sqlite().await, &keys, SCRUB + 600).await;
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    // Beyond what the first round reads again.
    let entry = raw.bytes("SELECT entry FROM events WHERE revision = 4300").await;
    let entry = String::from_utf8(entry).unwrap().replace("login", "logon");
    let leaf = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&[0], entry.as_bytes()].concat());
    let (entry, leaf) = (raw.literal(entry.as_bytes()), raw.literal(leaf.as_ref()));
    raw.run(&format!("UPDATE events SET entry = {entry}, leaf_hash = {leaf} WHERE revision = 4300")).await;
    let board = Board::new(Shutdown::new());
    let pace = Pace { period: Duration::from_millis(20), ..on_demand() };
    let _signed = sign(&stand, &keys, pace, Vec::new(), Some(board.component("checkpoints")));
    until(async || board.is_ready()).await;
    until(async || !board.is_ready()).await;
}

#[tokio::test]
async fn kept_blocks_that_lead_elsewhere_are_made_again() {
    let keys = Keys::new();
    let stand = long(Stand::sqlite().await, &keys, 1_000).await;
    let verify = async || {
        let log = ledger::open(&stand.url).await;
        proof::verify_store(&log, &keys.trusted(), &[], &|_| {}).await.unwrap()
    };
    assert!(verify().await.is_ok());
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    for damage in [
        "UPDATE tree_blocks SET root = zeroblob(32) WHERE block = 1",
        "UPDATE tree_blocks SET root = zeroblob(31) WHERE block = 1",
        "DELETE FROM tree_blocks WHERE block = 0",
        "UPDATE tree_blocks SET block = block + 100 WHERE block > 1",
    ] {
        raw.run(damage).await;
        if damage.contains("zeroblob(32)") {
            assert!(!verify().await.is_ok());
        }
        let signed = sign(&stand, &keys, on_demand(), Vec::new(), None);
        until(async || signed.checkpoints.signed() == 1_000).await;
        let blocks = "SELECT 'x' FROM tree_blocks WHERE block < 3";
        until(async || raw.texts(blocks).await.len() == 3 && verify().await.is_ok()).await;
    }
}
