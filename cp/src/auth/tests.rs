use std::time::Duration;

use portolan_eventstore::txn::{Delete, Op, Txn};
use portolan_eventstore::{EventStore, Options};
use portolan_rt::clock::ManualClock;
use portolan_rt::task::Supervisor;

use super::*;

/// Whoever shows a token or session, or is a user, that is not there (any more).
fn lost(shown: Option<&str>, user: Option<&str>) -> Caller {
    let actor = crate::origin::anonymous();
    let origin = Origin::of(&http::Extensions::new());
    let (shown, user) = (shown.map(str::to_owned), user.map(str::to_owned));
    Caller { actor, roles: vec![Role::Admin], origin, group: None, user, session: None, shown }
}

#[tokio::test]
async fn nothing_is_done_for_whom_the_right_was_taken_from_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("log.db").display());
    let supervisor = Supervisor::new();
    let clock = std::sync::Arc::new(ManualClock::new(1));
    let store = EventStore::open(Options { url, clock }, &supervisor).await.unwrap();
    let intents: [fn() -> Intent; 3] = [
        || Intent::Record,
        || Intent::Txn(Txn::of(vec![Op::Delete(Delete::key("/a"))])),
        || Intent::Decide(Box::new(|_| Decision::Record)),
    ];
    for intent in intents {
        let decision = |caller: Caller| {
            let Intent::Decide(decide) = caller.proposal("test", intent()).intent else { panic!("not decided") };
            store.read(|view| decide(view))
        };
        assert!(
            matches!(decision(lost(Some("/portolan/tokens/gone"), None)), Decision::Refuse(refusal) if refusal.message == LOST)
        );
        assert!(matches!(decision(lost(None, Some("gone"))), Decision::Refuse(_)));
        assert!(!matches!(decision(lost(None, None)), Decision::Refuse(_)), "a key of the configuration stands");
    }
    supervisor.shutdown().request();
    supervisor.run(Duration::from_secs(20)).await.unwrap();
}
