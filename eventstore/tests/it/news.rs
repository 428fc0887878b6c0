//! In which order those who wrote and those who watch hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::stand::Stand;

const PUTS: usize = 10;

#[tokio::test]
async fn who_wrote_has_the_answer_before_the_watchers_hear_of_it() {
    let stand = Stand::sqlite().await;
    let (mut head, heard) = (stand.store.head(), Arc::new(AtomicI64::new(0)));
    let note = heard.clone();
    #[expect(clippy::disallowed_methods, reason = "a watcher of the store, as there are in other crates")]
    tokio::spawn(async move {
        while head.changed().await.is_ok() {
            note.store(*head.borrow_and_update(), Ordering::SeqCst);
        }
    });
    let mut head = stand.store.head();
    let mut answered_first = 0;
    for _ in 0..PUTS {
        let revision = stand.put("k", "v").await;
        answered_first += usize::from(heard.load(Ordering::SeqCst) < revision);
        let told = head.wait_for(|head| *head >= revision);
        drop(tokio::time::timeout(Duration::from_secs(30), told).await.unwrap().unwrap());
    }
    // The follower looks now and then for itself, and may be the first.
    assert!(answered_first > PUTS / 2, "{answered_first} of {PUTS}");
}
