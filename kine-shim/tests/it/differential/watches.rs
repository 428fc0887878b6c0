//! The same watches on both sides over the same writes.

use std::collections::BTreeMap;

use portolan_etcd_proto::etcdserverpb::{WatchCreateRequest, WatchResponse};

use super::Both;
use super::cases::{delete, op, put};
use super::step::{Step, strip};
use crate::client::{Client, Watch, create};
use portolan_etcd_proto::etcdserverpb::TxnRequest;
use portolan_etcd_proto::etcdserverpb::request_op::Request;

/// A key that every watcher of a test watches last.
pub const END: &str = "z-end";

/// What each watcher was sent, in its order; watchers among each other have none.
type Seen = BTreeMap<i64, Vec<WatchResponse>>;

async fn open(client: &Client, requests: &[WatchCreateRequest]) -> (Watch, Vec<WatchResponse>) {
    let mut watch = client.watch();
    let mut created = Vec::new();
    for request in requests {
        let mut answer = watch.create(request.clone()).await;
        strip(&mut answer.header);
        created.push(answer);
    }
    (watch, created)
}

/// Reads until `watchers` of them have seen the end.
async fn until_end(watch: &mut Watch, watchers: usize) -> Seen {
    let mut seen = Seen::new();
    let mut ended = 0;
    while ended < watchers {
        let mut response = watch.next().await;
        strip(&mut response.header);
        ended += usize::from(response.events.iter().any(|event| event.kv.as_ref().unwrap().key == END));
        seen.entry(response.watch_id).or_default().push(response);
    }
    seen
}

pub async fn write(both: &Both) {
    let txn = TxnRequest {
        success: vec![
            op(Request::RequestPut(put("b", "t"))),
            op(Request::RequestDeleteRange(delete("c", "e"))),
            op(Request::RequestPut(put("a", "t"))),
        ],
        ..TxnRequest::default()
    };
    for step in [
        Step::Put(put("a", "1")),
        Step::Put(put("c", "1")),
        Step::Put(put("d", "1")),
        Step::Put(put("a", "2")),
        Step::Txn(txn),
        Step::Delete(delete("a", "")),
        Step::Delete(delete("a", "")),
        Step::Put(put("a", "3")),
        Step::Put(put("x", "1")),
    ] {
        both.same(step).await;
    }
}

pub fn watchers(start: i64) -> Vec<WatchCreateRequest> {
    let all = create("a", "z\u{7f}", start);
    let from = |key: &str, end: &str| WatchCreateRequest {
        key: key.to_owned().into(),
        range_end: end.to_owned().into(),
        ..all.clone()
    };
    vec![
        all.clone(),
        WatchCreateRequest { prev_kv: true, ..all.clone() },
        WatchCreateRequest { filters: vec![1], ..all.clone() },
        WatchCreateRequest { watch_id: 4711, ..all.clone() },
        from("x", "\0"),
        from("\0", "\0"),
        from("", "\0"),
        WatchCreateRequest { fragment: true, prev_kv: true, ..all },
    ]
}

