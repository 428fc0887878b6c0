//! Bundles, as both verifiers see them.

use std::fs;
use std::path::Path;

use portolan_eventstore::Context;
use portolan_eventstore::proof::checkpoint::notes_of;
use portolan_eventstore::proof::export::Range;
use portolan_eventstore::proof::{Checkpoint, Error, Export, Log, Verdict, verify};
use portolan_eventstore::retention::{Run, Scope};
use serde_json::{Value, json};

use super::desk::Desk;
use super::ledger::{self, Keys};
use crate::stand::Stand;

const ENTRIES: &str = "entries-0000000000000001.jsonl";
const PAYLOADS: &str = "payloads-0000000000000001.jsonl";

/// Changes one file of a bundle as text.
fn edit(bundle: &Path, file: &str, change: impl FnOnce(String) -> String) {
    let path = bundle.join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "{file}");
    fs::write(path, changed).unwrap();
}

/// Changes the lines of one file.
fn edit_lines(bundle: &Path, file: &str, change: impl FnOnce(&mut Vec<String>)) {
    edit(bundle, file, |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        lines.iter().map(|line| format!("{line}\n")).collect()
    });
}

/// Changes one payload line as JSON.
fn edit_payload(bundle: &Path, revision: usize, change: impl FnOnce(&mut Value)) {
    edit_lines(bundle, PAYLOADS, |lines| {
        let mut line: Value = serde_json::from_str(&lines[revision - 1]).unwrap();
        change(&mut line);
        lines[revision - 1] = line.to_string();
    });
}

#[tokio::test]
async fn every_range_of_a_log_verifies_on_its_own() {
    for stand in [Stand::sqlite().await, Stand::postgres().await, Stand::mysql().await] {
        let desk = Desk::new();
        ledger::fill(&stand, &desk.keys).await;
        let log = Log::of(&stand.store);
        let notes = ledger::notes(&stand.url).await;
        for (from, to, size) in
            [(1, 12, 12), (1, 1, 1), (2, 2, 4), (12, 12, 12), (5, 8, 8), (3, 7, 8), (4, 9, 12), (6, 6, 8)]
        {
            let bundle = desk.export(&log, from, to).await;
            let verdict = desk.verdict(&bundle, &notes);
            let expected = json!({"result": "OK", "origin": ledger::ORIGIN, "from": from, "to": to, "tree_size": size,
                "root": root_of(&notes[size / 4]), "redacted": {"contexts": 0, "changes": 0, "first": []}});
            assert_eq!(verdict, expected);
        }
        let entries = fs::read_to_string(desk.export(&log, 2, 8).await.join("entries-0000000000000002.jsonl")).unwrap();
        let first: Value = serde_json::from_str(entries.lines().next().unwrap()).unwrap();
        assert_eq!((first["revision"].as_i64(), first["action"].as_str()), (Some(2), Some("route.create")));
    }
}

fn root_of(note: &str) -> &str {
    note.lines().nth(2).unwrap()
}

#[tokio::test]
async fn what_no_checkpoint_covers_is_not_exported() {
    let stand = Stand::sqlite().await;
    let export =
        async |from, to| Export::new(&Log::of(&stand.store), Range { from, to }).await.map(|export| export.range());
    assert!(matches!(export(None, None).await, Err(Error::NoCheckpoint)));
    let keys = Keys::new();
    ledger::fill(&stand, &keys).await;
    assert_eq!(export(None, None).await.unwrap(), (1, 12));
    for (from, to) in [(Some(1), Some(13)), (Some(0), None), (Some(5), Some(4)), (Some(13), None)] {
        assert!(matches!(export(from, to).await, Err(Error::Range { covered: 12, .. })));
    }
    let taken = tempfile::tempdir().unwrap();
    fs::write(taken.path().join("mine"), "").unwrap();
    let export = Export::new(&Log::of(&stand.store), Range::default()).await.unwrap();
    assert!(matches!(export.write(taken.path()).await, Err(Error::File { .. })));
}

