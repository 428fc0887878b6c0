use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    log: crate::logs::Config,
    listen: Listen,
    #[serde(default)]
    admin: Admin,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Listen {
    address: SocketAddr,
    workers: u16,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Admin {
    password: Option<String>,
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Key {
    name: String,
    role: Role,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Role {
    Admin,
    Viewer,
}

const GOOD: &str = "\
listen:
  address: 127.0.0.1:1
  workers: 2
admin:
  keys:
    - name: one
      role: admin
    - { name: two, role: viewer }
";

fn load_from(text: Option<&str>, env: &[(&str, &str)], sets: &[&str]) -> Result<Sample, String> {
    let file = text.map(|text| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    });
    let sources = Sources {
        file: file.as_ref().map(|file| file.path().to_owned()),
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        env: env.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
    };
    load(&sources).map_err(|error| {
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        match &sources.file {
            Some(path) => text.replace(&path.display().to_string(), "FILE"),
            None => text,
        }
    })
}

/// The error of `GOOD` with one part replaced.
fn wrong(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    load_from(Some(&GOOD.replace(from, to)), &[], &[]).unwrap_err()
}

#[test]
fn a_good_file_is_read() {
    let sample = load_from(Some(GOOD), &[], &[]).unwrap();
    assert_eq!(sample.listen.workers, 2);
    assert_eq!(sample.admin.keys[1], Key { name: "two".into(), role: Role::Viewer });
}

#[test]
fn an_empty_section_is_a_section() {
    let sample = load_from(Some(&format!("{GOOD}log:\n  # level: debug\n")), &[], &[]).unwrap();
    assert_eq!(sample.log, crate::logs::Config::default());
}

#[test]
fn errors_of_the_file_name_line_column_and_allowed_values() {
    let cases = [
        (
            wrong("workers: 2", "wokers: 2"),
            "FILE:3:3: listen.wokers: unknown field `wokers`, expected one of `address`, `workers`, `names`",
        ),
        (
            wrong("workers: 2", "workers: 70000"),
            "FILE:3:12: listen.workers: invalid value: integer `70000`, expected a whole number from 0 to 65535",
        ),
        (
            wrong("workers: 2", "workers: many"),
            "FILE:3:12: listen.workers: invalid type: string \"many\", expected a whole number from 0 to 65535",
        ),
        (
            wrong("role: viewer", "role: root"),
            "FILE:8:26: admin.keys.1.role: unknown variant `root`, expected `admin` or `viewer`",
        ),
        (wrong("127.0.0.1:1", "here"), "FILE:2:12: listen.address: invalid socket address syntax"),
        (wrong("  workers: 2\n", ""), "FILE:2:3: listen: missing field `workers`"),
        (
            wrong("admin:\n", "log: { level: loud }\nadmin:\n"),
            "FILE:4:15: log.level: unknown log level `loud`, expected one of `off`, `error`, `warn`, `info`, \
             `debug`, `trace`, or a list such as `info,portolan_dp=debug`",
        ),
        (
            wrong("admin:\n", "log: { format: xml }\nadmin:\n"),
            "FILE:4:16: log.format: unknown variant `xml`, expected `human` or `json`",
        ),
        (
            wrong("admin:\n", "admin: { password: 1234 }\nadmin2:\n"),
            "FILE:4:20: admin.password: invalid type: integer `1234`, expected a string",
        ),
    ];
    for (found, want) in cases {
        assert_eq!(found, want);
    }
}

#[test]
fn broken_yaml_is_an_error_with_a_line() {
    let found = wrong("workers: 2", "workers: [2");
    assert!(found.starts_with("FILE:4:"), "{found}");
    let found = wrong("workers: 2", "address: x");
    assert!(found.starts_with("FILE:2:3: ") && found.contains("duplicate"), "{found}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources = Sources { file: Some("/nowhere/cp.yaml".into()), ..Sources::default() };
    let text = load::<Sample>(&sources).unwrap_err().to_string();
    assert!(text.starts_with("/nowhere/cp.yaml: cannot be read: "), "{text}");
}

#[test]
fn later_sources_win() {
    let env = [("PORTOLAN_LISTEN__WORKERS", "3"), ("PORTOLAN_LOG__LEVEL", "warn")];
    let sample = load_from(Some(GOOD), &env, &[]).unwrap();
    assert_eq!(sample.listen.workers, 3);
    assert_eq!(sample.log.level, "warn".parse().unwrap());
    let sample = load_from(Some(GOOD), &env, &["listen.workers=4", "listen.workers=5"]).unwrap();
    assert_eq!(sample.listen.workers, 5);
}

#[test]
fn a_wrong_value_that_is_overridden_does_no_harm() {
    let text = GOOD.replace("workers: 2", "workers: many");
    assert_eq!(load_from(Some(&text), &[], &["listen.workers=4"]).unwrap().listen.workers, 4);
}

#[test]
fn only_names_with_a_double_underscore_are_settings() {
    let env = [("PORTOLAN_SERVER", "x"), ("PORTOLAN_TOKEN", "x"), ("OTHER_LISTEN__WORKERS", "x")];
    assert_eq!(load_from(Some(GOOD), &env, &[]).unwrap().listen.workers, 2);
}

#[test]
fn overrides_work_without_a_file() {
    let sets = ["listen.address=[::1]:80", "listen.workers=1", "labels.a=1", "listen.names=[a, b]"];
    let sample = load_from(None, &[], &sets).unwrap();
    assert_eq!(sample.listen.address, "[::1]:80".parse().unwrap());
    assert_eq!(sample.listen.names, ["a", "b"]);
    assert_eq!(sample.labels["a"], "1");
}

#[test]
fn texts_are_taken_as_they_stand() {
    for password in ["1234", "0x1f", "true", "[brackets", "@at: colon", "a#b", " spaced "] {
        let set = format!("admin.password={password}");
        let sample = load_from(Some(GOOD), &[], &[&set]).unwrap();
        assert_eq!(sample.admin.password.as_deref(), Some(password));
    }
}

#[test]
fn list_items_are_named_by_their_number() {
    let sample = load_from(Some(GOOD), &[("PORTOLAN_ADMIN__KEYS__0__ROLE", "viewer")], &[]).unwrap();
    assert_eq!(sample.admin.keys[0].role, Role::Viewer);
}

#[test]
fn errors_of_overrides_name_the_override() {
    let found = |env: &[(&str, &str)], sets: &[&str]| load_from(Some(GOOD), env, sets).unwrap_err();
    let cases = [
        (
            found(&[("PORTOLAN_LISTEN__WORKERS", "many")], &[]),
            "PORTOLAN_LISTEN__WORKERS: invalid type: string \"many\", expected a whole number from 0 to 65535",
        ),
        (
            found(&[("PORTOLAN_LISTNE__WORKERS", "1")], &[]),
            "PORTOLAN_LISTNE__WORKERS: unknown field `listne`, expected one of `log`, `listen`, `admin`, `labels`",
        ),
        (
            found(&[], &["admin.keys.0.role=root"]),
            "--set admin.keys.0.role: unknown variant `root`, expected `admin` or `viewer`",
        ),
        (found(&[], &["workers"]), "--set workers: expected section.key=value"),
        (found(&[], &["listen.=1"]), "--set listen.: expected the names of a section and a key"),
        (found(&[("PORTOLAN___X", "1")], &[]), "PORTOLAN___X: expected the names of a section and a key"),
        (found(&[], &["listen=1"]), "--set listen: invalid type: integer `1`, expected a section"),
    ];
    for (found, want) in cases {
        assert_eq!(found, want);
    }
    let missing = load_from(None, &[], &["listen.workers=1"]).unwrap_err();
    assert_eq!(missing, "--set listen.workers: listen: missing field `address`");
    assert_eq!(load_from(None, &[], &[]).unwrap_err(), "configuration: missing field `listen`");
}
