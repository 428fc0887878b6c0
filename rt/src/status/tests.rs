use http_body_util::BodyExt;

use super::*;

async fn get(board: &Board, path: &str) -> (u16, Value) {
    let response = board.respond(&Request::get(path).body(()).unwrap());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn liveness_does_not_depend_on_components() {
    let board = Board::new(Shutdown::new());
    board.component("config").failed("gone");
    assert_eq!(get(&board, "/status").await, (200, json!({"status": "ok"})));
}

#[tokio::test]
async fn ready_only_when_every_component_is() {
    let board = Board::new(Shutdown::new());
    let (config, sync) = (board.component("config"), board.component("sync"));
    let (status, body) = get(&board, "/status/ready").await;
    assert_eq!((status, &body["error"]), (503, &json!("config is starting")));

    config.ready();
    sync.failed("certificate refused");
    let (status, body) = get(&board, "/status/ready").await;
    assert_eq!((status, &body["error"]), (503, &json!("sync has failed")));

    sync.degraded("control plane is away");
    board.fact("source", "snapshot");
    board.fact("status", "a lie");
    let want = json!({
        "status": "ok",
        "components": {
            "config": {"state": "ready"},
            "sync": {"state": "degraded", "detail": "control plane is away"},
        },
        "source": "snapshot",
    });
    assert_eq!(get(&board, "/status/ready").await, (200, want));
}

#[tokio::test]
async fn readiness_drops_with_the_soft_stage() {
    let shutdown = Shutdown::new();
    let board = Board::new(shutdown.clone());
    assert!(board.is_ready());
    shutdown.request();
    let (status, body) = get(&board, "/status/ready").await;
    assert_eq!((status, &body["error"]), (503, &json!("shutting down")));
    assert_eq!(get(&board, "/status").await.0, 200);
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let board = Board::new(Shutdown::new());
    assert_eq!(get(&board, "/").await.0, 404);
    let response = board.respond(&Request::post("/status").body(()).unwrap());
    assert_eq!(response.status(), 405);
}
