use std::sync::Arc;

use serde_json::{Value, json};

use super::super::directory::Services;
use super::super::tests::around;
use super::book::Book;
use super::cluster::{Cluster, Error};

fn cluster(slices: bool) -> Cluster {
    let settings = json!({
        "service": {"schema": "http", "host": "127.0.0.1", "port": "1"}, "client": {"token": "t"}, "watch_endpoint_slices": slices,
    });
    Cluster::new(&serde_json::from_value(settings).unwrap(), &around()).unwrap()
}

/// What is known after these events, one node as `service=host:port`.
fn after(cluster: &Cluster, events: &[Value]) -> (Vec<String>, Result<String, Error>) {
    let (mut book, mut version) = (Book::new(cluster.kind), "1".to_owned());
    cluster.directory.replace(Services::new());
    let mut told = Ok(());
    for event in events {
        told = cluster.take(&mut book, &mut version, event.to_string().as_bytes());
        if told.is_err() {
            break;
        }
    }
    let node =
        |name: &Arc<str>, node: &portolan_model::resource::Node| format!("{name}={}:{}", node.host, node.port.unwrap());
    let services = cluster.directory.services();
    let all = services.iter().flat_map(|(name, nodes)| nodes.iter().map(move |one| node(name, one))).collect();
    (all, told.map(|()| version))
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn endpoints(version: &str, subsets: Value) -> Value {
    let metadata = json!({"name": "web", "namespace": "ns", "resourceVersion": version});
    event("MODIFIED", json!({"metadata": metadata, "subsets": subsets}))
}

fn slice(name: &str, version: &str, more: Value) -> Value {
    let labels = json!({"kubernetes.io/service-name": "web"});
    let mut object =
        json!({"metadata": {"name": name, "namespace": "ns", "resourceVersion": version, "labels": labels}});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event("ADDED", object)
}

#[test]
fn endpoints_have_their_ready_addresses_by_port() {
    let cluster = cluster(false);
    let ready = json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2", "nodeName": null, "targetRef": {"kind": "Pod"}}]);
    let cases = [
        (
            json!([{"addresses": ready, "ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": 9090}]}]),
            vec![
                "ns/web:9090=10.0.0.1:9090",
                "ns/web:9090=10.0.0.2:9090",
                "ns/web:http=10.0.0.1:80",
                "ns/web:http=10.0.0.2:80",
            ],
        ),
        // Subsets of one service with different ports under one name.
        (
            json!([
                {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 80}]},
                {"addresses": [{"ip": "10.0.0.2"}], "ports": [{"name": "http", "port": 81}]},
            ]),
            vec!["ns/web:http=10.0.0.1:80", "ns/web:http=10.0.0.2:81"],
        ),
        (json!([{"notReadyAddresses": ready, "ports": [{"port": 80}]}]), vec![]),
        (json!([{"addresses": null, "ports": [{"port": 80}]}]), vec![]),
        (json!([{"addresses": ready, "ports": null}]), vec![]),
        (
            json!([{"addresses": ready, "ports": [{"name": "", "port": 80}]}]),
            vec!["ns/web:80=10.0.0.1:80", "ns/web:80=10.0.0.2:80"],
        ),
        (json!([{}]), vec![]),
        (json!([]), vec![]),
        (Value::Null, vec![]),
    ];
    for (subsets, expected) in cases {
        let (all, version) = after(&cluster, &[endpoints("7", subsets.clone())]);
        assert_eq!(
            (all, version.unwrap()),
            (expected.into_iter().map(str::to_owned).collect(), "7".to_owned()),
            "{subsets}"
        );
    }
}

#[test]
fn slices_are_put_together_and_taken_apart() {
    let cluster = cluster(true);
    let one = |name, version, address: &str| {
        slice(name, version, json!({"endpoints": [{"addresses": [address]}], "ports": [{"name": "http", "port": 80}]}))
    };
    let gone = event("DELETED", one("b", "9", "10.0.0.2")["object"].clone());
    let both = vec!["ns/web:http=10.0.0.1:80".to_owned(), "ns/web:http=10.0.0.2:80".to_owned()];
    assert_eq!(after(&cluster, &[one("a", "2", "10.0.0.1"), one("b", "3", "10.0.0.2")]).0, both);
    assert_eq!(after(&cluster, &[one("a", "2", "10.0.0.1"), one("b", "3", "10.0.0.2"), gone]).0, both[..1]);
    // While an address moves it may be in both, and counts once.
    assert_eq!(after(&cluster, &[one("a", "2", "10.0.0.1"), one("b", "3", "10.0.0.1")]).0, both[..1]);
    let endpoint = |conditions: Value| json!({"endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions}], "ports": [{"port": 80}]});
    for (more, count) in [
        (endpoint(json!({})), 1),
        (endpoint(Value::Null), 1),
        (endpoint(json!({"ready": null})), 1),
        (endpoint(json!({"ready": false, "serving": true, "terminating": true})), 0),
        (json!({"endpoints": null, "ports": [{"port": 80}]}), 0),
        (json!({"endpoints": [{"addresses": ["10.0.0.1"]}], "ports": null}), 0),
        // All ports: there is none to ask.
        (json!({"endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "http", "port": null}]}), 0),
    ] {
        assert_eq!(after(&cluster, &[slice("a", "2", more.clone())]).0.len(), count, "{more}");
    }
    let mut nobodys = one("a", "2", "10.0.0.1");
    nobodys["object"]["metadata"]["labels"] = Value::Null;
    assert_eq!(after(&cluster, &[nobodys]).0, Vec::<String>::new(), "it belongs to no service");
}

#[test]
fn events_lead_on_or_to_a_new_list() {
    let cluster = cluster(false);
    let web = endpoints("5", json!([{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]));
    let known = vec!["ns/web:80=10.0.0.1:80".to_owned()];
    let go_on = [
        (event("BOOKMARK", json!({"kind": "Endpoints", "metadata": {"resourceVersion": "8"}})), "8"),
        (event("UNHEARD_OF", json!({"metadata": {"resourceVersion": "8"}})), "8"),
        (event("MODIFIED", json!({"metadata": {"resourceVersion": "8"}})), "8"),
        (event("MODIFIED", json!({"metadata": {"name": "web"}})), "5"),
        // An object that makes no sense is left as it was.
        (endpoints("8", json!([{"addresses": [{"ip": "10.0.0.7"}], "ports": [{"port": 70_000}]}])), "8"),
        (endpoints("8", json!("what")), "8"),
        (event("DELETED", json!(17)), "5"),
    ];
    for (next, version) in go_on {
        let (all, told) = after(&cluster, &[web.clone(), next.clone()]);
        assert_eq!((all, told.unwrap().as_str()), (known.clone(), version), "{next}");
    }
    let gone = event("DELETED", web["object"].clone());
    assert_eq!(after(&cluster, &[web.clone(), gone]).0, Vec::<String>::new());
    for (wrong, is_gone) in [
        (event("ERROR", json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})), true),
        (event("ERROR", json!({"kind": "Status", "code": 500, "message": "no"})), false),
        (event("ERROR", json!({"kind": "Status", "code": "410"})), false),
        (event("ERROR", Value::Null), false),
        (json!({"type": "MODIFIED"}), false),
        (json!({"object": {}}), false),
        (json!([]), false),
    ] {
        let (all, told) = after(&cluster, &[web.clone(), wrong.clone()]);
        assert_eq!(all, known, "what was known stays: {wrong}");
        assert_eq!(matches!(told.unwrap_err(), Error::Gone), is_gone, "{wrong}");
    }
}
