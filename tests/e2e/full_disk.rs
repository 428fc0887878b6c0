//! The disk of the control plane is full, and then has room again. A limit on the size of files stands in for the disk: to the process
//! both are a write that fails.

use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, install_crypto};
use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::gateway::{Gateway, route};
use crate::load::Load;
use crate::process;

/// More routes than fit.
const MANY: usize = 500;

#[tokio::test]
async fn writes_are_refused_until_there_is_room_and_traffic_flows() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&["--no-restart"]).await;
    gateway.put_route("1", "/hello", &upstream).await;
    gateway.becomes("/hello", StatusCode::OK).await;
    process::kill(gateway.pid("cp")).await;
    let cp = gateway.start_half_without_file_size_signal("cp").await;
    let load = Load::start(&format!("{}/hello", gateway.up.field("proxy_http")));

    let log = gateway.data().join("portolan.db-wal").metadata().unwrap().len();
    limit_files(cp.pid(), Some(log + 64 * 1024));
    let body = route("/more", &upstream);
    let mut put = 0;
    let refused = loop {
        put += 1;
        assert!(put < MANY, "the limit is never met");
        let answer = gateway.admin(Method::PUT, &format!("/apisix/admin/routes/more-{put}"), Some(&body)).await;
        if answer.status != StatusCode::CREATED {
            break answer;
        }
    };
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
    assert!(refused.retry_after.is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "Retry-After is missing");
    let missing = gateway.admin(Method::GET, &format!("/apisix/admin/routes/more-{put}"), None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "nothing of the refused write is there");
    load.go_on_for(200).await;

    limit_files(cp.pid(), None);
    let answer = gateway.admin(Method::PUT, &format!("/apisix/admin/routes/more-{put}"), Some(&body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let created = gateway.events("limit=500&action=route.create&outcome=success").await;
    assert_eq!(created.len(), put + 1, "each acknowledged write is there, and no other");
    let (answered, failed) = load.stop().await;
    assert!(failed.is_empty(), "{} of {answered} failed: {}", failed.len(), failed[0]);
}

/// The largest file that the process may write, in bytes; `None` = any.
fn limit_files(pid: i32, bytes: Option<u64>) {
    prlimit(Pid::from_raw(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
