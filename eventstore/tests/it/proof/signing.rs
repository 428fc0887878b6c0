//! The signing task: when it signs, that replicas agree, and that it signs no fork.

use std::time::Duration;

use portolan_eventstore::proof::{self, Checkpoint, Log, Pace};
use portolan_rt::shutdown::Shutdown;
use portolan_rt::status::Board;

use super::ledger::{self, Keys, on_demand, sign, until};
use super::raw::Raw;
use crate::stand::Stand;

async fn sizes(url: &str, keys: &Keys) -> Vec<u64> {
    let open = |note: &String| Checkpoint::open(note, &keys.trusted()).unwrap().size;
    ledger::notes(url).await.iter().map(open).collect()
}

#[tokio::test]
async fn it_signs_after_enough_events_and_after_the_period() {
    let (stand, keys) = (Stand::sqlite().await, Keys::new());
    let many = Pace { events: 20, ..on_demand() };
    let signed = sign(&stand, &keys, many, Vec::new(), None);
    // The first event is signed at once.
    until(async || signed.checkpoints.signed() == 1).await;
    for _ in 0..20 {
        ledger::record(&stand, "auth.login").await;
    }
    until(async || signed.checkpoints.signed() == 21).await;
    assert_eq!(sizes(&stand.url, &keys).await, [1, 21]);
    drop(signed);
    let often = Pace { period: Duration::from_millis(20), ..on_demand() };
    let signed = sign(&stand, &keys, often, Vec::new(), None);
    ledger::record(&stand, "auth.login").await;
    until(async || signed.checkpoints.signed() == 22).await;
    let (checkpoint, note) = Log::of(&stand.store).checkpoint().await.unwrap().unwrap();
    assert_eq!(Checkpoint::open(&note, &keys.trusted()).unwrap(), checkpoint);
    assert_eq!(hex::encode(checkpoint.root), stand.store.status().await.unwrap().tree_root);
}

#[tokio::test]
async fn an_idle_log_beats_once_an_hour_whatever_the_number_of_replicas() {
    let (stand, keys) = (Stand::postgres().await, Keys::new());
    let pace = Pace { period: Duration::from_millis(20), idle: Duration::from_secs(3600), ..on_demand() };
    let signers = [0, 1, 2].map(|_| sign(&stand, &keys, pace, Vec::new(), None));
    signers[0].cover(1).await;
    for hour in 1..4 {
        stand.clock.advance(Duration::from_secs(3601));
        for signer in &signers {
            signer.cover(hour + 1).await;
        }
        let event = stand.store.event(hour + 1).await.unwrap().unwrap();
        assert_eq!(event.entry.action, "log.heartbeat");
        assert_eq!(stand.store.revision(), hour + 1);
    }
    assert_eq!(sizes(&stand.url, &keys).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn replicas_sign_one_sequence() {
    for stand in [Stand::postgres().await, Stand::mysql().await] {
        let keys = Keys::new();
        let pace = Pace { events: 3, period: Duration::from_millis(5), ..on_demand() };
        let other = stand.replica().await;
        let signers = [sign(&stand, &keys, pace, Vec::new(), None), sign(&stand, &keys, pace, Vec::new(), None)];
        for n in 0..40 {
            crate::stand::put(if n % 2 == 0 { &other } else { &stand.store }, "a", "1").await;
        }
        for signer in &signers {
            signer.cover(41).await;
        }
        let sizes = sizes(&stand.url, &keys).await;
        assert!(sizes.is_sorted() && sizes.last() == Some(&41), "{sizes:?}");
        let verdict =
            proof::verify_store(&ledger::open(&stand.url).await, &keys.trusted(), &[], &|_| {}).await.unwrap();
        assert!(verdict.is_ok(), "{verdict}");
    }
}

#[tokio::test]
async fn a_fork_is_not_signed() {
    let rewrite_entry = "UPDATE events SET entry = CAST(replace(CAST(entry AS text), '\"admin\"', '\"nobody\"') AS blob) WHERE revision = 6";
    let attacks = [
        "DELETE FROM events WHERE revision = 6",
        rewrite_entry,
        "UPDATE events SET leaf_hash = x'00' WHERE revision = 6",
        "DELETE FROM checkpoints",
        "DELETE FROM checkpoints WHERE size = 12",
        "UPDATE checkpoints SET note = replace(note, 'audit', 'adult') WHERE size = 12",
        "UPDATE log_head SET tree_frontier = zeroblob(96)",
    ];
    for attack in attacks {
        let (stand, keys) = (Stand::sqlite().await, Keys::new());
        let board = Board::new(Shutdown::new());
        let signed = sign(&stand, &keys, on_demand(), Vec::new(), Some(board.component("checkpoints")));
        ledger::fill(&stand, &keys).await;
        // The task has met what the ledger's own has signed.
        signed.cover(13).await;
        until(async || board.is_ready()).await;
        let mut raw = Raw::connect(&stand.url).await;
        raw.disarm().await;
        if attack.contains("checkpoints") {
            raw.run(&attack.replace("12", "13")).await;
        } else {
            raw.run(attack).await;
        }
        let signer = signed.checkpoints.clone();
        until(async || {
            drop(tokio::time::timeout(Duration::from_millis(20), signer.cover(14)).await);
            !board.is_ready()
        })
        .await;
        let before = ledger::notes(&stand.url).await.len();
        drop(tokio::time::timeout(Duration::from_millis(100), signer.cover(14)).await);
        assert_eq!(ledger::notes(&stand.url).await.len(), before, "{attack}");
        // With the bytes back as they were, it goes on.
        raw.restore().await;
        signed.cover(13).await;
        until(async || {
            drop(tokio::time::timeout(Duration::from_millis(20), signer.cover(14)).await);
            board.is_ready()
        })
        .await;
        ledger::record(&stand, "auth.login").await;
        signed.cover(14).await;
    }
}

#[tokio::test]
async fn a_new_process_signs_no_fork_of_what_an_old_one_signed() {
    let (stand, keys) = (Stand::sqlite().await, Keys::new());
    ledger::fill(&stand, &keys).await;
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    let entry = raw.bytes("SELECT entry FROM events WHERE revision = 6").await;
    let entry = String::from_utf8(entry).unwrap().replace("admin", "nobody");
    let leaf = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&[0], entry.as_bytes()].concat());
    let (entry, leaf) = (raw.literal(entry.as_bytes()), raw.literal(leaf.as_ref()));
    raw.run(&format!("UPDATE events SET entry = {entry}, leaf_hash = {leaf} WHERE revision = 6")).await;
    let board = Board::new(Shutdown::new());
    let signed = sign(&stand, &keys, on_demand(), Vec::new(), Some(board.component("checkpoints")));
    let asked = tokio::time::timeout(Duration::from_millis(300), signed.checkpoints.cover(13)).await;
    assert!(asked.is_err() && !board.is_ready());
    assert_eq!(sizes(&stand.url, &keys).await, [1, 4, 8, 12]);
}

#[tokio::test]
async fn another_key_does_not_continue_a_signed_log() {
    let (stand, keys) = (Stand::sqlite().await, Keys::new());
    ledger::fill(&stand, &keys).await;
    let signed = sign(&stand, &Keys::new(), on_demand(), Vec::new(), None);
    assert!(tokio::time::timeout(Duration::from_millis(300), signed.checkpoints.cover(13)).await.is_err());
    assert_eq!(sizes(&stand.url, &keys).await, [1, 4, 8, 12]);
}
