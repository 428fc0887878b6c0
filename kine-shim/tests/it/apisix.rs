//! The sequence of calls that an APISIX data plane makes, byte for byte where it depends on the answers.

use std::time::Duration;

use portolan_etcd_proto::etcdserverpb::{CompactionRequest, PutRequest, RequestOp, TxnRequest, request_op::Request};
use portolan_testkit::apisix::{Apisix, DIRECTORIES, Heard, Watch};
use serde_json::{Value, json};

use crate::client::PATIENCE;
use crate::json::base64;
use crate::server::Server;

/// What the nginx master reads at start.
const EVERYTHING: &str = r#"{"count_only":false,"revision":0,"key":"L2FwaXNpeA==","min_create_revision":0,"max_create_revision":0,"max_mod_revision":0,"min_mod_revision":0,"range_end":"L2FwaXNpeQ==","limit":0,"sort_order":0,"sort_target":0,"serializable":false,"keys_only":false}"#;

fn header(server: &Server, revision: i64) -> String {
    let ids = ids(server);
    format!("{{{ids},\"revision\":\"{revision}\",\"raft_term\":\"1\"}}")
}

/// The header of a watcher's end after a compaction, which says no revision.
fn header_without_revision(server: &Server) -> String {
    format!("{{{},\"raft_term\":\"1\"}}", ids(server))
}

fn ids(server: &Server) -> String {
    // FNV-1a of "portolan".
    let member = "portolan"
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("\"cluster_id\":\"{}\",\"member_id\":\"{member}\"", server.store.cluster_id())
}

