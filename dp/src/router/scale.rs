//! What many routes cost: counted, and measured too, which is not part of an ordinary run:
//! `cargo test --release -p portolan-dp --lib router::scale -- --ignored --nocapture`

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::compile::Compiler;
use crate::compile::tests::{PREFIX, put};
use crate::context::tests::with_snapshot;
use crate::snapshot::Snapshot;

const MANY: usize = 100_000;

fn route(at: usize, name: &str) -> Value {
    json!({
        "uri": format!("/api/v{}/service-{at}/*", at % 3), "host": format!("h{}.example.com", at % 50), "name": name,
        "upstream": {"nodes": {"127.0.0.1:80": 1}},
    })
}

fn compiler(count: usize) -> Compiler {
    let mut compiler = Compiler::new(PREFIX);
    compiler.apply((0..count).map(|at| put("routes", &at.to_string(), 1, &route(at, "first"))).collect::<Vec<_>>(), 1);
    assert_eq!(compiler.problems().first().map(|problem| problem.error.clone()), None);
    compiler
}

/// The shortest of many rounds over the same requests: what else the machine does only makes rounds longer.
fn lookups(compiler: &mut Compiler, count: usize) -> Duration {
    let snapshot = compiler.apply([], 1);
    let asked = (0..100).map(|n| n * (count / 10).max(1) % count);
    let rounds = asked.map(|at| {
        let path = format!("/api/v{}/service-{at}/items/7", at % 3);
        let head = http::Request::get(path).header("host", format!("h{}.example.com", at % 50));
        with_snapshot(head, &snapshot, |context| {
            let round = || {
                let started = Instant::now();
                for _ in 0..1000 {
                    assert!(black_box(snapshot.router.find(black_box(context))).is_some());
                }
                started.elapsed()
            };
            (0..20).map(|_| round()).min().unwrap()
        })
    });
    rounds.sum::<Duration>() / 100_000
}

#[test]
fn a_lookup_takes_few_steps_and_a_change_copies_few_nodes_of_however_many() {
    let (mut steps, mut copied) = (Vec::new(), Vec::new());
    for count in [10, 100, 10_000] {
        let mut compiler = compiler(count);
        let before = compiler.apply([], 1);
        let asked = (0..count).map(|at| {
            let paths = &before.router.exact_hosts.get(format!("h{}.example.com", at % 50).as_bytes()).unwrap().paths;
            paths.prefix.steps(format!("/api/v{}/service-{at}/items/7", at % 3).as_bytes())
        });
        steps.push(asked.max().unwrap());
        // One with a check of its own, because those are listed too.
        let mut changed = route(7, "changed");
        changed["upstream"]["checks"] = json!({"active": {"http_path": "/"}});
        let after = compiler.apply([put("routes", "7", 2, &changed)], 2);
        let host =
            |snapshot: &Snapshot| snapshot.router.exact_hosts.get(b"h7.example.com").unwrap().paths.prefix.clone();
        copied.push(
            host(&after).copied_since(&host(&before))
                + after.router.exact_hosts.copied_since(&before.router.exact_hosts)
                + after.routes.copied_since(&before.routes)
                + after.checkers.copied_since(&before.checkers),
        );
    }
    // A digit more is a level more, of ten children at the most.
    assert!(steps.windows(2).all(|pair| pair[1] <= pair[0] + 2 * (1 + 10)), "{steps:?}");
    assert!(copied.windows(2).all(|pair| pair[1] <= pair[0] + 4 * 2), "{copied:?}");
    assert!(copied[2] < 32, "{copied:?}");
}

#[test]
#[ignore = "measures"]
fn many_routes_cost_no_more_than_few() {
    let (mut few, mut many) = (compiler(10), compiler(MANY));
    let (few, many_found) = (lookups(&mut few, 10), lookups(&mut many, MANY));
    let change = (0..20).map(|round| {
        let changed = put("routes", "4711", 2 + round, &route(4711, &round.to_string()));
        let started = Instant::now();
        black_box(many.apply([changed], 2 + round));
        started.elapsed()
    });
    let change = change.max().unwrap();
    eprintln!("a lookup among 10 routes {few:?}, among {MANY} {many_found:?}; one changed route of {MANY} {change:?}");
    assert!(change < Duration::from_millis(10), "{change:?}");
}
