use portolan_model::resource::Node;
use portolan_rt::clock::ManualClock;
use portolan_rt::shutdown::Shutdown;
use serde_json::json;

use super::directory::Missing;
use super::*;
use crate::plugin::{State, Surroundings};
use crate::upstream::connect::Connector;
use crate::upstream::{Place, Upstream, dns as names};

/// Surroundings without a gateway.
pub(super) fn around() -> Around {
    portolan_testkit::install_crypto();
    Around {
        client: Client::new(names::pair().0, Connector::new(None).unwrap()),
        board: Board::new(Shutdown::new()),
        clock: Arc::new(ManualClock::new(0)),
    }
}

/// A registry whose directory a test fills.
#[derive(Debug)]
struct ByHand(Directory);

impl Registry for ByHand {
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)> {
        upstream.service_name.clone().filter(|name| name != "impossible").map(|name| (&self.0, name))
    }

    fn directories(&self) -> Vec<&Directory> {
        vec![&self.0]
    }

    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

fn by_hand(fallback: Option<Node>) -> (Arc<ByHand>, State) {
    let mut directory = Directory::new("hand", Missing::Tolerated, &around());
    if let Some(node) = fallback {
        directory = directory.with_fallback(vec![node]);
    }
    let hand = Arc::new(ByHand(directory));
    let registry: Arc<dyn Registry> = hand.clone();
    let discovery = Discovery { registries: Arc::new([("hand", registry)].into()) };
    (hand, State::new(Surroundings { discovery, ..Surroundings::default() }))
}

fn compile(state: &State, more: Value) -> Result<Arc<Upstream>, String> {
    let mut document = json!({"type": "least_conn", "discovery_type": "hand", "service_name": "web"});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let document = serde_json::from_value(document).unwrap();
    let place = Place { resource: "upstreams/1", state, certificates: None };
    Upstream::compile(&document, &place).map(Arc::new).map_err(|e| e.to_string())
}

fn node(host: &str, metadata: Value) -> Node {
    let metadata = metadata.as_object().unwrap().clone();
    Node { host: host.to_owned(), port: Some(80), weight: 1, metadata, ..Node::default() }
}

fn hosts(upstream: &Arc<Upstream>) -> Option<Vec<String>> {
    let mut slot = None;
    let now = upstream.pinned(&mut slot)?;
    Some(now.nodes.iter().map(|node| node.host.to_string()).collect())
}

#[test]
fn an_upstream_has_the_nodes_of_the_moment() {
    let (hand, state) = by_hand(None);
    let upstream = compile(&state, json!({})).unwrap();
    assert_eq!(hosts(&upstream), None, "the service is not known");
    let web: Arc<str> = "web".into();
    hand.0.set(&web, vec![node("10.0.0.1", json!({})), node("10.0.0.2", json!({})), node("not a host", json!({}))]);
    assert_eq!(hosts(&upstream).unwrap(), ["10.0.0.1", "10.0.0.2"]);
    let mut slot = None;
    let kept = upstream.pinned(&mut slot).unwrap().nodes[1].clone();
    let under_way = kept.load.as_ref().unwrap().hold();
    hand.0.set(&web, vec![node("10.0.0.2", json!({})), node("10.0.0.3", json!({}))]);
    let mut slot = None;
    let now = upstream.pinned(&mut slot).unwrap();
    assert!(Arc::ptr_eq(&now.nodes[0], &kept), "a node that stays is the same");
    assert_eq!((now.nodes[0].load.as_ref().unwrap().connections(), now.retries), (1, 1));
    drop(under_way);
    // A resource that changes has the nodes at once.
    let later = compile(&state, json!({"retries": 7})).unwrap();
    assert_eq!(hosts(&later).unwrap(), ["10.0.0.2", "10.0.0.3"]);
    assert_eq!(hand.0.wanted(), std::slice::from_ref(&web));
    hand.0.set(&web, Vec::new());
    assert_eq!(hosts(&later).unwrap(), Vec::<String>::new(), "known, and without nodes");
    hand.0.replace([(web.clone(), [node("10.0.0.4", json!({}))].into())].into());
    assert_eq!(hosts(&later).unwrap(), ["10.0.0.4"]);
    hand.0.replace(BTreeMap::new());
    assert_eq!(hosts(&later), None);
    drop((upstream, later));
    assert!(hand.0.wanted().is_empty() && !hand.0.wants("web"), "nobody wants it");
}

#[test]
fn metadata_chooses_and_a_default_stands_in() {
    let (hand, state) = by_hand(Some(node("10.9.9.9", json!({}))));
    let green = compile(&state, json!({"discovery_args": {"metadata": {"color": "green"}}})).unwrap();
    let any = compile(&state, json!({})).unwrap();
    assert_eq!(hosts(&any).unwrap(), ["10.9.9.9"]);
    let nodes = vec![node("10.0.0.1", json!({"color": "blue"})), node("10.0.0.2", json!({"color": "green", "a": "b"}))];
    hand.0.set(&"web".into(), nodes);
    assert_eq!((hosts(&green).unwrap(), hosts(&any).unwrap().len()), (vec!["10.0.0.2".to_owned()], 2));
    let wrong = compile(&state, json!({"discovery_args": {"metadata": 1}})).unwrap_err();
    assert!(wrong.contains("metadata"), "{wrong}");
    let wrong = compile(&state, json!({"checks": {"active": {"type": "nonsense"}}})).unwrap_err();
    assert!(wrong.contains("checks"), "what is wrong with the resource is found without nodes: {wrong}");
    assert_eq!(hosts(&compile(&state, json!({"service_name": "impossible"})).unwrap()), None);
    assert_eq!(hosts(&compile(&state, json!({"discovery_type": "other"})).unwrap()), None);
}

#[test]
fn how_it_goes_is_shown_by_what_failed() {
    let around = around();
    let directory = Directory::new("hand", Missing::Tolerated, &around);
    let line = || {
        let body = around.board.ready();
        let ready = around.board.is_ready();
        (ready, body.status().as_u16())
    };
    assert_eq!(line(), (false, 503), "not asked yet");
    directory.failed("a", &std::io::Error::other("no answer"));
    directory.failed("b", &std::io::Error::other("garbage"));
    assert_eq!(line(), (true, 200), "traffic does not wait for a registry that is away");
    directory.succeeded("a");
    directory.forgotten("b");
    let mut out = Exposition::default();
    directory::write(&[&directory], &mut out);
    let text = out.finish();
    assert!(text.contains("portolan_dp_discovery_failures{registry=\"hand\"} 2"), "{text}");
    let strict = Directory::new("strict", Missing::NotReady, &around);
    strict.failed("a", &std::io::Error::other("no answer"));
    assert_eq!(line(), (false, 503), "it must have answered once");
    strict.succeeded("a");
    strict.failed("a", &std::io::Error::other("no answer"));
    assert_eq!(line(), (true, 200));
}