/// The next chunk, however soon this client would give a silent watch up.
async fn chunk(watch: &mut Watch) -> String {
    let heard = async {
        loop {
            match watch.next().await.unwrap() {
                Heard::Idle => {}
                heard => return heard,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, heard).await {
        Ok(Heard::Chunk(chunk)) => chunk,
        other => panic!("{other:?} instead of a chunk"),
    }
}

fn admin(server: &Server) -> Apisix {
    Apisix::new(server.json_admin(), PATIENCE)
}

fn data_plane(server: &Server) -> Apisix {
    Apisix::new(server.json_data_plane("default"), PATIENCE)
}

fn revision(body: &str) -> i64 {
    let answer: Value = serde_json::from_str(body).unwrap();
    answer["header"]["revision"].as_str().unwrap().parse().unwrap()
}

fn put_op(key: &str, value: &str) -> RequestOp {
    let request = PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..PutRequest::default() };
    RequestOp { request: Some(Request::RequestPut(request)) }
}

fn delete_op(key: &str) -> RequestOp {
    let request =
        portolan_etcd_proto::etcdserverpb::DeleteRangeRequest { key: key.to_owned().into(), ..Default::default() };
    RequestOp { request: Some(Request::RequestDeleteRange(request)) }
}

#[tokio::test]
async fn a_start_with_the_right_to_write() {
    let server = Server::start().await;
    let mut apisix = admin(&server);

    let version = apisix.version().await.unwrap();
    assert_eq!(version.body, r#"{"etcdserver":"3.5.33","etcdcluster":"3.5.0"}"#);
    assert_eq!(version.head.header("content-type"), Some("application/json"));

    for (number, directory) in DIRECTORIES.iter().enumerate() {
        let key = base64(format!("/apisix/{directory}/").as_bytes());
        let body = format!("{{\"value\":\"aW5pdF9kaXI=\", \"key\":\"{key}\"}}");
        let reply = apisix.once("/v3/kv/put", &body).await.unwrap();
        assert_eq!(reply.head.status, 200);
        let number = i64::try_from(number).unwrap();
        assert_eq!(reply.body, format!("{{\"header\":{}}}", header(&server, number + 2)));
    }

    let read = apisix.post("/v3/kv/range", EVERYTHING).await.unwrap();
    assert_eq!(read.head.header("content-type"), Some("application/json"));
    let mut sorted = DIRECTORIES.to_vec();
    sorted.sort_unstable();
    let kvs: Vec<String> = sorted
        .iter()
        .map(|directory| {
            let revision = DIRECTORIES.iter().position(|known| known == directory).unwrap() + 2;
            let key = base64(format!("/apisix/{directory}/").as_bytes());
            format!("{{\"key\":\"{key}\",\"create_revision\":\"{revision}\",\"mod_revision\":\"{revision}\",\"version\":\"1\",\"value\":\"aW5pdF9kaXI=\"}}")
        })
        .collect();
    assert_eq!(
        read.body,
        format!("{{\"header\":{},\"kvs\":[{}],\"count\":\"13\"}}", header(&server, 14), kvs.join(","))
    );

    // The Admin API of APISIX: absent, created, replaced, patched with a compare, deleted, deleted again.
    let one = r#"{"key":"L2FwaXNpeC9yb3V0ZXMvMQ==","range_end":"L2FwaXNpeC9yb3V0ZXMvMg==","limit":0}"#;
    let none = apisix.post("/v3/kv/range", one).await.unwrap();
    assert_eq!(none.body, format!("{{\"header\":{}}}", header(&server, 14)));
    let put = r#"{"value":"e30=","prev_kv":true,"key":"L2FwaXNpeC9yb3V0ZXMvMQ=="}"#;
    let created = apisix.post("/v3/kv/put", put).await.unwrap();
    assert_eq!(created.body, format!("{{\"header\":{}}}", header(&server, 15)));
    let replaced = apisix.post("/v3/kv/put", put).await.unwrap();
    assert_eq!(
        replaced.body,
        format!(
            "{{\"header\":{},\"prev_kv\":{{\"key\":\"L2FwaXNpeC9yb3V0ZXMvMQ==\",\"create_revision\":\"15\",\"mod_revision\":\"15\",\"version\":\"1\",\"value\":\"e30=\"}}}}",
            header(&server, 16)
        )
    );
    let txn = r#"{"success":[{"requestPut":{"value":"e30=","key":"L2FwaXNpeC9yb3V0ZXMvMQ=="}}],"compare":[{"result":"EQUAL","mod_revision":16,"key":"L2FwaXNpeC9yb3V0ZXMvMQ==","target":"MOD"}]}"#;
    let patched = apisix.post("/v3/kv/txn", txn).await.unwrap();
    assert_eq!(
        patched.body,
        format!(
            "{{\"header\":{},\"succeeded\":true,\"responses\":[{{\"response_put\":{{\"header\":{{\"revision\":\"17\"}}}}}}]}}",
            header(&server, 17)
        )
    );
    let lost = apisix.post("/v3/kv/txn", txn).await.unwrap();
    assert_eq!(lost.body, format!("{{\"header\":{}}}", header(&server, 17)));
    let delete = r#"{"key":"L2FwaXNpeC9yb3V0ZXMvMQ=="}"#;
    let deleted = apisix.post("/v3/kv/deleterange", delete).await.unwrap();
    assert_eq!(deleted.body, format!("{{\"header\":{},\"deleted\":\"1\"}}", header(&server, 18)));
    let nothing = apisix.post("/v3/kv/deleterange", delete).await.unwrap();
    assert_eq!(nothing.body, format!("{{\"header\":{}}}", header(&server, 18)));
    assert_eq!(apisix.pooled(), 1, "all over one connection");
}

#[tokio::test]
async fn a_watch_on_a_pooled_connection() {
    let server = Server::start().await;
    let grpc = server.admin();
    let mut apisix = data_plane(&server);
    let read = apisix.post("/v3/kv/range", EVERYTHING).await.unwrap();
    let start = revision(&read.body) + 1;
    assert_eq!((start, apisix.pooled()), (2, 1));

    let mut watch = apisix.watch(start).await.unwrap();
    assert_eq!(apisix.pooled(), 0, "the connection of the read");
    assert!(watch.head.status == 200 && watch.head.chunked(), "{:?}", watch.head);
    assert_eq!(watch.head.header("content-type"), Some("application/json"));
    assert_eq!(
        chunk(&mut watch).await,
        format!("{{\"result\":{{\"header\":{},\"created\":true}}}}\n", header(&server, 1))
    );

    grpc.put("/apisix/routes/1", "{}").await;
    let put = |revision: i64, version: i64| {
        format!(
            "{{\"result\":{{\"header\":{},\"events\":[{{\"kv\":{{\"key\":\"L2FwaXNpeC9yb3V0ZXMvMQ==\",\"create_revision\":\"2\",\"mod_revision\":\"{revision}\",\"version\":\"{version}\",\"value\":\"e30=\"}}}}]}}}}\n",
            header(&server, revision)
        )
    };
    assert_eq!(chunk(&mut watch).await, put(2, 1));
    // What happens elsewhere is not a word to it: a line without events is an error in each directory of APISIX.
    grpc.put("/portolan/groups/eu/routes/1", "{}").await;
    grpc.put("/apisix/routes/1", "{}").await;
    assert_eq!(chunk(&mut watch).await, put(4, 2));

    // Several keys are one line.
    let success = vec![put_op("/apisix/routes/2", ""), delete_op("/apisix/routes/1"), put_op("/other", "x")];
    grpc.kv().txn(TxnRequest { success, ..TxnRequest::default() }).await.unwrap();
    assert_eq!(
        chunk(&mut watch).await,
        format!(
            "{{\"result\":{{\"header\":{},\"events\":[{{\"kv\":{{\"key\":\"L2FwaXNpeC9yb3V0ZXMvMg==\",\"create_revision\":\"5\",\"mod_revision\":\"5\",\"version\":\"1\"}}}},{{\"type\":\"DELETE\",\"kv\":{{\"key\":\"L2FwaXNpeC9yb3V0ZXMvMQ==\",\"mod_revision\":\"5\"}}}}]}}}}\n",
            header(&server, 5)
        )
    );

    // A large line may be several reads, but it is whole lines in whole chunks.
    grpc.put("/apisix/routes/3", &"x".repeat(270_000)).await;
    let large = chunk(&mut watch).await;
    assert!(large.len() > 360_000 && large.ends_with("]}}\n") && large.matches('\n').count() == 1);
}

#[tokio::test]
async fn a_silent_watch_is_opened_again_from_the_same_revision() {
    let server = Server::start().await;
    let grpc = server.admin();
    grpc.put("/apisix/routes/1", "{}").await;
    let mut apisix = Apisix::new(server.json_data_plane("default"), Duration::from_millis(300));
    let mut watch = apisix.watch(2).await.unwrap();
    let (created, replayed) = (chunk(&mut watch).await, chunk(&mut watch).await);
    assert!(created.contains("\"created\":true"));
    grpc.put("/portolan/elsewhere", "x").await;
    assert_eq!(watch.next().await.unwrap(), Heard::Idle);
    // The revision of the client does not move while its own keys are quiet.
    for _ in 0..2 {
        let mut again = apisix.watch_again(watch).await.unwrap();
        assert!(chunk(&mut again).await.contains("\"created\":true"));
        let same = chunk(&mut again).await;
        // Behind the events of the past stands the revision of the log.
        assert_eq!(same.replace("\"revision\":\"3\"", "\"revision\":\"2\""), replayed);
        assert_eq!(again.next().await.unwrap(), Heard::Idle);
        watch = again;
    }
}

#[tokio::test]
async fn compaction_makes_it_load_anew() {
    let server = Server::start().await;
    let grpc = server.admin();
    for number in 0..5 {
        grpc.put("/apisix/routes/1", &number.to_string()).await;
    }
    grpc.kv().compact(CompactionRequest { revision: 5, physical: false }).await.unwrap();
    let mut apisix = data_plane(&server);
    let mut watch = apisix.watch(3).await.unwrap();
    assert_eq!(
        chunk(&mut watch).await,
        format!("{{\"result\":{{\"header\":{},\"created\":true}}}}\n", header(&server, 6))
    );
    assert_eq!(
        chunk(&mut watch).await,
        format!(
            "{{\"result\":{{\"header\":{},\"canceled\":true,\"compact_revision\":\"5\"}}}}\n",
            header_without_revision(&server)
        )
    );
    let mut watch = apisix.watch(5).await.unwrap();
    assert!(chunk(&mut watch).await.contains("\"created\":true"));
    assert!(chunk(&mut watch).await.contains("\"mod_revision\":\"5\""));
}

#[tokio::test]
async fn a_restored_log_makes_it_load_anew() {
    let server = Server::start().await;
    server.admin().put("/apisix/routes/1", "{}").await;
    let mut apisix = data_plane(&server);
    let mut watch = apisix.watch(75).await.unwrap();
    assert!(chunk(&mut watch).await.contains("\"created\":true"));
    let canceled = format!(
        "{{\"result\":{{\"header\":{},\"canceled\":true,\"compact_revision\":\"2\"}}}}\n",
        header_without_revision(&server)
    );
    assert_eq!(chunk(&mut watch).await, canceled);
    // From there on all is as always; so it is for one who knows all there is.
    for start in [3, 2] {
        let mut watch = apisix.watch(start).await.unwrap();
        assert!(chunk(&mut watch).await.contains("\"created\":true"));
        if start == 2 {
            assert!(chunk(&mut watch).await.contains("\"mod_revision\":\"2\""));
        }
        let revision = server.admin().put("/apisix/routes/2", "{}").await;
        assert!(chunk(&mut watch).await.contains(&format!("\"mod_revision\":\"{revision}\"")));
    }
    // An administrator who waits for the future waits, as with etcd.
    let mut waiting = Apisix::new(server.json_admin(), Duration::from_millis(300)).watch(75).await.unwrap();
    assert!(chunk(&mut waiting).await.contains("\"created\":true"));
    assert_eq!(waiting.next().await.unwrap(), Heard::Idle);
}

#[tokio::test]
async fn a_lease_is_kept_alive_and_the_answer_ends() {
    let server = Server::start().await;
    let mut apisix = data_plane(&server);
    let granted = apisix.post("/v3/lease/grant", r#"{"TTL":9,"ID":0}"#).await.unwrap();
    let answer: Value = serde_json::from_str(&granted.body).unwrap();
    let id = answer["ID"].as_str().unwrap().to_owned();
    assert_eq!(granted.body, format!("{{\"header\":{},\"ID\":\"{id}\",\"TTL\":\"9\"}}", header(&server, 1)));
    let key = base64(b"/apisix/data_plane/server_info/a");
    let put = json!({ "key": key, "value": "e30=", "lease": id }).to_string();
    assert_eq!(apisix.post("/v3/kv/put", &put).await.unwrap().head.status, 200);

    let kept = apisix.post("/v3/lease/keepalive", &json!({ "ID": id }).to_string()).await.unwrap();
    assert!(kept.head.chunked());
    assert_eq!(
        kept.body,
        format!("{{\"result\":{{\"header\":{},\"ID\":\"{id}\",\"TTL\":\"9\"}}}}\n", header(&server, 2))
    );
    let unknown = apisix.post("/v3/lease/keepalive", r#"{"ID":"4711"}"#).await.unwrap();
    assert_eq!(unknown.body, format!("{{\"result\":{{\"header\":{},\"ID\":\"4711\"}}}}\n", header(&server, 2)));
    assert_eq!(apisix.pooled(), 1, "the connection can be used again");

    // Its end is a plain delete.
    let mut watch = apisix.watch(3).await.unwrap();
    assert!(chunk(&mut watch).await.contains("\"created\":true"));
    server.pass(Duration::from_secs(11));
    assert_eq!(
        chunk(&mut watch).await,
        format!(
            "{{\"result\":{{\"header\":{},\"events\":[{{\"type\":\"DELETE\",\"kv\":{{\"key\":\"{key}\",\"mod_revision\":\"3\"}}}}]}}}}\n",
            header(&server, 3)
        )
    );
}

#[tokio::test]
async fn what_is_denied_is_denied_in_the_words_that_it_knows() {
    let server = Server::start().await;
    let mut apisix = data_plane(&server);
    let marker = r#"{"value":"aW5pdF9kaXI=", "key":"L2FwaXNpeC9zZXJ2aWNlcy8="}"#;
    let denied = apisix.post("/v3/kv/put", marker).await.unwrap();
    let text = "etcdserver: permission denied";
    assert_eq!(denied.head.status, 403);
    assert_eq!(denied.body, format!("{{\"error\":\"{text}\",\"code\":7,\"message\":\"{text}\"}}"));

    // Nobody's watch is refused as etcd refuses it, but not faster than once a second.
    let mut nobody = Apisix::new(server.json(None), PATIENCE);
    let start = std::time::Instant::now();
    let mut watch = nobody.watch(1).await.unwrap();
    let refused = format!(
        "{{\"result\":{{\"header\":{},\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":\"rpc error: code = PermissionDenied desc = {text}\"}}}}\n",
        header(&server, server.store.revision() + 1)
    );
    // The refusal itself is an event.
    assert_eq!(chunk(&mut watch).await, refused);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn the_end_of_the_process_is_an_error_with_a_code() {
    let server = Server::start().await;
    let mut watch = data_plane(&server).watch(1).await.unwrap();
    assert!(chunk(&mut watch).await.contains("\"created\":true"));
    server.begin_shutdown();
    assert_eq!(
        chunk(&mut watch).await,
        "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: server stopped\",\"http_status\":\"Service Unavailable\"}}\n"
    );
    assert_eq!(watch.next().await.unwrap(), Heard::End);
}

#[tokio::test]
async fn user_and_password_give_a_token_that_goes_raw_into_authorization() {
    let server = Server::start().await;
    server.admin().put("/apisix/routes/1", "{}").await;
    let mut apisix = Apisix::new(server.json(None), PATIENCE);
    let login = r#"{"password":"secret","name":"ann"}"#;
    let answer: Value = serde_json::from_str(&apisix.once("/v3/auth/authenticate", login).await.unwrap().body).unwrap();
    assert!(answer["header"]["revision"].is_string());
    apisix.authorize(answer["token"].as_str().unwrap());
    let read = apisix.post("/v3/kv/range", EVERYTHING).await.unwrap();
    assert!(read.body.contains("\"count\":\"1\""), "{}", read.body);
    let mut watch = apisix.watch(revision(&read.body)).await.unwrap();
    assert!(chunk(&mut watch).await.contains("\"created\":true"));

    let text = "etcdserver: authentication failed, invalid user ID or password";
    let refused = apisix.once("/v3/auth/authenticate", r#"{"password":"x","name":"ann"}"#).await.unwrap();
    assert_eq!(refused.head.status, 400);
    assert_eq!(refused.body, format!("{{\"error\":\"{text}\",\"code\":3,\"message\":\"{text}\"}}"));
    apisix.authorize("rubbish");
    let text = "etcdserver: invalid auth token";
    let refused = apisix.post("/v3/kv/range", EVERYTHING).await.unwrap();
    assert_eq!(refused.head.status, 401);
    assert_eq!(refused.body, format!("{{\"error\":\"{text}\",\"code\":16,\"message\":\"{text}\"}}"));
}
