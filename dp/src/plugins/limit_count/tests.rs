use http::request::Builder;
use serde_json::{Value, json};

use super::*;
use crate::context::tests::{NOW, with_context};
use crate::plugin::State;
use crate::plugins::tests::{compile, decided};

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";

fn get(uri: &str) -> Builder {
    http::Request::get(uri).header("host", "h")
}

/// Status or 0 for a pass, and limit, remaining and reset as shown.
fn run(plugin: &LimitCount, head: Builder, after_micros: i64) -> (u16, Vec<String>) {
    with_context(head, |context| {
        context.now_micros = NOW + after_micros;
        let answer = decided(plugin.access(context));
        let mut headers = answer.as_ref().map(|answer| answer.headers.clone()).unwrap_or_default();
        headers.extend(context.response_headers.drain(..).map(|(name, value)| (Some(name), value)));
        let shown = [LIMIT, REMAINING, RESET].into_iter().filter_map(|name| headers.get(name));
        let shown = shown.map(|value| value.to_str().unwrap().to_owned()).collect();
        (answer.map_or(0, |answer| answer.status.as_u16()), shown)
    })
}

fn plugin(config: Value) -> LimitCount {
    compile(config, &State::default()).unwrap()
}

#[test]
fn requests_pass_until_the_limit_and_again_in_the_next_window() {
    let plugin = plugin(json!({"count": 2, "time_window": 10, "rejected_code": 429}));
    let cases = [
        (0, 0, ["2", "1", "10"]),
        (1_500_000, 0, ["2", "0", "8.5"]),
        (2_005_000, 429, ["2", "0", "7.99"]),
        (9_999_999, 429, ["2", "0", "0"]),
        (10_000_000, 0, ["2", "1", "10"]),
    ];
    for (after, status, shown) in cases {
        assert_eq!(run(&plugin, get("/"), after), (status, shown.map(str::to_owned).to_vec()), "{after}");
    }
}

#[test]
fn keys_are_counted_apart() {
    let cases = [
        (json!({"key": "arg_user"}), "/?user=a", "/?user=b", false),
        (json!({"key": "arg_user"}), "/?user=a", "/?user=a", true),
        // Without a value the client's address counts, and it is one client.
        (json!({"key": "arg_user"}), "/", "/", true),
        (json!({"key": "$arg_user $uri", "key_type": "var_combination"}), "/x?user=a", "/y?user=a", false),
        (json!({"key": "$arg_none", "key_type": "var_combination"}), "/x", "/y", true),
        (json!({"key": "all", "key_type": "constant"}), "/x?user=a", "/y?user=b", true),
    ];
    for (mut config, first, second, shared) in cases {
        config["count"] = json!(1);
        config["time_window"] = json!(60);
        let plugin = plugin(config.clone());
        assert_eq!(run(&plugin, get(first), 0).0, 0, "{config}");
        assert_eq!(run(&plugin, get(second), 0).0, if shared { 503 } else { 0 }, "{config}");
    }
}

