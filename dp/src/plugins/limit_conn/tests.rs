use super::*;
use crate::plugin::State;
use crate::plugins::tests::{compile, refused};
use crate::request::Request;
use crate::snapshot::Snapshot;

fn request(target: &str) -> Request {
    crate::request::tests::request(http::Request::get(target).header("host", "h"))
}

/// What became of a request: whether it waits, or the status of the refusal.
fn outcome(flow: Flow<'_>) -> Result<bool, u16> {
    match flow {
        Flow::Continue => Ok(false),
        Flow::Wait(_) => Ok(true),
        Flow::Respond(answer) => Err(answer.status.as_u16()),
    }
}

#[test]
fn requests_at_the_same_time_wait_or_are_refused() {
    let config = json!({"conn": 2, "burst": 1, "default_conn_delay": 0.1, "key": "arg_k", "rejected_code": 429});
    let plugin = compile::<LimitConn>(config, &State::default()).unwrap();
    let snapshot = Snapshot::default();
    let mut all: Vec<_> = (0..4).map(|_| Context::new(request("/?k=1"), &snapshot, 1)).collect();
    let outcomes: Vec<_> = all.iter_mut().map(|context| outcome(plugin.access(context))).collect();
    assert_eq!(outcomes, [Ok(false), Ok(false), Ok(true), Err(429)]);
    let mut other = Context::new(request("/?k=2"), &snapshot, 1);
    assert_eq!(outcome(plugin.access(&mut other)), Ok(false));
    // One is over without a response, one with it.
    all.remove(0);
    let (head, ()) = http::Response::new(()).into_parts();
    let logger = plugin.logger(&mut all[0], &head).unwrap();
    all.remove(0);
    let mut next = Context::new(request("/?k=1"), &snapshot, 1);
    assert_eq!(outcome(plugin.access(&mut next)), Ok(true), "one place is free");
    let mut third = Context::new(request("/?k=1"), &snapshot, 1);
    assert_eq!(outcome(plugin.access(&mut third)), Err(429), "a response that goes on counts");
    drop((third, logger));
    let mut last = Context::new(request("/?k=1"), &snapshot, 1);
    assert_eq!(outcome(plugin.access(&mut last)), Ok(true));
    drop((next, last, all));
    let mut fresh = Context::new(request("/?k=1"), &snapshot, 1);
    assert_eq!(outcome(plugin.access(&mut fresh)), Ok(false), "all are over");
}

#[test]
fn the_wait_grows_with_the_queue() {
    let config = json!({"conn": 2, "burst": 9, "default_conn_delay": 0.1, "key": "remote_addr"});
    let plugin = compile::<LimitConn>(config, &State::default()).unwrap();
    let Places::Here(running) = &plugin.places else { panic!("not on this instance") };
    let snapshot = Snapshot::default();
    let mut context = Context::new(request("/"), &snapshot, 1);
    let mut wait = || plugin.admit(&mut context, places::enter(running, "k".into(), 11), 2).unwrap();
    let waits: Vec<_> = (0..6).map(|_| wait().as_millis()).collect();
    assert_eq!(waits, [0, 0, 100, 100, 200, 200]);
}

#[test]
fn limits_may_come_from_the_request() {
    let rule = |conn: Value, key: &str| json!({"conn": conn, "burst": "0", "key": key});
    let several = |rules: Value| json!({"default_conn_delay": 1, "rules": rules});
    let single = json!({"conn": "${arg_n}", "burst": 0, "default_conn_delay": 1, "key": "remote_addr"});
    let degraded =
        json!({"conn": "$arg_n", "burst": 0, "default_conn_delay": 1, "key": "a", "allow_degradation": true});
    let cases = [
        (single.clone(), "/?n=1", [Ok(false), Err(503)]),
        (single.clone(), "/?n=2", [Ok(false), Ok(false)]),
        (single.clone(), "/?n=0", [Err(500), Err(500)]),
        (single.clone(), "/?n=1.5", [Err(500), Err(500)]),
        (single.clone(), "/?n=-1", [Err(500), Err(500)]),
        (single, "/", [Err(500), Err(500)]),
        (degraded, "/", [Ok(false), Ok(false)]),
        (several(json!([rule(json!(1), "$arg_a"), rule(json!(9), "$arg_b")])), "/?a=1&b=1", [Ok(false), Err(503)]),
        (several(json!([rule(json!(1), "$arg_a"), rule(json!(9), "$arg_b")])), "/?b=1", [Ok(false), Ok(false)]),
        (several(json!([rule(json!(1), "$arg_a")])), "/", [Err(500), Err(500)]),
        (several(json!([])), "/", [Err(500), Err(500)]),
    ];
    for (config, target, expected) in cases {
        let plugin = compile::<LimitConn>(config.clone(), &State::default()).unwrap();
        let snapshot = Snapshot::default();
        let mut two = [(); 2].map(|()| Context::new(request(target), &snapshot, 1));
        assert_eq!(two.each_mut().map(|context| outcome(plugin.access(context))), expected, "{config} {target}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let with = |name: &str, value: Value| {
        let mut config = json!({"conn": 1, "burst": 0, "default_conn_delay": 0.1, "key": "a"});
        config[name] = value;
        config
    };
    refused::<LimitConn>(&[
        (json!({}), ""),
        (json!({"conn": 1, "burst": 0, "default_conn_delay": 1}), ""),
        (with("rules", json!([])), ""),
        (with("conn", json!(0)), "property \"conn\""),
        (with("burst", json!(-1)), "property \"burst\""),
        (with("default_conn_delay", json!(0)), "property \"default_conn_delay\""),
        (with("policy", json!("redis-sentinel")), "property \"policy\""),
        (with("policy", json!("redis-cluster")), "else clause did not match"),
        (with("policy", json!("redis")), "then clause did not match"),
        (with("rejected_code", json!(600)), "property \"rejected_code\""),
        (json!({"default_conn_delay": 1, "rules": [{"conn": 1, "burst": 1}]}), "property \"rules\""),
    ]);
}
