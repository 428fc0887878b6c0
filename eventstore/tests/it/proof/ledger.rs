//! A log with events of all kinds, signed where the test wants it.

use std::time::Duration;

use portolan_eventstore::proof::{self, Checkpoints, Log, Pace, Signer, Signing, Sink, Verifier};
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Context, Intent, KeyRange, Proposal, Refusal};
use portolan_rt::status::Component;
use portolan_rt::task::Supervisor;

use crate::stand::Stand;

pub const ORIGIN: &str = "example.com/audit/test";

/// A key pair as a control plane keeps it.
pub struct Keys {
    pub pkcs8: Vec<u8>,
    pub vkey: String,
}

impl Keys {
    pub fn new() -> Self {
        let (pkcs8, vkey) = Signer::generate(ORIGIN).unwrap();
        Self { pkcs8, vkey }
    }

    pub fn signer(&self) -> Signer {
        Signer::from_pkcs8(&self.pkcs8, ORIGIN).unwrap()
    }

    pub fn trusted(&self) -> Vec<Verifier> {
        vec![Verifier::parse(&self.vkey).unwrap()]
    }
}

/// A pace at which nothing is signed but what is asked for.
pub fn on_demand() -> Pace {
    Pace { events: i64::MAX / 2, period: Duration::from_secs(3600), idle: Duration::from_secs(1 << 40) }
}

/// Starts signing; ends with the supervisor's shutdown.
pub fn sign(stand: &Stand, keys: &Keys, pace: Pace, sinks: Vec<Sink>, status: Option<Component>) -> Signed {
    let supervisor = Supervisor::new();
    let keys = proof::Keys { signer: keys.signer(), previous: Vec::new() };
    let signing = Signing { keys, renew: None, sinks, pace, status };
    let checkpoints = proof::start(&stand.store, signing, &supervisor);
    Signed { checkpoints, supervisor }
}

/// A running signer.
pub struct Signed {
    pub checkpoints: Checkpoints,
    pub supervisor: Supervisor,
}

impl Signed {
    pub async fn cover(&self, revision: i64) {
        tokio::time::timeout(Duration::from_secs(20), self.checkpoints.cover(revision)).await.unwrap();
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        self.supervisor.shutdown().request_now();
    }
}

/// Fills a fresh log up to revision 13, with checkpoints of sizes 1, 4, 8 and 12.
pub async fn fill(stand: &Stand, keys: &Keys) {
    let signed = sign(stand, keys, on_demand(), Vec::new(), None);
    signed.cover(1).await;
    let put = |key: &str, value: &str| Op::Put(Put::new(key.to_owned(), value.to_owned()));
    write(stand, "route.create", vec![put("/apisix/routes/1", r#"{"uri":"/a"}"#)]).await; // 2
    write(stand, "etcd.txn", vec![put("/apisix/routes/1", "2"), put("b", "\u{20ac}")]).await;
    record(stand, "auth.login").await; // 4
    signed.cover(4).await;
    let refused = Intent::Refused(Refusal::invalid(400, "no \u{1f6a2} \"such\" route\n"));
    stand.store.append(Proposal::new(context(), "route.update", refused)).await.unwrap();
    let delete = Op::Delete(Delete { range: KeyRange::key("b"), prev_kv: false });
    write(stand, "etcd.delete_range", vec![delete]).await; // 6
    write(stand, "etcd.put", vec![put("c", "1")]).await;
    let mut rich = Proposal::new(context(), "group.rollback", Intent::Txn(Txn::of(vec![put("c", "2"), put("d", "1")])));
    rich.causation_revision = Some(7);
    stand.store.append(rich.in_group("default").on("route", "1")).await.unwrap(); // 8
    signed.cover(8).await;
    for n in 9..13 {
        write(stand, "etcd.put", vec![put(&format!("k{n}"), &n.to_string())]).await;
    }
    signed.cover(12).await;
    record(stand, "auth.logout").await; // 13
    assert_eq!(stand.store.revision(), 13);
}

pub async fn record(stand: &Stand, action: &str) {
    stand.store.append(Proposal::new(context(), action, Intent::Record)).await.unwrap();
}

async fn write(stand: &Stand, action: &str, ops: Vec<Op>) {
    stand.store.append(Proposal::new(context(), action, Intent::Txn(Txn::of(ops)))).await.unwrap();
}

fn context() -> Context {
    let mut context = Context::system();
    context.actor.id = "admin".into();
    context.source.ip = Some("192.0.2.7".into());
    context.reason = Some("because".into());
    context
}

/// The notes in the database, smallest first.
pub async fn notes(url: &str) -> Vec<String> {
    crate::proof::raw::Raw::connect(url).await.texts("SELECT note FROM checkpoints ORDER BY size").await
}

pub async fn open(url: &str) -> Log {
    Log::open(url).await.unwrap()
}

/// Waits for a condition; fails the test when it does not come.
pub async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let probe = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), probe).await.unwrap();
}
