//! What the log keeps and lets go of, from the command line.

use portolan_testkit::install_crypto;
use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

#[tokio::test]
async fn holds_erasure_and_pruning_from_the_command_line() {
    install_crypto();
    let gateway = Gateway::start(&[]).await;
    for desc in ["a", "b", "c"] {
        let route = json!({"uri": "/a", "desc": desc, "plugins": {}});
        assert!(gateway.admin(Method::PUT, "/apisix/admin/routes/1", Some(&route)).await.status.is_success());
    }
    let audit = async |args: &[&str]| {
        let args: Vec<&str> = ["--json", "audit"].into_iter().chain(args.iter().copied()).collect();
        let output = gateway.command(&args).await;
        let answer: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        (output.code, answer, output.stderr)
    };
    let head = gateway.head().await;
    let (code, hold, _) = audit(&["hold", "add", "--kind", "route", "--id", "1", "--reason", "case 7"]).await;
    assert_eq!((code, &hold["scope"]["gateway_group_id"]), (0, &json!("default")), "{hold}");
    let id = hold["id"].as_str().unwrap();
    let listed = gateway.command(&["audit", "hold", "list"]).await;
    assert!(listed.stdout.contains("route 1 in default") && listed.stdout.contains("case 7"), "{listed:?}");

    let before = head.to_string();
    let (code, looked, _) = audit(&["prune", "--before", &before, "--dry-run"]).await;
    assert!(code == 0 && looked["held"].as_u64() > Some(1), "{looked}");
    assert_eq!(gateway.head().await, head + 1, "only the hold");
    let words = gateway.command(&["audit", "prune", "--before", &before, "--dry-run"]).await;
    assert!(words.stdout.contains("a legal hold keeps") && words.stdout.contains("dry run"), "{words:?}");

    let (code, ..) = audit(&["hold", "release", id, "--reason", "closed"]).await;
    assert_eq!(code, 0);
    let (code, _, text) = audit(&["hold", "release", id]).await;
    assert!(code == 1 && text.contains("there is no legal hold"), "{text}");
    let (code, done, _) = audit(&["prune", "--before", &before, "--reason", "old"]).await;
    assert!(code == 0 && done["changes"].as_u64() > Some(0) && done["revision"].is_u64(), "{done}");
    let (code, again, _) = audit(&["prune", "--before", &before, "--reason", "old"]).await;
    assert_eq!((code, &again["revision"]), (0, &Value::Null), "{again}");

    let actor = gateway.events("limit=1").await[0]["actor"]["id"].as_str().unwrap().to_owned();
    let (code, done, _) = audit(&["erase", &actor, "--reason", "asked for"]).await;
    assert!(code == 0 && done["contexts"].as_u64() > Some(0), "{done}");
    for wrong in [
        &["hold", "add", "--reason", "r"][..],
        &["hold", "add", "--actor", "a"],
        &["hold", "add", "--actor", "a", "--group", "g", "--reason", "r"],
        &["hold", "add", "--first", "1", "--reason", "r"],
        &["prune", "--reason", "r"],
        &["erase", "ann"],
    ] {
        assert_eq!(audit(wrong).await.0, 64, "{wrong:?}");
    }
    gateway.stop().await;
}
