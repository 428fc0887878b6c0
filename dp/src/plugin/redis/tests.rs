use serde_json::{Value, json};

use super::settings::Settings;
use super::*;
use crate::plugin::State;

fn opened(kind: Kind, config: Value) -> Result<Arc<Client>, String> {
    let scope =
        Scope { resource: "routes/1", config: &config, metadata: None, certificates: None, state: &State::default() };
    client(kind, &scope).map_err(|e| e.to_string())
}

#[test]
fn equal_settings_have_one_client() {
    let state = State::default();
    let of = |config: Value| {
        client(Kind::One, &Scope { resource: "x", config: &config, metadata: None, certificates: None, state: &state })
    };
    let one = of(json!({"redis_host": "127.0.0.1", "count": 1})).unwrap();
    assert!(Arc::ptr_eq(&one, &of(json!({"redis_host": "127.0.0.1", "redis_port": 6379})).unwrap()));
    assert!(!Arc::ptr_eq(&one, &of(json!({"redis_host": "127.0.0.1", "redis_database": 1})).unwrap()));
}

#[test]
fn what_leads_nowhere_is_refused() {
    let cases = [
        (Kind::One, json!({})),
        (Kind::One, json!({"redis_host": "127.0.0.1", "redis_port": 65_536})),
        (Kind::Cluster, json!({"redis_cluster_name": "c", "redis_cluster_nodes": ["127.0.0.1:seven"]})),
        (Kind::Cluster, json!({"redis_cluster_name": "c", "redis_cluster_nodes": []})),
        (Kind::Sentinel, json!({"redis_master_name": "m", "redis_sentinels": []})),
        (Kind::Sentinel, json!({"redis_master_name": "m", "redis_sentinels": [{"host": "a", "port": 1, "x": 1}]})),
    ];
    for (kind, config) in cases {
        assert!(opened(kind, config.clone()).is_err(), "{config}");
    }
    for nodes in [json!(["127.0.0.1:7000", "[::1]:7001"]), json!(["redis.example"])] {
        opened(Kind::Cluster, json!({"redis_cluster_name": "c", "redis_cluster_nodes": nodes})).unwrap();
    }
}

#[test]
fn defaults_are_those_of_apisix() {
    let Ok(Settings::One(one)) = Settings::read(Kind::One, &json!({"redis_host": "h"})) else { panic!("not read") };
    assert_eq!((one.redis_port, one.redis_timeout, one.redis_keepalive_timeout), (6379, 1000, 10_000));
    assert_eq!((one.redis_database, one.redis_ssl, one.redis_ssl_verify), (0, false, false));
}

#[test]
fn keys_say_what_is_counted_and_by_which_configuration() {
    let state = State::default();
    let named = |config: Value, resource| {
        counters("limit-count", &Scope { resource, config: &config, metadata: None, certificates: None, state: &state })
    };
    let one = named(json!({"count": 1}), "routes/1");
    assert!(one.starts_with("limit-count:routes/1:") && one.ends_with(':'), "{one}");
    assert_eq!(one, named(json!({"count": 1}), "routes/1"));
    assert_ne!(one, named(json!({"count": 2}), "routes/1"));
}