#[tokio::test]
async fn both_verifiers_find_every_kind_of_tampering_with_a_bundle() {
    let stand = Stand::sqlite().await;
    let desk = Desk::new();
    ledger::fill(&stand, &desk.keys).await;
    let log = Log::of(&stand.store);
    let good = desk.export(&log, 1, 12).await;
    assert_eq!(desk.verdict(&good, &[])["result"], "OK");
    let tamper = |change: &dyn Fn(&Path)| {
        let copy = desk.copy(&good);
        change(&copy);
        copy
    };

    // Single bytes.
    let bundle = tamper(&|b| edit_lines(b, ENTRIES, |lines| lines[4] = lines[4].replace("admin", "Admin")));
    desk.fails(&bundle, "leaf", Some(5));
    let bundle = tamper(&|b| edit_payload(b, 7, |line| line["leaf"] = json!("00".repeat(32))));
    desk.fails(&bundle, "leaf", Some(7));
    let bundle = tamper(&|b| edit_lines(b, PAYLOADS, |lines| lines[4] = lines[4].replace("because", "Because")));
    desk.fails(&bundle, "context", Some(5));
    let bundle = tamper(&|b| edit_payload(b, 5, |line| line["context"]["salt"] = json!("00".repeat(32))));
    desk.fails(&bundle, "context", Some(5));
    let bundle = tamper(&|b| edit_payload(b, 8, |line| line["changes"]["salt"] = json!("00".repeat(32))));
    desk.fails(&bundle, "changes", Some(8));
    let bundle = tamper(&|b| {
        edit_payload(b, 8, |line| {
            let payload = line["changes"]["payload"].as_str().unwrap().replace("\"version\":1", "\"version\":2");
            line["changes"]["payload"] = json!(payload);
        });
    });
    desk.fails(&bundle, "changes", Some(8));
    let bundle = tamper(&|b| edit_payload(b, 4, |line| line["changes"] = json!({"salt": "", "payload": "[]"})));
    desk.fails(&bundle, "changes", Some(4));

    // Missing, swapped, cut off.
    let remove = |lines: &mut Vec<String>| drop(lines.remove(5));
    let bundle = tamper(&|b| [ENTRIES, PAYLOADS].iter().for_each(|file| edit_lines(b, file, remove)));
    desk.fails(&bundle, "gap", Some(6));
    let bundle = tamper(&|b| edit_lines(b, ENTRIES, remove));
    desk.fails(&bundle, "leaf", Some(6));
    let swap = |lines: &mut Vec<String>| lines.swap(8, 9);
    let bundle = tamper(&|b| [ENTRIES, PAYLOADS].iter().for_each(|file| edit_lines(b, file, swap)));
    desk.fails(&bundle, "gap", Some(9));
    let cut = |lines: &mut Vec<String>| lines.truncate(10);
    let bundle = tamper(&|b| [ENTRIES, PAYLOADS].iter().for_each(|file| edit_lines(b, file, cut)));
    desk.fails(&bundle, "gap", Some(11));
    let bundle = tamper(&|b| edit_lines(b, PAYLOADS, cut));
    desk.fails(&bundle, "gap", Some(11));
    let bundle = tamper(&|b| fs::remove_file(b.join(ENTRIES)).unwrap());
    desk.fails(&bundle, "gap", Some(1));
    let double = |lines: &mut Vec<String>| lines.push(lines[11].clone());
    let bundle = tamper(&|b| [ENTRIES, PAYLOADS].iter().for_each(|file| edit_lines(b, file, double)));
    desk.fails(&bundle, "bundle", None);
    let bundle = tamper(&|b| edit_lines(b, PAYLOADS, |lines| lines[2] = "{".to_owned()));
    desk.fails(&bundle, "bundle", Some(3));

    // An entry rewritten with its leaf hash: only the signed roots can tell.
    let rewrite = |b: &Path| {
        edit_lines(b, ENTRIES, |lines| lines[5] = lines[5].replace("admin", "nimda"));
        let entries = fs::read_to_string(b.join(ENTRIES)).unwrap();
        let leaf = leaf_hash(entries.lines().nth(5).unwrap());
        edit_payload(b, 6, |line| line["leaf"] = json!(leaf));
    };
    let bundle = tamper(&rewrite);
    let verdict = desk.fails(&bundle, "root", Some(5));
    assert_eq!(verdict["until"], 8);
    // With the checkpoints in between left out, the range is wider, and it still fails.
    let last_note = |text: String| format!("{}\n", notes_of(&text).pop().unwrap());
    let fewer = desk.copy(&bundle);
    edit(&fewer, "checkpoints.txt", last_note);
    let verdict = desk.fails(&fewer, "root", Some(1));
    assert_eq!(verdict["until"], 12);

    // Time and place.
    let bundle = tamper(&|b| edit(b, "bundle.json", |text| text.replace("\"epoch\":\"", "\"epoch\":\"x")));
    desk.fails(&bundle, "entry", Some(1));

    // Checkpoints.
    let bundle = tamper(&|b| edit(b, "checkpoints.txt", |text| text.replacen("\n12\n", "\n13\n", 1)));
    desk.fails(&bundle, "checkpoint", None);
    let other = Keys::new();
    let (_, forged) = Checkpoint::sign(&other.signer(), 12, [7; 32]);
    let bundle = tamper(&|b| fs::write(b.join("checkpoints.txt"), format!("{forged}\n")).unwrap());
    desk.fails(&bundle, "checkpoint", None);
    let bundle = tamper(&|b| fs::write(b.join("checkpoints.txt"), "").unwrap());
    desk.fails(&bundle, "checkpoint", None);
    let bundle = tamper(&|b| edit(b, "bundle.json", |text| text.replace("\"tree_size\":12", "\"tree_size\":14")));
    desk.fails(&bundle, "checkpoint", None);
    let bundle = tamper(&|b| edit(b, "bundle.json", |text| text.replace(ledger::ORIGIN, "example.com/other")));
    desk.fails(&bundle, "checkpoint", None);
    let bundle = tamper(&|b| edit(b, "bundle.json", |text| text.replace("\"to\":12", "\"to\":11")));
    desk.fails(&bundle, "bundle", None);
    let bundle = tamper(&|b| fs::remove_file(b.join("bundle.json")).unwrap());
    desk.fails(&bundle, "bundle", None);

    // The wrong key.
    let stranger = Desk::new();
    stranger.fails(&good, "checkpoint", None);

    // A checkpoint that the auditor kept, of a tree that this log never had.
    let (_, fork) = Checkpoint::sign(&desk.keys.signer(), 10, [7; 32]);
    let verdict = desk.verdict(&good, &[fork]);
    assert_eq!((&verdict["kind"], &verdict["revision"], &verdict["until"]), (&json!("root"), &json!(9), &json!(10)));
}