#[tokio::test]
async fn synced_watchers_see_the_same() {
    let both = Both::start().await;
    let requests = watchers(0);
    let (mut ours, our_created) = open(&both.ours, &requests).await;
    let (mut theirs, their_created) = open(&both.theirs, &requests).await;
    assert_eq!(our_created, their_created);
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    let (ours, theirs) = (until_end(&mut ours, requests.len()).await, until_end(&mut theirs, requests.len()).await);
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn watchers_of_the_past_see_the_same() {
    let both = Both::start().await;
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    for start in [1, 2, 4, 6, 9] {
        let requests = watchers(start);
        let (mut ours, our_created) = open_all(&both.ours, &requests).await;
        let (mut theirs, their_created) = open_all(&both.theirs, &requests).await;
        assert_eq!(our_created, their_created);
        assert_eq!(
            ours.drain_until_end(requests.len()).await,
            theirs.drain_until_end(requests.len()).await,
            "from {start}"
        );
    }
}

/// As [`open`], where events may come between the answers.
struct Opened {
    watch: Watch,
    early: Vec<WatchResponse>,
}

async fn open_all(client: &Client, requests: &[WatchCreateRequest]) -> (Opened, Vec<WatchResponse>) {
    let watch = client.watch();
    for request in requests {
        watch
            .send(portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion::CreateRequest(request.clone()))
            .await;
    }
    let mut opened = Opened { watch, early: Vec::new() };
    let mut created = Vec::new();
    while created.len() < requests.len() {
        let mut response = opened.watch.next().await;
        strip(&mut response.header);
        if response.created { created.push(response) } else { opened.early.push(response) }
    }
    (opened, created)
}

impl Opened {
    async fn drain_until_end(&mut self, watchers: usize) -> Seen {
        let is_end =
            |response: &WatchResponse| response.events.iter().any(|event| event.kv.as_ref().unwrap().key == END);
        let mut seen = Seen::new();
        let mut ended = 0;
        while ended < watchers {
            let response = match self.early.is_empty() {
                false => self.early.remove(0),
                true => {
                    let mut response = self.watch.next().await;
                    strip(&mut response.header);
                    response
                }
            };
            ended += usize::from(is_end(&response));
            seen.entry(response.watch_id).or_default().push(response);
        }
        seen
    }
}

#[tokio::test]
async fn a_future_start_sees_nothing_before_it() {
    let both = Both::start().await;
    let requests = [create("a", "z\u{7f}", 8), create("a", "z\u{7f}", 0)];
    let (mut ours, our_created) = open(&both.ours, &requests).await;
    let (mut theirs, their_created) = open(&both.theirs, &requests).await;
    assert_eq!(our_created, their_created);
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    assert_eq!(until_end(&mut ours, 2).await, until_end(&mut theirs, 2).await);
}

#[tokio::test]
async fn refused_watchers_and_ids() {
    let both = Both::start().await;
    both.same(Step::Put(put("a", "1"))).await;
    let with_id = |watch_id| WatchCreateRequest { watch_id, ..create("a", "", 0) };
    let requests = [
        create("b", "a", 0),
        create("a", "a", 0),
        with_id(0),
        with_id(1),
        with_id(1),
        with_id(0),
        with_id(-7),
        with_id(0),
        create("b", "a", 5),
    ];
    let (mut ours, our_created) = open(&both.ours, &requests).await;
    let (mut theirs, their_created) = open(&both.theirs, &requests).await;
    assert_eq!(our_created, their_created);
    for watch in [&mut ours, &mut theirs] {
        watch.cancel(999).await;
        watch.cancel(0).await;
        watch.cancel(1).await;
        watch.ask_progress().await;
    }
    let (mut our, mut their) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        for (watch, all) in [(&mut ours, &mut our), (&mut theirs, &mut their)] {
            let mut response = watch.next().await;
            strip(&mut response.header);
            all.push(response);
        }
    }
    // From 3.5 on etcd's word about progress may overtake that about the watchers that end.
    their.sort_by_key(|response| !response.canceled);
    assert_eq!(our, their);
    // A canceled id may be taken again; the stream's own ids go on.
    for request in [with_id(1), with_id(0)] {
        let (mut our, mut their) = (ours.create(request.clone()).await, theirs.create(request).await);
        strip(&mut our.header);
        strip(&mut their.header);
        assert_eq!(our, their);
    }
}

#[tokio::test]
async fn a_compacted_start_is_canceled_and_the_compacted_revision_itself_is_not() {
    let both = Both::start().await;
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    // Revision 8 deletes nothing: etcd 3.4 forgets the deletes of the compacted revision itself, later versions and we do not.
    both.same(Step::Compact(8)).await;
    for (start, prev_kv) in [(7, false), (1, true)] {
        let request = [WatchCreateRequest { prev_kv, ..create("a", "\0", start) }];
        let (mut ours, our_created) = open(&both.ours, &request).await;
        let (mut theirs, their_created) = open(&both.theirs, &request).await;
        assert_eq!(our_created, their_created);
        let (mut our, their) = (ours.next().await, theirs.next().await);
        assert_eq!((our.canceled, our.compact_revision), (true, 8));
        let (header, their_header) = (our.header.as_mut().unwrap(), their.header.as_ref().unwrap());
        (header.cluster_id, header.member_id, header.raft_term) =
            (their_header.cluster_id, their_header.member_id, their_header.raft_term);
        assert_eq!(our, their);
    }
    let request = [WatchCreateRequest { prev_kv: true, ..create("a", "\0", 8) }];
    let (mut ours, _) = open(&both.ours, &request).await;
    let (mut theirs, _) = open(&both.theirs, &request).await;
    assert_eq!(until_end(&mut ours, 1).await, until_end(&mut theirs, 1).await);
}
