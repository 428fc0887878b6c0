//! What must not be in the build: a second TLS stack, a second crypto provider. `deny.toml` says the same for cargo-deny.

/// With the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    ("ring", "one crypto provider, aws-lc-rs: two make rustls panic when it looks for the default"),
    ("native-tls", "one TLS stack, rustls"),
    ("openssl", "one TLS stack, rustls"),
    ("openssl-sys", "one TLS stack, rustls"),
    ("rsa", "RUSTSEC-2023-0071 has no fixed release"),
    ("serde_yaml", "abandoned; yaml_serde is its successor here"),
];

#[test]
fn no_forbidden_crate_is_built() {
    let tree =
        super::cargo(&["tree", "--workspace", "--prefix", "none", "--format", "{p}", "--edges", "all", "--offline"]);
    let built: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains(&"aws-lc-rs"), "the tree is not what this test thinks it is");
    let found = FORBIDDEN.iter().filter(|(name, _)| built.contains(name));
    let wrong: Vec<String> =
        found.map(|(name, why)| format!("{name}: {why}; `cargo tree -i {name}` says who asks for it")).collect();
    super::none(&wrong, "crates that must not be built");
}
