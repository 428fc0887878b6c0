//! `portolan apply`, `diff`, `validate` and `dump`: a group's configuration as a file, with real processes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, install_crypto};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::process::Output;

/// What 10,000 routes may take on a debug build of a busy machine; the release build has 5 s (bench/README.md).
const LARGE: Duration = Duration::from_secs(60);

fn file(gateway: &Gateway, name: &str, text: &str) -> PathBuf {
    let path = gateway.data().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn run(gateway: &Gateway, command: &str, path: &Path, more: &[&str]) -> Output {
    let path = path.display().to_string();
    let args: Vec<&str> = [command, "--file", &path].into_iter().chain(more.iter().copied()).collect();
    gateway.command(&args).await
}

fn services(upstream: &Upstream, uris: &[&str]) -> String {
    let (host, port) = (upstream.address().ip(), upstream.address().port());
    let mut text = format!(
        "services:\n  - name: shop\n    upstream:\n      type: roundrobin\n      nodes: [{{host: {host}, port: {port}, weight: 1}}]\n    routes:\n"
    );
    for uri in uris {
        write!(text, "      - name: route{}\n        uris: [{uri}]\n", uri.replace('/', "-")).unwrap();
    }
    text
}

#[tokio::test]
async fn a_file_is_compared_applied_and_written_back() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&[]).await;
    let first = file(&gateway, "first.yaml", &services(&upstream, &["/a", "/b"]));

    let before = gateway.head().await;
    assert_eq!(run(&gateway, "validate", &first, &[]).await.code, 0);
    let diff = run(&gateway, "diff", &first, &[]).await;
    assert_eq!(diff.code, 2, "{}", diff.stderr);
    assert!(diff.stdout.contains("route-a") && diff.stdout.contains("the configuration differs"), "{}", diff.stdout);
    let dry = run(&gateway, "apply", &first, &["--dry-run"]).await;
    assert!(dry.code == 0 && dry.stdout.contains("dry run, nothing was changed"), "{}", dry.stdout);
    assert_eq!(gateway.head().await, before, "looking is no event");

    let applied = run(&gateway, "apply", &first, &["--reason", "first day"]).await;
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert_eq!(gateway.head().await, before + 1, "all of it is one event");
    let event = &gateway.events("action=group.apply").await[0];
    assert_eq!((&event["revision"], &event["reason"]), (&Value::from(before + 1), &Value::from("first day")));
    gateway.becomes("/a", StatusCode::OK).await;
    gateway.becomes("/b", StatusCode::OK).await;
    assert_eq!(run(&gateway, "diff", &first, &[]).await.code, 0, "nothing is left to do");

    let dumped = gateway.data().join("dump.yaml");
    let dump = gateway.command(&["dump", "--output", &dumped.display().to_string()]).await;
    assert_eq!(dump.code, 0, "{}", dump.stderr);
    let again = run(&gateway, "diff", &dumped, &[]).await;
    assert_eq!(again.code, 0, "what was written changes nothing: {}", again.stdout);

    let second = file(&gateway, "second.yaml", &services(&upstream, &["/b"]));
    let stale = run(&gateway, "apply", &second, &["--if-revision", &before.to_string()]).await;
    assert_eq!(stale.code, 1, "{}", stale.stdout);
    gateway.becomes("/a", StatusCode::OK).await;
    assert_eq!(run(&gateway, "apply", &second, &["--if-revision", &(before + 1).to_string()]).await.code, 0);
    gateway.becomes("/a", StatusCode::NOT_FOUND).await;
    gateway.becomes("/b", StatusCode::OK).await;
}

#[tokio::test]
async fn a_file_with_one_mistake_changes_nothing_and_names_all_mistakes() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&[]).await;
    let text = services(&upstream, &["/good", "/bad"])
        + "        methods: [FETCH]\n  - name: other\n    upstream: {type: roundrobin, nodes: [{host: x, port: 99999, weight: 1}]}\n";
    let path = file(&gateway, "wrong.yaml", &text);
    for command in ["validate", "diff", "apply"] {
        let output = run(&gateway, command, &path, &[]).await;
        assert_eq!(output.code, 1, "{command}: {}", output.stdout);
        assert!(output.stderr.contains("methods") && output.stderr.contains("port"), "{command}: {}", output.stderr);
    }
    let list = gateway.admin(Method::GET, "/apisix/admin/routes", None).await;
    assert_eq!(list.body["total"], 0, "{}", list.body);

    let broken = file(&gateway, "broken.yaml", "services: [");
    let output = run(&gateway, "apply", &broken, &[]).await;
    assert!(output.code == 64 && output.stderr.contains("broken.yaml"), "{} {}", output.code, output.stderr);
    let missing = run(&gateway, "apply", &gateway.data().join("none.yaml"), &[]).await;
    assert_eq!(missing.code, 64, "{}", missing.stderr);
    assert_eq!(gateway.command(&["apply"]).await.code, 64, "without a file");
}

#[tokio::test]
async fn ten_thousand_routes_are_one_event() {
    install_crypto();
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let gateway = Gateway::start(&[]).await;
    let uris: Vec<String> = (0..10_000).map(|at| format!("/many/{at}")).collect();
    let path = file(&gateway, "many.yaml", &services(&upstream, &uris.iter().map(String::as_str).collect::<Vec<_>>()));
    let before = gateway.head().await;
    let began = Instant::now();
    let output = run(&gateway, "apply", &path, &["--json"]).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(began.elapsed() < LARGE, "{:?}", began.elapsed());
    let result: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(result["revision"], before + 1);
    gateway.becomes("/many/9999", StatusCode::OK).await;
    let again = run(&gateway, "diff", &path, &[]).await;
    assert_eq!(again.code, 0, "{}", again.stderr);
}
