//! Data planes of one gateway group: each has keys of its own under `/apisix/data_plane/`, and knows nothing of the others'.

use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::response_op::Response;
use portolan_etcd_proto::etcdserverpb::{
    Compare, DeleteRangeRequest, LeaseGrantRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest, PutRequest,
    RangeRequest, RequestOp, TxnRequest,
};

use crate::client::{Client, create, events, revision, text};
use crate::gateway::metrics;
use crate::server::Server;

/// What one of ours writes about itself.
const REPORT: &str = "/apisix/data_plane/instances/1";
const ALL: (&str, &str) = ("/apisix/", "/apisix0");
const STATUS: (&str, &str) = ("/apisix/data_plane/", "/apisix/data_plane0");

async fn report(client: &Client, value: &str) -> (i64, Option<String>) {
    let lease = client.lease().lease_grant(LeaseGrantRequest { id: 0, ttl: 600 }).await.unwrap().into_inner().id;
    let request = PutRequest {
        key: REPORT.into(),
        value: value.to_owned().into(),
        lease,
        prev_kv: true,
        ..PutRequest::default()
    };
    let answer = client.kv().put(request).await.unwrap().into_inner();
    (lease, answer.prev_kv.map(|kv| text(&kv.value)))
}

async fn values(client: &Client, (key, range_end): (&str, &str)) -> Vec<String> {
    client.range(key, range_end).await.kvs.iter().map(|kv| text(&kv.value)).collect()
}

#[tokio::test]
async fn each_reads_its_own_keys_and_no_others() {
    let server = Server::start().await;
    let (admin, a, b) = (server.admin(), server.instance("eu", "a"), server.instance("eu", "b"));
    for key in ["consumers/jack", "data_plane", "data_plane/server_info/x", "data_plane0", "routes/1"] {
        admin.put(&format!("/portolan/groups/eu/{key}"), key).await;
    }
    let before = admin.range("x", "").await.header.unwrap().revision;
    assert_eq!(report(&a, "a's").await.1, None);
    assert_eq!(report(&b, "b's").await.1, None, "the same key, and not the same");
    assert_eq!(report(&b, "b's second").await.1.as_deref(), Some("b's"));

    for (client, own) in [(&a, "a's"), (&b, "b's second")] {
        let all = ["consumers/jack", "data_plane", own, "data_plane0", "routes/1"];
        // However it is asked for.
        for range in [ALL, ("/apisix", "/apisiy"), ("\0", "\0"), ("/", "\0")] {
            assert_eq!(values(client, range).await, all, "{range:?}");
        }
        assert_eq!(values(client, STATUS).await, [own]);
        assert_eq!(values(client, (REPORT, "")).await, [own]);
        assert_eq!(client.range("\0", "\0").await.count, 5);
        let ask = |change: fn(&mut RangeRequest)| {
            let mut request = RangeRequest { key: "\0".into(), range_end: "\0".into(), ..RangeRequest::default() };
            change(&mut request);
            async { client.kv().range(request).await.unwrap().into_inner() }
        };
        let page = ask(|range| range.limit = 3).await;
        assert_eq!((page.kvs.len(), page.more, page.count), (3, true, 5));
        assert_eq!(text(&page.kvs[2].key), REPORT);
        let last = ask(|range| (range.limit, range.sort_order, range.sort_target) = (1, 2, 3)).await;
        assert_eq!(text(&last.kvs[0].value), own, "the newest of all");
        let past =
            RangeRequest { revision: before, key: "\0".into(), range_end: "\0".into(), ..RangeRequest::default() };
        assert_eq!(client.kv().range(past).await.unwrap().into_inner().count, 4, "before anybody reported");
        // Not by their stored names either.
        for name in ["a", "b"] {
            let stored = format!("data_plane/by/{name}/instances/1");
            assert!(values(client, (&format!("/apisix/{stored}"), "")).await.is_empty());
            assert!(values(client, (&format!("/portolan/groups/eu/{stored}"), "")).await.is_empty());
        }
    }
    // An administrator sees who wrote what.
    let stored = admin.keys("/portolan/groups/eu/data_plane/by/", "/portolan/groups/eu/data_plane/by0").await;
    let under = |name: &str| format!("/portolan/groups/eu/data_plane/by/{name}/instances/1");
    assert_eq!(stored, [under("a"), under("b")]);
    // Who shares a name but not the group is somebody else.
    assert!(values(&server.instance("us", "a"), ALL).await.is_empty());
}