#[test]
fn a_refusal_says_what_was_configured() {
    let plugin =
        plugin(json!({"count": 1, "time_window": 60, "rejected_msg": "slow down", "show_limit_quota_header": false}));
    run(&plugin, get("/"), 0);
    with_context(get("/"), |context| {
        let answer = decided(plugin.access(context)).unwrap();
        assert_eq!(answer.status, 503);
        assert_eq!(answer.body, r#"{"error_msg":"slow down"}"#);
        assert!(!answer.headers.contains_key(LIMIT));
    });
}

#[test]
fn counters_live_as_long_as_the_same_configuration_or_group() {
    let state = State::default();
    let compile_in = |config: Value| compile::<LimitCount>(config, &state).unwrap();
    let config = json!({"count": 1, "time_window": 60});
    let first = compile_in(config.clone());
    assert_eq!(run(&first, get("/"), 0).0, 0);
    assert_eq!(run(&compile_in(config), get("/"), 0).0, 503, "the route was compiled again");
    assert_eq!(run(&compile_in(json!({"count": 1, "time_window": 61})), get("/"), 0).0, 0, "another configuration");
    let group = json!({"count": 1, "time_window": 60, "group": "g"});
    let one = compile_in(group.clone());
    assert_eq!(run(&one, get("/"), 0).0, 0);
    assert_eq!(run(&compile_in(group), get("/"), 0).0, 503);
}

#[test]
fn metadata_names_the_headers_and_unknown_settings_pass() {
    let config = json!({"count": 1, "time_window": 60, "mine": true});
    let metadata = json!({"limit_header": "X-Limit"});
    let scope = Scope {
        resource: "routes/1",
        config: &config,
        metadata: Some(&metadata),
        certificates: None,
        state: &State::default(),
    };
    let plugin = LimitCount::compile(serde_json::from_value(config.clone()).unwrap(), &scope).unwrap();
    with_context(get("/"), |context| {
        assert!(decided(plugin.access(context)).is_none());
        let names: Vec<_> = context.response_headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-limit", REMAINING, RESET]);
    });
    let metadata = json!({"limit_header": "a b"});
    let scope = Scope {
        resource: "routes/1",
        config: &config,
        metadata: Some(&metadata),
        certificates: None,
        state: &State::default(),
    };
    assert!(LimitCount::compile(serde_json::from_value(config.clone()).unwrap(), &scope).is_err());
}

#[test]
fn limits_may_come_from_the_request() {
    let dynamic = |more: Value| {
        let mut config = json!({"count": "${arg_n}", "time_window": "$arg_w"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let cases = [
        (dynamic(json!({})), "/?n=1&w=10", [0, 503]),
        (dynamic(json!({})), "/?n=2&w=10", [0, 0]),
        (dynamic(json!({})), "/?n=0&w=10", [500, 500]),
        (dynamic(json!({})), "/?n=1.5&w=10", [500, 500]),
        (dynamic(json!({})), "/?n=1", [500, 500]),
        (dynamic(json!({"allow_degradation": true})), "/?n=1", [0, 0]),
        (dynamic(json!({"window_type": "sliding"})), "/?n=1&w=10", [0, 503]),
        (json!({"rules": []}), "/", [500, 500]),
    ];
    for (config, target, expected) in cases {
        let plugin = plugin(config.clone());
        assert_eq!([0, 1].map(|at| run(&plugin, get(target), at).0), expected, "{config} {target}");
    }
}

#[test]
fn rules_are_kept_all_and_shown_apart() {
    let plugin = plugin(json!({"rejected_code": 429, "rules": [
        {"count": 2, "time_window": 10, "key": "$arg_user"},
        {"count": "$arg_n", "time_window": 60, "key": "$arg_team", "header_prefix": "Team"},
    ]}));
    let ask = |target: &str| {
        with_context(get(target), |context| {
            let status = decided(plugin.access(context)).map_or(0, |answer| answer.status.as_u16());
            let shown =
                context.response_headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            (status, shown.filter(|line| line.contains("remaining")).collect::<Vec<_>>())
        })
    };
    let [user, team] = ["x-1-ratelimit-remaining", "x-team-ratelimit-remaining"];
    let both = |a: u8, b: u8| vec![format!("{user}: {a}"), format!("{team}: {b}")];
    assert_eq!(ask("/?user=a&team=t&n=9"), (0, both(1, 8)));
    assert_eq!(ask("/?user=a&team=t&n=x"), (500, vec![]), "one that is not known lets none count");
    assert_eq!(ask("/?user=a"), (0, vec![format!("{user}: 0")]));
    assert_eq!(ask("/?user=a&team=t&n=9"), (429, vec![format!("{user}: 0")]));
    assert_eq!(ask("/?user=b&team=t&n=9"), (0, both(1, 7)));
    assert_eq!(ask("/?user=t"), (0, vec![format!("{user}: 1")]), "rules count apart");
    assert_eq!(ask("/"), (500, vec![]));
}

#[test]
fn settings_of_redis_mean_nothing_without_it() {
    plugin(json!({"count": 1, "time_window": 1, "sync_interval": 0.5, "redis_timeout": "soon", "redis_sentinels": 1}));
}

#[test]
fn nonsense_is_refused() {
    let cases = [
        json!({}),
        json!({"count": 0, "time_window": 1}),
        json!({"count": 1, "time_window": -1}),
        json!({"count": 1, "time_window": 1, "rejected_code": 600}),
        json!({"count": 1, "time_window": 1, "key_type": "other"}),
        json!({"count": 1, "time_window": 1, "policy": "redis"}),
        json!({"count": 1, "time_window": 1, "policy": "redis", "redis_host": "h", "redis_timeout": 0}),
        json!({"count": 1, "time_window": 1, "policy": "redis", "redis_host": "hh", "redis_port": 70_000}),
        json!({"count": 1, "time_window": 1, "policy": "redis", "redis_host": "hh", "sync_interval": 0.5}),
        json!({"count": 1, "time_window": 1, "policy": "redis-cluster", "redis_cluster_nodes": ["127.0.0.1:1"]}),
        json!({"count": 1, "time_window": 1, "policy": "redis-cluster", "redis_cluster_nodes": [], "redis_cluster_name": "c"}),
        json!({"count": 1, "time_window": 1, "policy": "redis-sentinel", "redis_sentinels": [{"host": "ab"}],
            "redis_master_name": "m"}),
        json!({"count": 1, "rules": []}),
        json!({"count": 1, "time_window": 1, "rules": []}),
        json!({"rules": [{"count": 1, "time_window": 1}]}),
        json!({"rules": [{"count": 1, "time_window": 0, "key": "a"}]}),
        json!({"rules": [{"count": 1, "time_window": 1, "key": "a"}, {"count": 2, "time_window": 9, "key": "a"}]}),
        json!({"rules": [{"count": 1, "time_window": 1, "key": "a"}], "group": "g"}),
        json!({"count": 1, "time_window": 1, "window_type": "jumping"}),
    ];
    for config in cases {
        assert!(compile::<LimitCount>(config.clone(), &State::default()).is_err(), "{config}");
    }
}
