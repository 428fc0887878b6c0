//! Limits that data planes share: counters in a real Redis.

use anyhow::ensure;
use portolan_testkit::redis::{Cluster, Redis, Sentinel};
use portolan_testkit::{Certificates, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Gateway, Instance, SOON, text};

/// `more` over `base`.
fn with(mut base: Value, more: Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

fn one(redis: &Redis) -> Value {
    // Long enough for a busy machine.
    json!({"policy": "redis", "redis_host": "127.0.0.1", "redis_port": redis.port(), "redis_timeout": 20_000})
}

/// A route whose plugin answers what the upstream would.
fn route(plugins: Value) -> Value {
    let mut plugins = with(plugins, json!({"mocking": {"response_example": "ok", "with_mock_header": false}}));
    // Limits come first.
    plugins["mocking"]["_meta"] = json!({"priority": 1});
    json!({"uri": "/*", "plugins": plugins})
}

async fn gateway(plugins: Value) -> (Gateway, Instance) {
    let (gateway, files) = Gateway::new().await;
    gateway.put("routes/1", route(plugins)).await;
    (gateway, files)
}

/// Status, and what the three headers say.
async fn ask(gateway: &Gateway, target: &str) -> (u16, Vec<String>) {
    let response = reqwest::get(format!("{}{target}", gateway.http())).await.unwrap();
    let named = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let shown = ["limit", "remaining", "reset"].into_iter().filter_map(|name| named(&format!("x-ratelimit-{name}")));
    (response.status().as_u16(), shown.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_counts_on_all_data_planes_as_one() {
    let redis = Redis::start().await.unwrap();
    let limit = |window: &str| {
        let group =
            json!({"count": 4, "time_window": 600, "rejected_code": 429, "group": window, "window_type": window});
        json!({"limit-count": with(group, one(&redis))})
    };
    let (a, _a) = gateway(limit("fixed")).await;
    let (b, _b) = gateway(limit("fixed")).await;
    let mut seen = Vec::new();
    for gateway in [&a, &b, &b, &a, &b, &a] {
        let (status, shown) = ask(gateway, "/").await;
        let reset: f64 = shown[2].parse().unwrap();
        assert!((0.0..=600.0).contains(&reset), "{reset}");
        seen.push((status, shown[1].parse::<u8>().unwrap()));
    }
    assert_eq!(seen, [(200, 3), (200, 2), (200, 1), (200, 0), (429, 0), (429, 0)]);
    // As APISIX stores it: what was used, with the window as its life.
    let key = "plugin-limit-count:v1:fixed:127.0.0.1";
    assert_eq!(redis.command(&["GET", key]).unwrap(), "6");
    assert!(redis.command(&["TTL", key]).unwrap().parse::<i64>().unwrap() > 0);

    for gateway in [&a, &b] {
        gateway.put("routes/1", route(limit("sliding"))).await;
    }
    let mut passed = 0;
    // Ten seconds hold at most two windows of ten minutes; a new one has room only for what the old one leaves.
    for gateway in [&a, &b, &a, &b, &a, &b] {
        let (status, shown) = ask(gateway, "/").await;
        assert_eq!(shown[0], "4");
        passed += usize::from(status == 200);
    }
    assert!((4..=5).contains(&passed), "{passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_planes_with_the_same_route_share_its_rules_and_its_bucket() {
    let redis = Redis::start().await.unwrap();
    let rules =
        json!([{"count": 2, "time_window": 600, "key": "$arg_a"}, {"count": 3, "time_window": 600, "key": "$uri"}]);
    let count = with(json!({"rules": rules, "rejected_code": 429}), one(&redis));
    let rate =
        with(json!({"rate": 0.001, "burst": 1, "nodelay": true, "key": "arg_r", "rejected_code": 430}), one(&redis));
    let plugins =
        json!({"limit-count": count, "limit-req": with(rate, json!({"_meta": {"filter": [["arg_r", "~~", ".+"]]}}))});
    let (a, _a) = gateway(plugins.clone()).await;
    let (b, _b) = gateway(plugins).await;
    let statuses = async |targets: [(&Gateway, &str); 4]| {
        let mut all = Vec::new();
        for (gateway, target) in targets {
            all.push(ask(gateway, target).await.0);
        }
        all
    };
    assert_eq!(statuses([(&a, "/1?a=x"), (&b, "/1?a=x"), (&a, "/1?a=x"), (&b, "/1?a=y")]).await, [200, 200, 429, 200]);
    assert_eq!(statuses([(&a, "/2?r=1"), (&b, "/2?r=1"), (&a, "/2?r=1"), (&b, "/3?r=2")]).await, [200, 200, 430, 200]);
}

/// A node that answers when it is told so.
struct Slow(TcpListener);

impl Slow {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// The next request's connection.
    async fn request(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream
    }
}

async fn answer(mut stream: TcpStream) {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_the_same_time_are_counted_over_data_planes_and_places_are_given_back() {
    let redis = Redis::start().await.unwrap();
    let node = Slow::start().await;
    let conn = json!({"conn": 2, "burst": 0, "default_conn_delay": 0.1, "key": "remote_addr", "rejected_code": 429});
    let route = json!({"uri": "/*", "plugins": {"limit-conn": with(conn, one(&redis))},
        "upstream": {"nodes": {node.0.local_addr().unwrap().to_string(): 1}}});
    let (a, _a) = Gateway::new().await;
    let (b, _b) = Gateway::new().await;
    for gateway in [&a, &b] {
        gateway.put("routes/1", route.clone()).await;
    }
    let get = |gateway: &Gateway| {
        let url = gateway.http();
        tokio::spawn(async move { text(&url).await.0 })
    };
    let first = get(&a);
    let one = node.request().await;
    let second = get(&b);
    let two = node.request().await;
    assert_eq!((text(&a.http()).await.0, text(&b.http()).await.0), (429, 429));
    // One ends with its response, the other one with its client.
    answer(one).await;
    assert_eq!(first.await.unwrap(), 200);
    second.abort();
    drop(two);
    let taken = || async {
        let keys = redis.command(&["KEYS", "*"])?;
        ensure!(keys.is_empty(), "{keys}");
        Ok(())
    };
    eventually(SOON, taken).await;
    let third = get(&b);
    answer(node.request().await).await;
    assert_eq!(third.await.unwrap(), 200);
    eventually(SOON, taken).await;
}

/// A gateway with all three plugins on routes of their own; `/degrade/…` lets requests pass that cannot be counted.
async fn all_three(redis: &Value) -> (Gateway, Instance) {
    let (gateway, files) = Gateway::new().await;
    let limits = [
        ("count", "limit-count", json!({"count": 1, "time_window": 600, "key": "arg_k", "rejected_code": 429})),
        ("req", "limit-req", json!({"rate": 0.001, "burst": 0, "key": "arg_k", "rejected_code": 429})),
        ("conn", "limit-conn", json!({"conn": 1000, "burst": 0, "default_conn_delay": 0.1, "key": "arg_k"})),
    ];
    for (name, plugin, limit) in limits {
        let limit = with(limit, redis.clone());
        for (prefix, degrade) in [("strict", false), ("degrade", true)] {
            let mut value = route(json!({plugin: with(limit.clone(), json!({"allow_degradation": degrade}))}));
            value["uri"] = json!(format!("/{prefix}/{name}"));
            gateway.put(&format!("routes/{prefix}-{name}"), value).await;
        }
    }
    (gateway, files)
}

async fn statuses(gateway: &Gateway, prefix: &str, key: &str) -> [u16; 3] {
    let mut all = [0; 3];
    for (at, name) in ["count", "req", "conn"].into_iter().enumerate() {
        all[at] = ask(gateway, &format!("/{prefix}/{name}?k={key}")).await.0;
    }
    all
}

/// Waits until requests are counted (again), each time with a key of its own.
async fn counted(gateway: &Gateway) {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let probe = || async {
        let key = format!("again-{}", tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let first = statuses(gateway, "strict", &key).await;
        let second = statuses(gateway, "strict", &key).await;
        ensure!((first, second) == ([200; 3], [429, 429, 200]), "{first:?} {second:?}");
        Ok(())
    };
    eventually(SOON, probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_die_and_come_back_in_the_middle_of_traffic() {
    let mut redis = Redis::start().await.unwrap();
    let (gateway, _files) = all_three(&one(&redis)).await;
    counted(&gateway).await;
    let url = format!("{}/degrade/count?k=traffic", gateway.http());
    let traffic = tokio::spawn(async move {
        let client = reqwest::Client::new();
        let mut seen = std::collections::BTreeMap::<u16, usize>::new();
        for _ in 0..300 {
            let status = client.get(&url).send().await.unwrap().status().as_u16();
            *seen.entry(status).or_default() += 1;
        }
        seen
    });
    redis.kill();
    assert_eq!(statuses(&gateway, "strict", "dead").await, [500; 3]);
    assert_eq!(statuses(&gateway, "degrade", "dead").await, [200; 3]);
    assert_eq!(
        text(&format!("{}/strict/count?k=dead", gateway.http())).await,
        (500, r#"{"error_msg":"failed to limit count"}"#.into())
    );
    redis.start_again().await.unwrap();
    counted(&gateway).await;
    let seen = traffic.await.unwrap();
    assert!(seen.keys().all(|status| [200, 429].contains(status)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_counts_wherever_a_key_lies() {
    let mut cluster = Cluster::start().await.unwrap();
    let settings = json!({"policy": "redis-cluster", "redis_cluster_nodes": [cluster.addresses()[0]],
        "redis_cluster_name": "c", "redis_timeout": 20_000});
    let (gateway, _files) = all_three(&settings).await;
    for key in 0..12 {
        assert_eq!(statuses(&gateway, "strict", &key.to_string()).await, [200; 3], "{key}");
        assert_eq!(statuses(&gateway, "strict", &key.to_string()).await, [429, 429, 200], "{key}");
    }
    let sizes: Vec<String> = cluster.nodes.iter().map(|node| node.command(&["DBSIZE"]).unwrap()).collect();
    assert!(sizes.iter().all(|size| size != "0"), "{sizes:?}");

    // With a node gone the cluster serves no slot, and comes to say so.
    let settings = with(settings, json!({"redis_timeout": 500}));
    let (gateway, _files) = all_three(&settings).await;
    cluster.nodes[2].kill();
    eventually(SOON, || async {
        let seen = statuses(&gateway, "strict", "dead").await;
        ensure!(seen == [500; 3], "{seen:?}");
        Ok(())
    })
    .await;
    assert_eq!(statuses(&gateway, "degrade", "dead").await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_databases_and_tls_are_kept() {
    let redis = Redis::with_password("secret").await.unwrap();
    let limit = |more: Value| {
        let limit = json!({"count": 1, "time_window": 600, "key": "all", "key_type": "constant", "rejected_code": 429});
        json!({"limit-count": with(with(limit, one(&redis)), more)})
    };
    let (gateway, _files) = gateway(limit(json!({}))).await;
    assert_eq!(ask(&gateway, "/").await.0, 500, "without the password");
    gateway.put("routes/1", route(limit(json!({"redis_password": "wrong"})))).await;
    assert_eq!(ask(&gateway, "/").await.0, 500);
    let right = json!({"redis_password": "secret", "redis_username": "default", "redis_database": 3});
    gateway.put("routes/1", route(limit(right))).await;
    assert_eq!((ask(&gateway, "/").await.0, ask(&gateway, "/").await.0), (200, 429));
    let keys = redis.command(&["-n", "3", "DBSIZE"]).unwrap();
    assert_eq!((keys.as_str(), redis.command(&["DBSIZE"]).unwrap().as_str()), ("1", "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_spoken_to_over_tls_and_verified_if_asked() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Certificates::new().unwrap();
    let files = authority.server(&["127.0.0.1"]).unwrap().write(dir.path(), "redis").unwrap();
    let redis = Redis::with_tls(&files).await.unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, authority.ca()).unwrap();
    let limit = |verify: bool| {
        let tls = json!({"redis_port": redis.tls_port(), "redis_ssl": true, "redis_ssl_verify": verify});
        let limit = json!({"count": 100, "time_window": 600});
        route(json!({"limit-count": with(with(limit, one(&redis)), tls)}))
    };
    let (stranger, _files) = Gateway::new().await;
    stranger.put("routes/1", limit(true)).await;
    assert_eq!(ask(&stranger, "/").await.0, 500, "nobody vouches for it");
    stranger.put("routes/1", limit(false)).await;
    assert_eq!(ask(&stranger, "/").await.0, 200);
    let (friend, _files) = Gateway::with(|config| config.tls.trusted_ca = Some(ca)).await;
    friend.put("routes/1", limit(true)).await;
    assert_eq!(ask(&friend, "/").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_say_where_redis_is() {
    let redis = Redis::start().await.unwrap();
    let sentinel = Sentinel::watching(&redis).await.unwrap();
    let nobody = Redis::start().await.unwrap().port();
    let sentinels = json!([{"host": "127.0.0.1", "port": nobody}, {"host": "127.0.0.1", "port": sentinel.port()}]);
    let limit = json!({"count": 1, "time_window": 600, "rejected_code": 429, "policy": "redis-sentinel",
        "redis_sentinels": sentinels, "redis_master_name": "main", "redis_connect_timeout": 20_000,
        "redis_read_timeout": 20_000});
    let (gateway, _files) = gateway(json!({"limit-count": limit})).await;
    assert_eq!((ask(&gateway, "/").await.0, ask(&gateway, "/").await.0), (200, 429));
    let unknown = with(limit, json!({"redis_master_name": "other"}));
    gateway.put("routes/1", route(json!({"limit-count": unknown}))).await;
    assert_eq!(ask(&gateway, "/").await.0, 500);
}
