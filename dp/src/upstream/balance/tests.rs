use std::cell::Cell;

use super::*;

fn balancer(kind: &Kind, nodes: &[(&str, i32, u32)], loads: &[Arc<Load>]) -> Balancer {
    let member = |(at, (name, priority, weight)): (usize, &(&str, i32, u32))| Member {
        name: Cow::Owned((*name).to_owned()),
        priority: *priority,
        weight: *weight,
        load: loads.get(at),
    };
    Balancer::new(kind, &nodes.iter().enumerate().map(member).collect::<Vec<_>>())
}

fn pick(balancer: &Balancer, tried: &[usize], usable: &dyn Fn(usize) -> bool, key: &str) -> Option<usize> {
    let mut all = Tried::default();
    tried.iter().for_each(|node| all.add(*node));
    balancer.pick(&Pick { tried: &all, usable, hash: &|| ring::crc32(key.as_bytes()) })
}

fn picks(nodes: &[(i32, u32)], count: usize) -> Vec<usize> {
    let names: Vec<String> = (0..nodes.len()).map(|at| format!("{at}:80")).collect();
    let nodes: Vec<_> =
        names.iter().zip(nodes).map(|(name, (priority, weight))| (&**name, *priority, *weight)).collect();
    let balancer = balancer(&Kind::RoundRobin, &nodes, &[]);
    (0..count).filter_map(|_| pick(&balancer, &[], &|_| true, "")).collect()
}

#[test]
fn shares_follow_weights_smoothly() {
    assert_eq!(picks(&[(0, 1), (0, 1)], 4), [0, 1, 0, 1]);
    assert_eq!(picks(&[(0, 50), (0, 10), (0, 10)], 7), [0, 0, 1, 0, 2, 0, 0]);
    assert_eq!(picks(&[(0, 0), (0, 3)], 3), [1, 1, 1]);
    assert_eq!(picks(&[], 1), Vec::<usize>::new());
    assert_eq!(picks(&[(-1, 1), (1, 1), (1, 1)], 4), [1, 2, 1, 2]);
    let many = picks(&[(0, u32::MAX), (0, 1)], 20_000);
    assert!(many.contains(&1) && many.iter().filter(|n| **n == 1).count() < 5);
}

#[test]
fn the_turns_of_an_unfit_node_are_shared_by_the_others() {
    let balancer = balancer(&Kind::RoundRobin, &[("a:1", 0, 1), ("b:1", 0, 1), ("c:1", 0, 1)], &[]);
    let mut counts = [0; 3];
    for _ in 0..600 {
        counts[pick(&balancer, &[], &|node| node != 1, "").unwrap()] += 1;
    }
    assert_eq!(counts, [300, 0, 300]);
}

#[test]
fn tried_nodes_are_left_out_and_lower_priorities_step_in() {
    for kind in [Kind::RoundRobin, Kind::Chash, Kind::LeastConn, Kind::Ewma] {
        let balancer = balancer(&kind, &[("a:1", 1, 1), ("b:1", 1, 1), ("c:1", 0, 1)], &[]);
        let mut order = Vec::new();
        while let Some(node) = pick(&balancer, &order, &|_| true, "key") {
            order.push(node);
        }
        assert_eq!(order[2], 2, "{kind:?}");
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2], "{kind:?}");
        assert_eq!(pick(&balancer, &[], &|node| node == 2, "key"), Some(2), "{kind:?}");
    }
}

#[test]
fn weights_of_zero_are_those_of_apisix() {
    // Alone, a node is asked all the same; several without weight take turns; beside others it rests.
    assert_eq!(picks(&[(0, 0)], 2), [0, 0]);
    assert_eq!(picks(&[(0, 0), (0, 0)], 3), [0, 1, 0]);
    assert_eq!(picks(&[(0, 0), (0, 3)], 3), [1, 1, 1]);
    assert_eq!(picks(&[(1, 0), (0, 1)], 2), [0, 0]);
    // A ring of nodes without weight has no points.
    let nodes = [("a:1", 0, 0), ("b:1", 0, 0)];
    assert_eq!(pick(&balancer(&Kind::Chash, &nodes, &[]), &[], &|_| true, "key"), None);
    assert!(pick(&balancer(&Kind::LeastConn, &nodes, &[]), &[], &|_| true, "key").is_some());
}

