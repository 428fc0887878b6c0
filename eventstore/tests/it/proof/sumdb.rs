//! Against golang.org/x/mod/sumdb, which was written by others in another language: it opens our notes, checks our proofs and
//! computes the same ones, and we open its notes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use portolan_eventstore::proof::{Checkpoint, Log, Signer, Verifier, check_consistency, check_inclusion, note};
use serde_json::{Value, json};

use super::ledger::{self, Keys, on_demand, sign};
use super::raw::Raw;
use crate::stand::Stand;

const SIZE: i64 = 600;

#[tokio::test]
async fn notes_and_proofs_are_those_of_sumdb() {
    let (stand, keys) = (Stand::sqlite().await, Keys::new());
    futures_util::future::join_all((1..SIZE).map(|_| ledger::record(&stand, "auth.login"))).await;
    let signed = sign(&stand, &keys, on_demand(), Vec::new(), None);
    signed.cover(SIZE).await;
    let log = Log::of(&stand.store);
    let entries =
        Raw::connect(&stand.url).await.texts("SELECT CAST(entry AS text) FROM events ORDER BY revision").await;
    // Both sides of the block size and of powers of two, and a tree of no particular size.
    let sizes = [1, 2, 3, 7, 8, 9, 255, 256, 257, 511, 512, 513, SIZE];
    let mut proofs = Vec::new();
    for size in sizes {
        for revision in sizes.into_iter().filter(|revision| *revision <= size) {
            let inclusion = log.inclusion(revision, size).await.unwrap();
            let consistency = log.consistency(revision, size).await.unwrap();
            let hex = |path: &[portolan_eventstore::proof::Hash]| path.iter().map(hex::encode).collect::<Vec<_>>();
            proofs.push(json!({"revision": revision, "size": size, "inclusion": hex(&inclusion), "consistency": hex(&consistency)}));
        }
    }
    let (checkpoint, note) = log.checkpoint().await.unwrap().unwrap();
    let answer = go(
        &json!({"vkey": keys.vkey, "note": note, "root": hex::encode(checkpoint.root), "entries": entries, "proofs": proofs}),
    );
    assert_eq!(answer["checked"], proofs.len() as i64);
    let theirs = [Verifier::parse(answer["vkey"].as_str().unwrap()).unwrap()];
    assert_eq!(note::open(answer["note"].as_str().unwrap(), &theirs).unwrap(), checkpoint.text());
    // Both have signed one note: each finds its own signature.
    let both = answer["both"].as_str().unwrap();
    assert_eq!(Checkpoint::open(both, &keys.trusted()).unwrap(), checkpoint);
    assert_eq!(note::open(both, &theirs).unwrap(), checkpoint.text());
    assert!(Signer::generate("a name").is_err());

    let leaf: Vec<u8> = Raw::connect(&stand.url).await.bytes("SELECT leaf_hash FROM events WHERE revision = 300").await;
    let path = log.inclusion(300, SIZE).await.unwrap();
    let size = SIZE as u64;
    assert!(check_inclusion(&leaf.try_into().unwrap(), 299, size, &path, &checkpoint.root));
    let path = log.consistency(SIZE, SIZE).await.unwrap();
    assert!(check_consistency((size, &checkpoint.root), (size, &checkpoint.root), &path));
    for (revision, size) in [(0, 5), (6, 5), (-1, 5), (SIZE, SIZE + 1)] {
        assert!(log.inclusion(revision, size).await.is_err(), "{revision} of {size}");
    }
}

/// Runs the program in tests/sumdb.
fn go(input: &Value) -> Value {
    let mut child = Command::new("go")
        .args(["run", "."])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sumdb"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs Go (https://go.dev/dl/, or the package golang-go)");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
