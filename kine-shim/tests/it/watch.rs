//! Watch streams: resuming, falling behind, progress, fragments, ends. What one watcher sees is in `differential.rs`.

use std::sync::Arc;
use std::time::Duration;

use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{PutRequest, RequestOp, TxnRequest, WatchCreateRequest};
use portolan_kine_shim::Settings;
use tonic::Code;

use crate::client::{create, events, revision};
use crate::server::{AcceptAll, Server};

fn put(key: String, size: usize) -> PutRequest {
    PutRequest { key: key.into(), value: vec![b'x'; size].into(), ..PutRequest::default() }
}

#[tokio::test]
async fn a_watch_resumes_where_it_was() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut watch = admin.watch();
    let created = watch.create(create("a", "b", 0)).await;
    assert_eq!(revision(&created), 1);
    admin.put("a1", "1").await;
    let seen = watch.next().await;
    assert_eq!((revision(&seen), events(&seen)), (2, vec!["PUT a1=1@2".to_owned()]));
    drop(watch);
    for (key, value) in [("a2", "2"), ("b", "unseen"), ("a1", "3")] {
        admin.put(key, value).await;
    }
    let mut watch = admin.watch();
    watch.create(create("a", "b", 3)).await;
    let seen = watch.next().await;
    assert_eq!(events(&seen), ["PUT a2=2@3", "PUT a1=3@5"]);
    assert_eq!(revision(&seen), 5);
    admin.put("a1", "4").await;
    assert_eq!(events(&watch.next().await), ["PUT a1=4@6"], "and goes on");
}

#[tokio::test]
async fn a_slow_watcher_keeps_its_place() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut watch = admin.watch();
    watch.create(create("a", "b", 0)).await;
    // Far more than the windows of HTTP/2 hold, while nobody reads.
    const WRITES: i64 = 400;
    for _ in 0..WRITES {
        admin.kv().put(put("a".to_owned(), 20_000)).await.unwrap();
    }
    let (mut next, mut last) = (2, 0);
    while next < 2 + WRITES {
        let response = watch.next().await;
        for event in &response.events {
            assert_eq!(event.kv.as_ref().unwrap().mod_revision, next, "no event is lost or comes twice");
            next += 1;
        }
        assert!(revision(&response) >= next - 1 && revision(&response) >= last);
        last = revision(&response);
    }
    admin.put("a", "last").await;
    assert_eq!(events(&watch.next().await), [format!("PUT a=last@{next}")]);
}

#[tokio::test]
async fn catching_up_never_splits_a_revision() {
    let server = Server::start().await;
    let admin = server.admin();
    for round in 0..6 {
        let ops =
            (0..50).map(|n| RequestOp { request: Some(Request::RequestPut(put(format!("a{round}-{n:02}"), 8_000))) });
        admin.kv().txn(TxnRequest { success: ops.collect(), ..TxnRequest::default() }).await.unwrap();
    }
    let mut watch = admin.watch();
    watch.create(create("a", "b", 1)).await;
    let (mut count, mut responses) = (0, 0);
    while count < 300 {
        let response = watch.next().await;
        responses += 1;
        count += response.events.len();
        assert_eq!(response.events.len() % 50, 0, "whole revisions");
        assert!(!response.fragment);
        let last = response.events.last().unwrap().kv.as_ref().unwrap().mod_revision;
        assert!(revision(&response) >= last);
        if count < 300 {
            assert_eq!(revision(&response), last, "a resume from the header must not skip what is to come");
        }
    }
    assert!(responses > 1, "2.4 MB are not one response");
}

#[tokio::test]
async fn fragments_are_for_those_who_ask() {
    let server = Server::start().await;
    let admin = server.admin();
    let ops = (0..100).map(|n| RequestOp { request: Some(Request::RequestPut(put(format!("a{n:02}"), 14_000))) });
    admin.kv().txn(TxnRequest { success: ops.collect(), ..TxnRequest::default() }).await.unwrap();
    let ops = (0..100).map(|n| RequestOp { request: Some(Request::RequestPut(put(format!("a{n:02}"), 14_001))) });
    admin.kv().txn(TxnRequest { success: ops.collect(), ..TxnRequest::default() }).await.unwrap();
    let mut watch = admin.watch();
    watch.create(WatchCreateRequest { fragment: true, prev_kv: true, ..create("a", "b", 3) }).await;
    let (first, second) = (watch.next().await, watch.next().await);
    assert!(first.fragment && !second.fragment);
    assert_eq!(first.events.len() + second.events.len(), 100);
    assert_eq!((revision(&first), revision(&second)), (3, 3));
    let mut watch = admin.watch();
    watch.create(WatchCreateRequest { prev_kv: true, ..create("a", "b", 3) }).await;
    let whole = watch.next().await;
    assert_eq!((whole.fragment, whole.events.len()), (false, 100));
}

