use std::path::PathBuf;

use portolan_rt::config::{Sources, load};

use super::*;

fn read(text: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("cp.yaml");
    std::fs::write(&file, text).unwrap();
    let sources = Sources { file: Some(file), ..Sources::default() };
    load(&sources).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = read("").unwrap();
    assert_eq!(config.store.url, "sqlite:./data/portolan.db");
    assert_eq!(config.listen.admin_api.to_string(), "127.0.0.1:9180");
    assert_eq!(config.tls.names, ["localhost", "127.0.0.1"]);
    assert!(config.admin.keys.is_empty() && config.admin.password().unwrap().is_none());
    assert!(config.encryption.keyring().unwrap().is_empty());
}

#[test]
fn a_file_database_has_a_folder() {
    for (url, folder) in [
        ("sqlite:./data/portolan.db", Some("./data")),
        ("sqlite:/var/lib/p/x.db?mode=rwc", Some("/var/lib/p")),
        ("sqlite:///var/lib/p/x.db", Some("/var/lib/p")),
        ("sqlite:x.db", None),
        ("postgres://u@h/d", None),
    ] {
        let store = Store { url: url.into() };
        assert_eq!(store.folder(), folder.map(std::path::Path::new), "{url}");
    }
}

#[test]
fn everything_can_be_set() {
    let config = read(
        "store: { url: 'postgres://u:p@h/d' }\ndata_dir: { path: /d, secret_key_file: /k }\n\
         listen: { dashboard: '[::1]:1', admin_api: 127.0.0.1:2, dp_manager: 127.0.0.1:3, status: 127.0.0.1:4 }\n\
         admin: { user: ann, password: longenough, keys: [ { name: a, key: longenough, role: viewer }, { name: b, key_file: /x } ] }\n\
         tls: { names: ['*.example.com', '::1'] }\nlog: { level: debug, format: json }\nshutdown: { drain_seconds: 3 }\n",
    )
    .unwrap();
    assert_eq!((config.admin.keys[0].role, config.admin.keys[1].role), (Role::Viewer, Role::Admin));
    assert_eq!(config.admin.password().unwrap().unwrap().expose(), "longenough");
    assert!(!format!("{config:?}").contains("longenough"), "secrets are not printed");
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_is_allowed() {
    for (text, parts) in [
        ("store: { url: 'mongodb://h' }", &["store.url", "1", "sqlite:PATH"][..]),
        ("listen:\n  status: nowhere", &["listen.status", "2"]),
        ("listen:\n  grpc: 127.0.0.1:1", &["grpc", "2", "admin_api"]),
        ("tls: { names: [] }", &["tls.names", "at least one"]),
        ("tls: { names: ['a b'] }", &["tls.names", "no host"]),
        ("admin: { user: 'a b' }", &["admin.user", "a-z"]),
        ("admin: { keys: [ { name: a } ] }", &["admin.keys", "either key or key_file"]),
        ("admin: { keys: [ { name: a, key: k, key_file: f } ] }", &["admin.keys", "either key or key_file"]),
        ("admin: { keys: [ { name: a, key: k }, { name: a, key: l } ] }", &["admin.keys", "a name of its own"]),
        ("admin: { keys: [ { name: a, key: k, role: owner } ] }", &["role", "admin", "viewer"]),
    ] {
        let error = read(text).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{text:?}: {error:?} does not say {part:?}");
        }
    }
}

#[test]
fn secrets_are_long_enough_and_their_files_are_there() {
    let admin = |text: &str| read(&format!("admin: {text}")).unwrap().admin;
    assert!(admin("{ password: short }").password().unwrap_err().to_string().contains("8 characters"));
    assert!(
        admin("{ password: longenough, password_file: /x }").password().unwrap_err().to_string().contains("either")
    );
    let error = admin("{ password_file: /no/such/file }").password().unwrap_err().to_string();
    assert!(error.contains("admin.password_file") && error.contains("/no/such/file"), "{error}");
    let key = admin("{ keys: [ { name: a, key: short } ] }").keys[0].secret().unwrap_err().to_string();
    assert!(key.contains("admin.keys[a].key") && !key.contains("short\""), "{key}");
}

#[test]
fn keyrings() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (good, short, empty) = (
        file("good", "edd1c9f0985e76a2\n0123456789abcdef0123456789ABCDEF\n"),
        file("short", "abc"),
        file("empty", "\n"),
    );
    for (text, said) in [
        ("{ keyring: [edd1c9f0985e76a2] }".to_owned(), ""),
        (format!("{{ keyring_file: {good} }}"), ""),
        ("{ keyring: [edd1c9f0985e76a] }".to_owned(), "key 1 has 15 bytes"),
        (format!("{{ keyring_file: {short} }}"), "key 1 has 3 bytes"),
        (format!("{{ keyring_file: {empty} }}"), "no key"),
        (format!("{{ keyring: [edd1c9f0985e76a2], keyring_file: {good} }}"), "given twice"),
        ("{ keyring_file: /no/such/file }".to_owned(), "encryption.keyring_file: can't read /no/such/file"),
    ] {
        match read(&format!("encryption: {text}")).unwrap().encryption.keyring() {
            Ok(keyring) => assert!(said.is_empty() && !keyring.is_empty(), "{text}"),
            Err(error) => assert!(!said.is_empty() && error.to_string().contains(said), "{text}: {error}"),
        }
    }
}

#[test]
fn the_admin_api_port_has_all_it_needs() {
    for (text, said) in [
        ("{ }", ""),
        ("{ https: true }", ""),
        ("{ allow: [127.0.0.1, 10.0.0.0/8] }", ""),
        ("{ https: true, cert: a, key: b, client_ca: c }", ""),
        ("{ https: true, cert: a }", "admin_api.cert"),
        ("{ key: b }", "admin_api.cert"),
        ("{ client_ca: c }", "admin_api.https"),
    ] {
        match read(&format!("admin_api: {text}")).unwrap().admin_api.check() {
            Ok(()) => assert_eq!(said, "", "{text}"),
            Err(error) => assert!(!said.is_empty() && error.to_string().contains(said), "{text}: {error}"),
        }
    }
}

#[test]
fn addresses_that_are_none_are_named() {
    let error = read("admin_api: { allow: [10.0.0.0/33] }").unwrap_err().to_string();
    assert!(error.contains("10.0.0.0/33") && error.contains("allowed: addresses and networks"), "{error}");
}
