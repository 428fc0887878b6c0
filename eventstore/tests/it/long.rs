//! Looking events up in a log that is too long to look through.

use portolan_eventstore::EventStore;
use portolan_eventstore::read::EventQuery;

use crate::proof::raw::Raw;
use crate::stand::Stand;

/// Events of the log; its tree has one root, which nobody looks at here.
const EVENTS: i64 = 1 << 16;

/// A log whose event 7 has an action of its own, and whose event 5 failed.
async fn long() -> Stand {
    let stand = Stand::sqlite().await;
    let mut raw = Raw::connect(&stand.url).await;
    let entry = r#"CAST(printf('{"action":"%s","actor":{"auth_method":"none","id":"admin","kind":"user","roles":[]},"causation_revision":null,
        "changes":null,"event_id":"","gateway_group":null,"interface":"api","outcome":"%s","recorded_at":1,"request_id":"",
        "resource":null,"status":null,"trace_id":null}', action, outcome) AS BLOB)"#;
    raw.run(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EVENTS}),
           told AS (SELECT n, iif(n = 7, 'group.delete', 'route.update') AS action, iif(n = 5, 'failed', 'success') AS outcome FROM numbers)
         INSERT INTO events SELECT n, n, n, action, outcome, 'admin', 'user', NULL, NULL, NULL, '', NULL, {entry}, zeroblob(32) FROM told"
    ))
    .await;
    raw.run(&format!("UPDATE log_head SET revision = {EVENTS}, tree_frontier = zeroblob(32)")).await;
    stand.reopen().await
}

/// The revisions of all pages, and how many pages there were.
async fn all(store: &EventStore, mut query: EventQuery) -> (Vec<i64>, usize) {
    let mut found = Vec::new();
    for pages in 1.. {
        let page = store.events(&query).await.unwrap();
        found.extend(page.events.iter().map(|event| event.revision));
        query.before = page.next;
        if page.next.is_none() {
            return (found, pages);
        }
    }
    unreachable!("pages are not counted to their end")
}

#[tokio::test]
async fn a_page_that_finds_little_ends_and_says_where_to_go_on() {
    let stand = long().await;
    let query = EventQuery { limit: 50, ..EventQuery::default() };
    let some = |text: &str| Some(text.to_owned());
    let rare = EventQuery { action: some("group.delete"), ..query.clone() };
    assert_eq!(all(&stand.store, rare.clone()).await, (vec![7], 1), "its index leads there");
    assert_eq!(all(&stand.store, EventQuery { outcome: some("success"), ..rare.clone() }).await, (vec![7], 1));
    let failed = EventQuery { outcome: some("failed"), ..query.clone() };
    let (found, pages) = all(&stand.store, failed.clone()).await;
    assert_eq!((found, pages), (vec![5], 2), "it looks at some, then it says so");
    let (found, pages) = all(&stand.store, EventQuery { actor: some("admin"), ..failed.clone() }).await;
    assert_eq!((found, pages), (vec![5], 2), "the same when an index leads to too many");
    assert_eq!(all(&stand.store, EventQuery { after: Some(EVENTS - 5_000), ..failed }).await, (vec![], 1));
    let newest = EventQuery { after: Some(EVENTS - 1_100), limit: 500, ..query };
    let (found, pages) = all(&stand.store, newest).await;
    assert_eq!((found, pages), ((EVENTS - 1_099..=EVENTS).rev().collect(), 3));
}
