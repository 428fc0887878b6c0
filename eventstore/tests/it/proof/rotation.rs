//! Another key takes over: what was signed before stays verifiable, and the old key's last word is on the event that names the new one.

use std::sync::Arc;

use parking_lot::Mutex;
use portolan_eventstore::proof::{
    self, Checkpoint, Keys as Held, Log, PUBLISHED, Renew, Signing, Verifier, verify_store,
};
use portolan_rt::task::Supervisor;
use serde_json::json;

use super::desk::Desk;
use super::ledger::{self, Keys, Signed, on_demand};
use crate::stand::{self, Stand};

/// The store's secrets, as far as signing needs them: the key in force, and those before it.
type Vault = Arc<Mutex<Vec<Arc<Keys>>>>;

fn held(vault: &Vault) -> Held {
    let keys = vault.lock();
    let previous = keys[1..].iter().map(|keys| Verifier::parse(&keys.vkey).unwrap()).collect();
    Held { signer: keys[0].signer(), previous }
}

fn sign(stand: &Stand, vault: &Vault) -> Signed {
    let supervisor = Supervisor::new();
    let source = vault.clone();
    let renew: Renew = Box::new(move || {
        let keys = held(&source);
        Box::pin(async move { Ok(keys) })
    });
    let signing = Signing { keys: held(vault), renew: Some(renew), sinks: Vec::new(), pace: on_demand(), status: None };
    Signed { checkpoints: proof::start(&stand.store, signing, &supervisor), supervisor }
}

/// Names the key in the log, as an event.
async fn publish(stand: &Stand, vault: &Vault) -> i64 {
    let keys: Vec<String> = vault.lock().iter().map(|keys| keys.vkey.clone()).collect();
    let value = json!({"origin": ledger::ORIGIN, "key": keys[0], "previous": keys[1..]});
    stand::put(&stand.store, PUBLISHED, &value.to_string()).await
}

async fn rotate(stand: &Stand, vault: &Vault) -> i64 {
    vault.lock().insert(0, Arc::new(Keys::new()));
    publish(stand, vault).await
}

async fn last(stand: &Stand) -> String {
    ledger::notes(&stand.url).await.pop().unwrap()
}

fn opens(note: &str, keys: &Keys) -> bool {
    Checkpoint::open(note, &keys.trusted()).is_ok()
}

#[tokio::test]
async fn another_key_takes_over_and_the_old_one_vouches_for_it() {
    for stand in [Stand::sqlite().await, Stand::postgres().await, Stand::mysql().await] {
        let old = Arc::new(Keys::new());
        let vault: Vault = Arc::new(Mutex::new(vec![old.clone()]));
        let signed = sign(&stand, &vault);
        let first = publish(&stand, &vault).await;
        signed.cover(first).await;
        assert!(opens(&last(&stand).await, &old));

        let rotated = rotate(&stand, &vault).await;
        let new = vault.lock()[0].clone();
        signed.cover(rotated).await;
        let bridge = last(&stand).await;
        assert!(opens(&bridge, &old) && opens(&bridge, &new), "{bridge}");
        ledger::record(&stand, "auth.login").await;
        signed.cover(rotated + 1).await;
        let later = last(&stand).await;
        assert!(!opens(&later, &old) && opens(&later, &new), "{later}");
        drop(signed);

        // A start with the new key goes on from what the old one signed; a second change is like the first.
        let signed = sign(&stand, &vault);
        let again = rotate(&stand, &vault).await;
        signed.cover(again).await;
        let newest = vault.lock()[0].clone();
        assert!(opens(&last(&stand).await, &new) && opens(&last(&stand).await, &newest));

        let log = Log::open(&stand.url).await.unwrap();
        let named: Vec<String> = vault.lock().iter().map(|keys| keys.vkey.clone()).collect();
        assert_eq!(log.published_keys().await.unwrap(), named);
        let all = [&*newest, &*new, &*old];
        let trusted: Vec<Verifier> = all.iter().flat_map(|keys| keys.trusted()).collect();
        let verdict = verify_store(&log, &trusted, &[], &|_| {}).await.unwrap();
        assert!(verdict.is_ok(), "{verdict}");

        // Both verifiers: all keys for all of it, the old key up to its last word, no stranger for anything.
        let desk = Desk::trusting(&all);
        let whole = desk.export(&log, 1, again).await;
        assert_eq!(desk.verdict(&whole, &[])["result"], "OK");
        let alone = Desk::trusting(&[&old]);
        assert_eq!(alone.verdict(&alone.export(&log, 1, rotated).await, &[])["result"], "OK");
        for keys in [&old, &new, &newest] {
            Desk::trusting(&[keys]).fails(&whole, "checkpoint", None);
        }
        Desk::trusting(&[&Keys::new()]).fails(&whole, "checkpoint", None);
    }
}

#[tokio::test]
async fn every_replica_takes_the_new_key_over() {
    let stand = Stand::postgres().await;
    let vault: Vault = Arc::new(Mutex::new(vec![Arc::new(Keys::new())]));
    let signers = [sign(&stand, &vault), sign(&stand, &vault)];
    let first = publish(&stand, &vault).await;
    for signer in &signers {
        signer.cover(first).await;
    }
    let rotated = rotate(&stand, &vault).await;
    let new = vault.lock()[0].clone();
    for (at, signer) in (rotated..).zip(signers.iter().chain(&signers)) {
        signer.cover(at).await;
        assert!(opens(&last(&stand).await, &new), "{at}");
        ledger::record(&stand, "auth.login").await;
    }
}