#[tokio::test]
async fn progress_comes_after_the_events() {
    let server = Server::start().await;
    let admin = server.admin();
    for _ in 0..10 {
        admin.put("a", "v").await;
    }
    let mut watch = admin.watch();
    watch.send(RequestUnion::CreateRequest(create("a", "", 1))).await;
    watch.send(RequestUnion::CreateRequest(create("none", "", 0))).await;
    watch.ask_progress().await;
    let mut delivered = 0;
    loop {
        let response = watch.next().await;
        delivered += response.events.len();
        if response.watch_id == -1 {
            assert!(response.events.is_empty());
            assert_eq!((delivered, revision(&response)), (10, 11));
            break;
        }
    }
    // A watcher that waits for the future has no progress: no answer, until it has come.
    watch.create(create("a", "", 14)).await;
    watch.ask_progress().await;
    admin.put("a", "v").await;
    assert_eq!(watch.next().await.watch_id, 0);
    admin.put("none", "v").await;
    assert_eq!(watch.next().await.watch_id, 1);
    watch.ask_progress().await;
    let progress = watch.next().await;
    assert_eq!((progress.watch_id, revision(&progress)), (-1, 13));
}

#[tokio::test]
async fn quiet_watchers_that_want_it_hear_of_progress() {
    let settings = Settings { progress_interval: Duration::from_millis(200), ..Settings::default() };
    let server = Server::start_with(Arc::new(AcceptAll), settings).await;
    let admin = server.admin();
    let mut watch = admin.watch();
    watch.create(WatchCreateRequest { progress_notify: true, ..create("a", "", 0) }).await;
    watch.create(create("b", "", 0)).await;
    admin.put("c", "v").await;
    loop {
        let response = watch.next().await;
        assert!(response.watch_id == 0 && response.events.is_empty(), "{response:?}");
        if revision(&response) == 2 {
            break;
        }
    }
}

#[tokio::test]
async fn filters_leave_events_out() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut watch = admin.watch();
    watch.create(WatchCreateRequest { filters: vec![0], ..create("a", "b", 0) }).await;
    watch.create(WatchCreateRequest { filters: vec![1], ..create("a", "b", 0) }).await;
    watch.create(WatchCreateRequest { filters: vec![0, 1], ..create("a", "b", 0) }).await;
    admin.put("a", "v").await;
    let seen = watch.next().await;
    assert_eq!((seen.watch_id, events(&seen)), (1, vec!["PUT a=v@2".to_owned()]));
    admin.delete("a", "").await;
    let seen = watch.next().await;
    assert_eq!((seen.watch_id, events(&seen)), (0, vec!["DELETE a@3".to_owned()]));
    admin.put("a", "w").await;
    assert_eq!(watch.next().await.watch_id, 1, "and nothing for the third");
}

#[tokio::test]
async fn a_client_that_asks_no_more_still_hears() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut watch = admin.watch();
    watch.create(create("a", "", 0)).await;
    let mut responses = watch.end_requests();
    admin.put("a", "v").await;
    let seen = tokio::time::timeout(crate::client::PATIENCE, responses.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(events(&seen), ["PUT a=v@2"]);
}

#[tokio::test]
async fn a_negative_start_is_compacted_as_in_later_versions() {
    let server = Server::start().await;
    let mut watch = server.admin().watch();
    let answer = watch.create(create("a", "", -1)).await;
    assert_eq!((answer.watch_id, answer.canceled), (-1, true));
    assert_eq!(answer.cancel_reason, "etcdserver: mvcc: required revision has been compacted");
}

#[tokio::test]
async fn streams_end_with_the_process() {
    let server = Server::start().await;
    let mut watch = server.admin().watch();
    watch.create(create("a", "", 0)).await;
    server.begin_shutdown();
    let status = watch.try_next().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}
