use serde_json::{Value, json};

use crate::compile::Compiler;
use crate::compile::tests::{PREFIX, put};
use crate::config::HttpRouter;
use crate::context::tests::with_snapshot;

/// Routes as id and document; requests as method, host, path and the expected id.
struct Table {
    routes: Vec<(&'static str, Value)>,
    requests: Vec<(&'static str, &'static str, &'static str, Option<&'static str>)>,
}

impl Table {
    fn check(self) {
        self.check_with(HttpRouter::RadixtreeHostUri);
    }

    fn check_with(self, router: HttpRouter) {
        let with_upstream = |mut route: Value| {
            route["upstream"] = json!({"nodes": {"127.0.0.1:80": 1}});
            route
        };
        let changes = self.routes.into_iter().map(|(id, route)| put("routes", id, 1, &with_upstream(route)));
        let snapshot = Compiler::new(PREFIX).routing_by(router).apply(changes.collect::<Vec<_>>(), 1);
        for (method, host, path, expected) in self.requests {
            let head = http::Request::builder().method(method).uri(path).header("host", host);
            with_snapshot(head, &snapshot, |context| {
                let found = snapshot.router.find(context).map(|found| found.route.id.to_string());
                assert_eq!(found.as_deref(), expected, "{method} {host} {path}");
            });
        }
    }
}

#[test]
fn exact_before_prefix_and_the_longest_prefix_first() {
    Table {
        routes: vec![
            ("all", json!({"uri": "/*"})),
            ("short", json!({"uri": "/a/*", "priority": 100})),
            ("long", json!({"uri": "/a/b/*"})),
            ("exact", json!({"uri": "/a/b/c", "priority": -1})),
            ("several", json!({"uris": ["/x", "/y/*"]})),
            ("no-slash", json!({"uri": "/pre*"})),
        ],
        requests: vec![
            ("GET", "h", "/a/b/c", Some("exact")),
            ("GET", "h", "/a/b/d", Some("long")),
            ("GET", "h", "/a/b/", Some("long")),
            ("GET", "h", "/a/b", Some("short")),
            ("GET", "h", "/a", Some("all")),
            ("GET", "h", "/x", Some("several")),
            ("GET", "h", "/x/", Some("all")),
            ("GET", "h", "/y/z", Some("several")),
            ("GET", "h", "/prefix", Some("no-slash")),
            ("GET", "h", "/%61/b//c", Some("exact")),
            ("GET", "h", "/", Some("all")),
        ],
    }
    .check();
}

#[test]
fn hosts_exact_then_wildcards_then_none() {
    Table {
        routes: vec![
            ("exact", json!({"uri": "/a", "host": "www.foo.com"})),
            ("wild", json!({"uri": "/*", "host": "*.foo.com"})),
            ("wilder", json!({"uri": "/*", "hosts": ["*.com", "BAR.org"]})),
            ("any", json!({"uri": "/any"})),
            ("star", json!({"uri": "/star", "host": "*"})),
        ],
        requests: vec![
            ("GET", "www.foo.com", "/a", Some("exact")),
            ("GET", "WWW.foo.com:9080", "/a", Some("exact")),
            ("GET", "www.foo.com", "/b", Some("wild")),
            ("GET", "a.b.foo.com", "/b", Some("wild")),
            ("GET", "foo.com", "/b", Some("wilder")),
            ("GET", "bar.org", "/b", Some("wilder")),
            ("GET", "www.bar.org", "/b", None),
            ("GET", "www.bar.org", "/any", Some("any")),
            ("GET", "www.bar.org", "/star", Some("star")),
            ("GET", "foo.com", "/any", Some("wilder")),
        ],
    }
    .check();
}

#[test]
fn params_and_middle_wildcards() {
    Table {
        routes: vec![
            ("user", json!({"uri": "/users/:id"})),
            ("posts", json!({"uri": "/users/:id/posts"})),
            ("me", json!({"uri": "/users/me"})),
            ("rest", json!({"uri": "/files/*path"})),
            ("verb", json!({"uri": "/v1/things:search"})),
            ("middle", json!({"uri": "/m/*/end"})),
        ],
        requests: vec![
            ("GET", "h", "/users/7", Some("user")),
            ("GET", "h", "/users/me", Some("me")),
            ("GET", "h", "/users/7/posts", Some("posts")),
            ("GET", "h", "/users/7/other", None),
            ("GET", "h", "/users/", None),
            ("GET", "h", "/files/a/b", Some("rest")),
            ("GET", "h", "/v1/things:search", Some("verb")),
            ("GET", "h", "/v1/things", None),
            ("GET", "h", "/m/a/b/end", Some("middle")),
            ("GET", "h", "/m/a/b", None),
        ],
    }
    .check_with(HttpRouter::RadixtreeUriWithParameter);
}

#[test]
fn without_parameters_a_colon_is_a_colon() {
    Table {
        routes: vec![("colon", json!({"uri": "/users/:id"})), ("middle", json!({"uri": "/m/*/end"}))],
        requests: vec![
            ("GET", "h", "/users/:id", Some("colon")),
            ("GET", "h", "/users/7", None),
            ("GET", "h", "/m/a/b/end", Some("middle")),
            ("GET", "h", "/m/a/b", None),
        ],
    }
    .check();
}

#[test]
fn by_path_first_the_host_is_a_condition() {
    let routes = || {
        vec![
            ("host", json!({"uri": "/*", "host": "a.example"})),
            ("path", json!({"uri": "/p"})),
            ("wild", json!({"uri": "/w/*", "hosts": ["*.example", "b.test"], "priority": 1})),
            ("any", json!({"uri": "/w/*"})),
        ]
    };
    let requests = vec![
        ("GET", "a.example", "/p", Some("path")),
        ("GET", "a.example", "/x", Some("host")),
        ("GET", "b.test", "/w/1", Some("wild")),
        ("GET", "c.example", "/w/1", Some("wild")),
        ("GET", "c.test", "/w/1", Some("any")),
        ("GET", "c.test", "/x", None),
    ];
    Table { routes: routes(), requests }.check_with(HttpRouter::RadixtreeUri);
    Table { routes: routes(), requests: vec![("GET", "a.example", "/p", Some("host"))] }.check();
}

#[test]
fn methods_priority_vars_and_addresses() {
    Table {
        routes: vec![
            ("low", json!({"uri": "/p", "priority": 1})),
            ("high", json!({"uri": "/p", "priority": 2, "methods": ["POST", "PURGE"]})),
            ("vars", json!({"uri": "/p", "priority": 3, "vars": [["arg_v", "==", "1"]]})),
            ("near", json!({"uri": "/addr", "priority": 2, "remote_addrs": ["192.0.2.0/24", "2001:db8::/32"]})),
            ("far", json!({"uri": "/addr2", "remote_addr": "10.0.0.0/8"})),
            ("off", json!({"uri": "/off", "status": 0})),
            ("b", json!({"uri": "/tie"})),
            ("a", json!({"uri": "/tie"})),
        ],
        requests: vec![
            ("GET", "h", "/p", Some("low")),
            ("POST", "h", "/p", Some("high")),
            ("PURGE", "h", "/p", Some("high")),
            ("BREW", "h", "/p", Some("low")),
            ("GET", "h", "/p?v=1", Some("vars")),
            ("GET", "h", "/addr", Some("near")),
            ("GET", "h", "/addr2", None),
            ("GET", "h", "/off", None),
            ("GET", "h", "/tie", Some("a")),
        ],
    }
    .check();
}

/// What lua-resty-radixtree 2.9.2 found, used as APISIX's three routers use it: a line has a router, its routes, and requests as
/// method, host, path and the id of the route.
#[test]
fn routes_are_those_of_the_original() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in include_str!("original.jsonl").lines() {
        let table: Value = serde_json::from_str(line).unwrap();
        let with_upstream = |route: &Value| {
            let mut route = route.clone();
            route["upstream"] = json!({"nodes": {"127.0.0.1:80": 1}});
            put("routes", route["id"].as_str().unwrap(), 1, &route)
        };
        let changes: Vec<_> = table["routes"].as_array().unwrap().iter().map(with_upstream).collect();
        let router = serde_json::from_value(table["router"].clone()).unwrap();
        let snapshot = Compiler::new(PREFIX).routing_by(router).apply(changes, 1);
        for request in table["requests"].as_array().unwrap() {
            let [method, host, path, expected] = request.as_str().unwrap().split(' ').collect::<Vec<_>>()[..] else {
                panic!("{request}")
            };
            let head = http::Request::builder().method(method).uri(path).header("host", host);
            with_snapshot(head, &snapshot, |context| {
                let found = snapshot.router.find(context).map_or("-".to_owned(), |found| found.route.id.to_string());
                if found != expected {
                    wrong.push(format!("{request}, not {found}: {} {}", table["router"], table["routes"]));
                }
            });
            cases += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}: {}", wrong.len(), wrong.join("\n"));
    assert!(cases > 4000, "{cases}");
}

#[test]
fn values_of_params_are_given() {
    let route = json!({"uri": "/u/:id/f/*path", "host": "*.example", "upstream": {"nodes": {"127.0.0.1:80": 1}}});
    let mut compiler = Compiler::new(PREFIX).routing_by(HttpRouter::RadixtreeUriWithParameter);
    let snapshot = compiler.apply([put("routes", "1", 1, &route)], 1);
    with_snapshot(http::Request::get("/u/7/f/a/b").header("host", "x.example"), &snapshot, |context| {
        let found = snapshot.router.find(context).unwrap();
        assert_eq!(found.params, [("id", "7".to_owned()), ("path", "a/b".to_owned())]);
        assert_eq!((found.host, found.path), ("*.example", "/u/:id/f/*path"));
    });
}
