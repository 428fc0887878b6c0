//! The same watches over the JSON gateway, line by line.

use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{WatchCreateRequest, WatchRequest};
use portolan_testkit::raw::{Connection, Target};

use super::cases::put;
use super::step::Step;
use super::watches::{END, watchers, write};
use super::{Both, Face};
use crate::client::create;
use crate::json::{self, messages};

struct Lines(Connection);

async fn open(target: &Target, request: &WatchCreateRequest) -> Lines {
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(request.clone())) };
    let body = json::spelled(&messages::WATCH_REQUEST, &request).to_string();
    let mut connection = Connection::open(target).await.unwrap();
    let head = json::ask(&mut connection, target, "/v3/watch", body.as_bytes()).await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
    Lines(connection)
}

impl Lines {
    async fn next(&mut self) -> String {
        let chunk = String::from_utf8(self.0.chunk().await.unwrap().expect("the stream goes on")).unwrap();
        assert!(chunk.ends_with('\n') && chunk.matches('\n').count() == 1, "a chunk is a line: {chunk:?}");
        json::stripped(chunk.trim_end())
    }

    async fn until_end(&mut self) -> Vec<String> {
        let end = json::base64(END.as_bytes());
        let mut lines = Vec::new();
        loop {
            lines.push(self.next().await);
            if lines.last().unwrap().contains(&end) {
                return lines;
            }
        }
    }
}

#[tokio::test]
async fn synced_watchers_see_the_same_lines() {
    let both = Both::over(Face::Json).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for request in watchers(0) {
        let (mut our, mut their) = (open(&both.our_json, &request).await, open(&both.their_json, &request).await);
        assert_eq!(our.next().await, their.next().await, "{request:?}");
        ours.push(our);
        theirs.push(their);
    }
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    for (our, their) in ours.iter_mut().zip(&mut theirs) {
        assert_eq!(our.until_end().await, their.until_end().await);
    }
}

#[tokio::test]
async fn watchers_of_the_past_see_the_same_lines() {
    let both = Both::over(Face::Json).await;
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    for start in [1, 4, 9] {
        for request in watchers(start) {
            let (mut our, mut their) = (open(&both.our_json, &request).await, open(&both.their_json, &request).await);
            assert_eq!(our.until_end().await, their.until_end().await, "{request:?}");
        }
    }
}

#[tokio::test]
async fn refused_watchers_and_compaction() {
    let both = Both::over(Face::Json).await;
    write(&both).await;
    both.same(Step::Put(put(END, ""))).await;
    both.same(Step::Compact(8)).await;
    for request in [create("b", "a", 0), create("b", "a", 5)] {
        let (mut our, mut their) = (open(&both.our_json, &request).await, open(&both.their_json, &request).await);
        assert_eq!(our.next().await, their.next().await, "{request:?}");
    }
    for start in [1, 7] {
        let request = create("a", "\0", start);
        let (mut our, mut their) = (open(&both.our_json, &request).await, open(&both.their_json, &request).await);
        assert_eq!(our.next().await, their.next().await, "{request:?}");
        assert_eq!(our.next().await, their.next().await, "{request:?}");
    }
}
