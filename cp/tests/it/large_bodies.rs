//! Who sends much must not keep others waiting.

use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

use crate::plane::Plane;

/// One thread serves, and the one for blocking work is taken: the large body waits for that, and small ones do not.
#[test]
fn small_bodies_do_not_wait_for_large_ones() {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let plane = Plane::new().await;
        let (release, released) = mpsc::channel::<()>();
        let taken = spawn_blocking(move || released.recv_timeout(Duration::from_secs(60)));
        let labels: Map<String, Value> = (0..5_000).map(|n| (format!("l{n}"), json!("v"))).collect();
        let large = pin!(plane.expect("PUT", "/apisix/admin/services/large", json!({"labels": labels}), 201));
        let small = pin!(async {
            for n in 0..20 {
                plane.expect("PUT", &format!("/apisix/admin/services/{n}"), json!({"name": "small"}), 201).await;
            }
        });
        let Either::Right(((), large)) = select(large, small).await else {
            panic!("the work was done where connections are served")
        };
        release.send(()).unwrap();
        large.await;
        taken.await.unwrap().unwrap();
    });
}
