//! Places outside the database that checkpoints go to.

use std::fs;

use http::StatusCode;
use portolan_eventstore::proof::Sink;
use portolan_eventstore::proof::checkpoint::notes_of;
use portolan_testkit::upstream::{Reply, Upstream};

use super::ledger::{self, Keys, on_demand, sign, until};
use crate::stand::Stand;

#[tokio::test]
async fn a_file_takes_all_checkpoints_also_those_it_missed() {
    let (stand, keys, folder) = (Stand::sqlite().await, Keys::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("later/checkpoints");
    let signed = sign(&stand, &keys, on_demand(), vec![Sink::File(path.clone())], None);
    // The folder does not exist yet: the sink fails and tries again, a second later for the first time.
    signed.cover(1).await;
    fs::create_dir(folder.path().join("later")).unwrap();
    // These are signed by another replica; the next look of our own, which comes with each period, finds them.
    ledger::fill(&stand, &keys).await;
    signed.cover(13).await;
    let same = async |path: &std::path::Path| {
        let notes = ledger::notes(&stand.url).await;
        until(async || fs::read_to_string(path).is_ok_and(|text| notes_of(&text) == notes)).await;
    };
    same(&path).await;
    drop(signed);
    // A crash cut the last note off; it is written once more.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 100]).unwrap();
    let signed = sign(&stand, &keys, on_demand(), vec![Sink::File(path.clone())], None);
    ledger::record(&stand, "auth.login").await;
    signed.cover(14).await;
    let expected = ledger::notes(&stand.url).await;
    until(async || {
        let notes = notes_of(&fs::read_to_string(&path).unwrap());
        expected.iter().all(|note| notes.contains(note))
    })
    .await;
}

#[tokio::test]
async fn a_webhook_takes_checkpoints_in_order_and_misses_none() {
    let (stand, keys) = (Stand::sqlite().await, Keys::new());
    let receiver = Upstream::start(Reply::text("")).unwrap();
    let sink = || vec![Sink::Webhook(format!("http://{}/checkpoints?token=secret", receiver.address()))];
    let signed = sign(&stand, &keys, on_demand(), sink(), None);
    signed.cover(1).await;
    let arrived = async |expected: Vec<String>| {
        let mut bodies: Vec<String> = Vec::new();
        until(async || {
            for seen in receiver.take_seen() {
                assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/checkpoints"));
                assert_eq!(seen.headers["content-type"], "text/plain; charset=utf-8");
                bodies.push(String::from_utf8(seen.body.to_vec()).unwrap());
            }
            bodies.dedup();
            bodies == expected
        })
        .await;
    };
    arrived(ledger::notes(&stand.url).await).await;
    // The receiver is away for a while, and so is the control plane.
    receiver.set(Reply::text("").with_status(StatusCode::SERVICE_UNAVAILABLE));
    for revision in 2..5 {
        ledger::record(&stand, "auth.login").await;
        signed.cover(revision).await;
    }
    until(async || receiver.requests() > 1).await;
    drop(signed);
    let signed = sign(&stand, &keys, on_demand(), Vec::new(), None);
    ledger::record(&stand, "auth.login").await;
    signed.cover(5).await;
    drop(signed);
    receiver.set(Reply::text("").with_status(StatusCode::NO_CONTENT));
    drop(receiver.take_seen());
    let _signed = sign(&stand, &keys, on_demand(), sink(), None);
    arrived(ledger::notes(&stand.url).await[1..].to_vec()).await;
}

#[tokio::test]
async fn a_webhook_in_the_clear_is_refused() {
    let (stand, keys) = (Stand::sqlite().await, Keys::new());
    // 192.0.2.0/24 leads nowhere; the address is refused before anything is sent.
    let signed = sign(&stand, &keys, on_demand(), vec![Sink::Webhook("http://192.0.2.1/x".into())], None);
    signed.cover(1).await;
    assert_eq!(ledger::notes(&stand.url).await.len(), 1, "signing goes on without it");
}