#[tokio::test]
async fn both_verifiers_find_wrong_hashes_beside_the_range() {
    let stand = Stand::sqlite().await;
    let desk = Desk::new();
    ledger::fill(&stand, &desk.keys).await;
    let good = desk.export(&Log::of(&stand.store), 4, 9).await;
    let spoil = |side: &str| {
        let copy = desk.copy(&good);
        edit(&copy, "bundle.json", |text| {
            let mut header: Value = serde_json::from_str(&text).unwrap();
            header[side][0] = json!("00".repeat(32));
            header.to_string()
        });
        copy
    };
    // The checkpoint of size 4 is met with the first event, so a wrong left side shows there.
    let verdict = desk.fails(&spoil("left"), "root", Some(4));
    assert_eq!(verdict["until"], Value::Null);
    let verdict = desk.fails(&spoil("right"), "root", Some(9));
    assert_eq!(verdict["until"], Value::Null);
    let copy = desk.copy(&good);
    edit(&copy, "bundle.json", |text| text.replacen("\"right\":[", "\"right\":[\"00\",", 1));
    desk.fails(&copy, "bundle", None);
}

#[tokio::test]
async fn what_was_let_go_is_redacted_where_an_event_accounts_for_it() {
    let stand = Stand::sqlite().await;
    let desk = Desk::new();
    ledger::fill(&stand, &desk.keys).await;
    let log = Log::of(&stand.store);
    stand.store.hold(Context::system(), &Scope::Revisions { first: 4, last: 5 }).await.unwrap(); // 14
    let pruned = stand.store.prune(Context::system(), i64::MAX, Run::Real).await.unwrap(); // 15
    assert_eq!((pruned.revision, pruned.held), (Some(15), 2));
    let covered = Export::new(&log, Range { from: Some(1), to: Some(12) }).await;
    assert!(matches!(covered, Err(Error::Range { from: 15, .. })), "what accounts for it is not signed yet");
    ledger::sign(&stand, &desk.keys, ledger::on_demand(), Vec::new(), None).cover(15).await;

    // The event that accounts for it lies after the range, with its path to the root.
    let bundle = desk.export(&log, 2, 7).await;
    let verdict = desk.verdict(&bundle, &[]);
    assert_eq!(verdict["redacted"], json!({"contexts": 4, "changes": 2, "first": [2, 3, 6, 7]}), "{verdict}");
    let text = verify(&bundle, &desk.keys.trusted(), &[], &|_| {}).unwrap().to_string();
    assert!(text.ends_with("REDACTED: 4 contexts, 2 changes, at 2, 3, 6, 7"), "{text}");
    let whole = desk.export(&log, 1, 15).await;
    assert_eq!(desk.verdict(&whole, &[])["result"], "OK");

    let tamper = |change: &dyn Fn(&Path)| {
        let copy = desk.copy(&whole);
        change(&copy);
        copy
    };
    // A payload that the hold kept; one after the range; the lists.
    let gone = |revision: usize| move |b: &Path| edit_payload(b, revision, |line| line["context"] = Value::Null);
    desk.fails(&tamper(&gone(5)), "missing", Some(5));
    desk.fails(&tamper(&gone(14)), "missing", Some(14));
    let unlist = |b: &Path, line: usize| edit_lines(b, "accounts.jsonl", |lines| drop(lines.remove(line)));
    desk.fails(&tamper(&|b| unlist(b, 1)), "missing", Some(1));
    desk.fails(&tamper(&|b| unlist(b, 0)), "missing", Some(14));
    desk.fails(&tamper(&|b| fs::remove_file(b.join("accounts.jsonl")).unwrap()), "bundle", None);
    let wider = |b: &Path| edit(b, "accounts.jsonl", |text| text.replace("1..13", "1..14"));
    desk.fails(&tamper(&wider), "bundle", None);
    let foreign = |b: &Path| {
        let entries = fs::read_to_string(b.join(ENTRIES)).unwrap();
        let line = json!({"entry": entries.lines().next().unwrap(), "path": []});
        edit(b, "accounts.jsonl", |text| format!("{text}{line}\n"));
    };
    desk.fails(&tamper(&foreign), "bundle", None);
}

#[tokio::test]
async fn a_bundle_of_many_parts_verifies() {
    let stand = Stand::sqlite().await;
    let desk = Desk::new();
    let appends = (0..9_000).map(|_| ledger::record(&stand, "auth.login"));
    futures_util::future::join_all(appends).await;
    let signed = ledger::sign(&stand, &desk.keys, ledger::on_demand(), Vec::new(), None);
    signed.cover(9_001).await;
    let log = Log::of(&stand.store);
    let bundle = desk.export(&log, 1, 9_001).await;
    assert!(bundle.join("entries-0000000000008193.jsonl").exists());
    assert_eq!(desk.verdict(&bundle, &[])["result"], "OK");
    fs::remove_file(bundle.join("payloads-0000000000004097.jsonl")).unwrap();
    desk.fails(&bundle, "gap", Some(4_097));
    let middle = desk.export(&log, 4_000, 5_000).await;
    assert!(matches!(verify(&middle, &desk.keys.trusted(), &[], &|_| {}).unwrap(), Verdict::Ok(_)));
}

fn leaf_hash(entry: &str) -> String {
    let bytes = [&[0], entry.as_bytes()].concat();
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes))
}