#[tokio::test]
async fn transactions_and_deletes_stay_with_ones_own() {
    let server = Server::start().await;
    let (admin, a, b) = (server.admin(), server.instance("default", "a"), server.instance("default", "b"));
    admin.put("/apisix/routes/1", "r").await;
    report(&a, "a's").await;
    let read = RequestOp {
        request: Some(Request::RequestRange(RangeRequest {
            key: "\0".into(),
            range_end: "\0".into(),
            ..RangeRequest::default()
        })),
    };
    let txn = |compare: Vec<Compare>, success: Vec<RequestOp>| TxnRequest { compare, success, failure: Vec::new() };
    let existed = |range: (&'static str, &'static str)| Compare {
        key: range.0.into(),
        range_end: range.1.into(),
        result: CompareResult::Greater.into(),
        target: CompareTarget::Create.into(),
        target_union: Some(TargetUnion::CreateRevision(0)),
    };
    for (client, range, holds) in
        [(&a, (REPORT, ""), true), (&b, (REPORT, ""), false), (&a, STATUS, true), (&b, STATUS, false), (&b, ALL, true)]
    {
        let answer = client.kv().txn(txn(vec![existed(range)], vec![read.clone()])).await.unwrap().into_inner();
        assert_eq!(answer.succeeded, holds, "{range:?}");
    }
    // Every key in a range must satisfy: a mate's newer one is none of them.
    let old = |client: &Client| {
        let compare = Compare {
            result: CompareResult::Less.into(),
            target: CompareTarget::Mod.into(),
            target_union: Some(TargetUnion::ModRevision(3)),
            ..existed(ALL)
        };
        let (mut kv, request) = (client.kv(), txn(vec![compare], vec![read.clone()]));
        async move { kv.txn(request).await.unwrap().into_inner() }
    };
    assert!(!old(&a).await.succeeded);
    let answer = old(&b).await;
    assert!(answer.succeeded);
    let Some(Response::ResponseRange(range)) = &answer.responses[0].response else { panic!("{answer:?}") };
    assert_eq!((range.count, text(&range.kvs[0].key)), (1, "/apisix/routes/1".to_owned()));

    report(&b, "b's").await;
    let delete = DeleteRangeRequest { key: STATUS.0.into(), range_end: STATUS.1.into(), prev_kv: true };
    let gone = b.kv().delete_range(delete.clone()).await.unwrap().into_inner();
    assert_eq!((gone.deleted, text(&gone.prev_kvs[0].value)), (1, "b's".to_owned()));
    assert_eq!(text(&gone.prev_kvs[0].key), REPORT);
    assert_eq!(values(&a, STATUS).await, ["a's"]);
    let in_txn = RequestOp { request: Some(Request::RequestDeleteRange(delete)) };
    let gone = a.kv().txn(txn(Vec::new(), vec![in_txn])).await.unwrap().into_inner();
    let Some(Response::ResponseDeleteRange(gone)) = &gone.responses[0].response else { panic!("{gone:?}") };
    assert_eq!(gone.deleted, 1);
    assert!(admin.keys("/apisix/data_plane/", "/apisix/data_plane0").await.is_empty());
}

