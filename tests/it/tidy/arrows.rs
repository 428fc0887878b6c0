//! Who may know whom.

use serde_json::Value;

/// The arrows of design section 2. A new one is a commit of its own, which says why.
const ARROWS: &[(&str, &[&str])] = &[
    ("bench", &["etcd-proto"]),
    ("cli", &["cp", "dp", "eventstore", "rt"]),
    ("cp", &["eventstore", "kine-shim", "model", "rt"]),
    ("dp", &["etcd-proto", "model", "rt"]),
    ("etcd-proto", &[]),
    ("eventstore", &["model", "rt"]),
    ("kine-shim", &["etcd-proto", "eventstore", "model", "rt"]),
    ("model", &[]),
    ("rt", &[]),
    ("testkit", &[]),
    ("tests", &[]),
];

/// Who may speak SQL at all: the log, and the kit that makes databases for its tests.
const SPEAK_SQL: &[&str] = &["eventstore", "testkit"];

fn packages() -> Vec<Value> {
    let metadata = super::cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    serde_json::from_str::<Value>(&metadata).unwrap()["packages"].as_array().unwrap().clone()
}

/// The dependencies of a package by kind; ours without their prefix.
fn dependencies(package: &Value, dev: bool) -> impl Iterator<Item = &str> {
    let all = package["dependencies"].as_array().unwrap();
    all.iter()
        .filter(move |dependency| (dependency["kind"] == "dev") == dev)
        .map(|dependency| dependency["name"].as_str().unwrap())
}

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    let packages = packages();
    for package in &packages {
        let name =
            package["name"].as_str().unwrap().strip_prefix("portolan-").expect("a package is named portolan-FOLDER");
        let manifest = package["manifest_path"].as_str().unwrap();
        if !manifest.ends_with(&format!("/{name}/Cargo.toml")) {
            wrong.push(format!("{name} is not in the folder {name}"));
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(folder, _)| *folder == name) else {
            wrong.push(format!("{name} has no line in ARROWS"));
            continue;
        };
        let ours = |dev| dependencies(package, dev).filter_map(|dependency| dependency.strip_prefix("portolan-"));
        wrong.extend(ours(false).filter(|to| !allowed.contains(to)).map(|to| format!("{name} → {to}")));
        let in_tests = |to: &&str| !allowed.contains(to) && *to != "testkit" && name != "tests";
        wrong.extend(ours(true).filter(in_tests).map(|to| format!("{name} → {to} (in tests)")));
        for sql in dependencies(package, false).filter(|to| *to == "sqlx" && !SPEAK_SQL.contains(&name)) {
            wrong.push(format!("{name} → {sql}"));
        }
    }
    assert_eq!(packages.len(), ARROWS.len(), "a line of ARROWS is stale");
    super::none(&wrong, "arrows that design section 2 does not have");
}