#[test]
fn a_place_that_is_named_twice_counts_once() {
    let twice = [("a:1", 0, 9), ("b:1", 0, 1), ("a:1", 0, 1)];
    let balancer = balancer(&Kind::RoundRobin, &twice, &[]);
    let order: Vec<_> = (0..4).filter_map(|_| pick(&balancer, &[], &|_| true, "")).collect();
    assert_eq!(order, [1, 2, 1, 2]);
}

/// What APISIX's own balancer answered: lines `nodes`, tab, `address=weight` …, each followed by lines of a key, tab,
/// and the nodes in the order in which they are tried for it.
#[test]
fn a_key_has_the_nodes_that_apisix_tries() {
    assert_eq!(ring::crc32(b"123456789"), 0xcbf4_3926);
    let (mut ring, mut count, mut keys) = (None, 0, 0);
    for line in include_str!("chash.tsv").lines() {
        let (key, rest) = line.split_once('\t').unwrap();
        if key == "nodes" {
            let nodes = rest.split(' ').map(|node| node.split_once('=').unwrap());
            let nodes: Vec<_> = nodes.map(|(name, weight)| (name, 0, weight.parse().unwrap())).collect();
            count = nodes.iter().filter(|(.., weight)| *weight > 0).count();
            ring = Some(balancer(&Kind::Chash, &nodes, &[]));
            continue;
        }
        let ring = ring.as_ref().unwrap();
        let mut order = Vec::new();
        while let Some(node) = pick(ring, &order, &|_| true, key) {
            order.push(node);
        }
        let order: String = order.iter().map(usize::to_string).collect();
        assert_eq!((&*order, order.len()), (rest, count), "{key:?}");
        keys += 1;
    }
    assert_eq!(keys, 1500);
}

#[test]
fn a_ring_moves_only_what_it_must() {
    let nodes = [("a:1", 0, 1), ("b:1", 0, 1), ("c:1", 0, 1)];
    let balancer = balancer(&Kind::Chash, &nodes, &[]);
    let keys: Vec<String> = (0..300).map(|n| format!("key-{n}")).collect();
    let mut moved = 0;
    for key in &keys {
        let whole = pick(&balancer, &[], &|_| true, key);
        let without = pick(&balancer, &[], &|node| node != 0, key);
        if whole == Some(0) {
            moved += 1;
            assert_ne!(without, Some(0));
        } else {
            assert_eq!(whole, without);
        }
    }
    assert!((50..150).contains(&moved), "{moved}");
}

#[test]
fn the_node_with_the_fewest_requests_for_its_weight_is_next() {
    let loads = [Arc::new(Load::default()), Arc::new(Load::default())];
    let balancer = balancer(&Kind::LeastConn, &[("a:1", 0, 1), ("b:1", 0, 2)], &loads);
    let mut held = Vec::new();
    let mut order = Vec::new();
    for _ in 0..6 {
        let node = pick(&balancer, &[], &|_| true, "").unwrap();
        held.push(loads[node].hold());
        order.push(node);
    }
    assert_eq!(order.iter().filter(|node| **node == 1).count(), 4, "{order:?}");
    drop(held);
    assert_eq!((loads[0].connections(), loads[1].connections()), (0, 0));
}

#[test]
fn the_faster_of_two_is_next() {
    let loads = [Arc::new(Load::default()), Arc::new(Load::default())];
    let balancer = balancer(&Kind::Ewma, &[("a:1", 0, 1), ("b:1", 0, 1)], &loads);
    let now = super::super::load::now();
    loads[0].observe(2.0, now);
    loads[1].observe(0.1, now);
    let asked = Cell::new(0);
    let usable = |_| {
        asked.set(asked.get() + 1);
        true
    };
    assert!((0..20).all(|_| pick(&balancer, &[], &usable, "") == Some(1)));
    assert!(loads[0].latency(now + 10.0) < loads[0].latency(now));
    assert_eq!(pick(&balancer, &[1], &|_| true, ""), Some(0));
}