#[tokio::test]
async fn a_watch_tells_of_ones_own_only() {
    let server = Server::start().await;
    let (admin, a, b) = (server.admin(), server.instance("eu", "a"), server.instance("eu", "b"));
    let (mut watch_a, mut watch_b) = (a.watch(), b.watch());
    let prev_kv = |start| portolan_etcd_proto::etcdserverpb::WatchCreateRequest {
        prev_kv: true,
        ..create("/apisix", "/apisiy", start)
    };
    watch_a.create(prev_kv(0)).await;
    watch_b.create(prev_kv(0)).await;
    let (lease, _) = report(&a, "1").await;
    report(&a, "2").await;
    a.lease().lease_revoke(LeaseRevokeRequest { id: lease }).await.unwrap();
    a.delete(REPORT, "").await;
    admin.put("/portolan/groups/eu/routes/1", "r").await;
    let key = REPORT;
    let mine = [
        (format!("PUT {key}=1@2"), None),
        (format!("PUT {key}=2@3"), Some("1")),
        (format!("DELETE {key}@4"), Some("2")),
    ];
    for (event, before) in &mine {
        let told = watch_a.next().await;
        assert_eq!(events(&told), std::slice::from_ref(event));
        let prev = told.events[0].prev_kv.as_ref();
        assert_eq!(prev.map(|kv| text(&kv.value)).as_deref(), *before);
        assert!(prev.is_none_or(|kv| text(&kv.key) == key));
    }
    for watch in [&mut watch_a, &mut watch_b] {
        assert_eq!(events(&watch.next().await), ["PUT /apisix/routes/1=r@5"]);
    }
    // From the past on, and asked for exactly.
    for (client, expected) in [(&a, mine.len()), (&b, 0)] {
        for (key, end) in [(REPORT, ""), STATUS] {
            let mut watch = client.watch();
            watch.create(create(key, end, 1)).await;
            watch.ask_progress().await;
            let mut told = Vec::new();
            loop {
                let next = watch.next().await;
                if next.events.is_empty() {
                    assert_eq!(revision(&next), 5, "progress goes on through what was not shown");
                    break;
                }
                told.extend(events(&next));
            }
            assert_eq!(told.len(), expected, "{key} {end}: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_lease_shows_only_keys_that_its_owner_sees() {
    let server = Server::start().await;
    let (admin, a) = (server.admin(), server.instance("eu", "a"));
    let (lease, _) = report(&a, "1").await;
    // An administrator may hang anything on it.
    for key in ["/x", "/portolan/groups/eu/routes/1", "/portolan/groups/eu/data_plane/by/b/x"] {
        let request = PutRequest { key: key.into(), lease, ..PutRequest::default() };
        admin.kv().put(request).await.unwrap();
    }
    let ask = LeaseTimeToLiveRequest { id: lease, keys: true };
    let mut keys = a.lease().lease_time_to_live(ask).await.unwrap().into_inner().keys;
    keys.sort();
    assert_eq!(keys, ["/apisix/data_plane/instances/1", "/apisix/routes/1"]);
    assert_eq!(admin.lease().lease_time_to_live(ask).await.unwrap().into_inner().keys.len(), 4);
    // And it may not take away what it may not write.
    let refused = a.lease().lease_revoke(LeaseRevokeRequest { id: lease }).await.unwrap_err();
    assert_eq!(refused.message(), "etcdserver: requested lease not found");
    assert_eq!(admin.range("/x", "").await.count, 1);
}

/// Each of them watches everything that it may see, as they do, and reports: nobody hears of the others' reports.
#[tokio::test]
async fn many_that_report_cost_one_delivery_each() {
    const COUNT: usize = 40;
    let server = Server::start().await;
    let mut planes = Vec::new();
    for number in 0..COUNT {
        let client = server.instance("eu", &format!("dp-{number}"));
        let mut watch = client.watch();
        watch.create(create(ALL.0, ALL.1, 0)).await;
        planes.push((client, watch));
    }
    for (client, _) in &planes {
        report(client, "here").await;
    }
    let last = server.admin().put("/portolan/groups/eu/routes/1", "r").await;
    for (_, watch) in &mut planes {
        let own = watch.next().await;
        assert_eq!(own.events.len(), 1);
        assert_eq!(text(&own.events[0].kv.as_ref().unwrap().key), REPORT);
        assert_eq!(events(&watch.next().await), [format!("PUT /apisix/routes/1=r@{last}")]);
    }
    let (_, shown) = metrics(&server.json_admin()).await;
    let sent = format!("etcd_debugging_mvcc_events_total {}", 2 * COUNT);
    assert!(shown.lines().any(|line| line == sent), "{sent}\n{shown}");
}
