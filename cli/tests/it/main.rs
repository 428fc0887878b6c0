//! The command line as a user meets it: exit codes, complaints, and the sample files.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

struct Output {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn portolan(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_portolan")).args(args).env_remove("PORTOLAN_TOKEN").output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/config").join(name)
}

#[test]
fn the_sample_files_are_right() {
    for role in ["cp", "dp"] {
        let file = sample(&format!("{role}.yaml"));
        let output = portolan(&[role, "--config", file.to_str().unwrap(), "--check-config"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert!(output.stdout.contains("is right"), "{}", output.stdout);
    }
}

#[test]
fn a_wrong_setting_names_its_line_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cp.yaml");
    let cases = [
        ("log:\n  level: info\n  format: xml\n", &["cp.yaml", "3", "format", "human", "json"][..]),
        ("listen:\n  dashbord: 0.0.0.0:1\n", &["cp.yaml", "2", "dashbord", "dashboard"]),
        ("listen:\n  dashboard: nowhere\n", &["cp.yaml", "2", "dashboard"]),
        ("store: { url: \"oracle:x\" }\n", &["store.url", "sqlite", "postgres"]),
        ("store: [\n", &["cp.yaml"]),
    ];
    for (text, words) in cases {
        std::fs::write(&file, text).unwrap();
        let output = portolan(&["cp", "--config", file.to_str().unwrap(), "--check-config"]);
        assert_eq!(output.code, Some(64), "{text}: {}", output.stderr);
        for word in words {
            assert!(output.stderr.contains(word), "{text}: no {word} in: {}", output.stderr);
        }
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_set_is_checked_too() {
    let file = sample("dp.yaml");
    let file = file.to_str().unwrap();
    for set in ["listen.http=nowhere", "limits.header_bytes=1", "nothing.at=all"] {
        let output = portolan(&["dp", "--config", file, "--check-config", "--set", set]);
        assert_eq!(output.code, Some(64), "{set}: {}", output.stderr);
        assert!(
            output.stderr.contains(set.split('=').next().unwrap().split('.').next().unwrap()),
            "{set}: {}",
            output.stderr
        );
    }
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let wrong: &[&[&str]] = &[
        &[],
        &["nothing"],
        &["up", "--data-dir", data, "--store", "oracle://localhost/x"],
        &["up", "--data-dir", data, "--set", "listen.nothing=1"],
        &["up", "--data-dir", data, "--admin-key", "short"],
        &["cp"],
        &["dp", "--config", "/nonexistent/dp.yaml"],
        &["audit", "events"],
        &["audit", "events", "--token", "k", "--server", "ftp://x"],
        &["rollback", "--group", "default", "--to", "yesterday"],
    ];
    for args in wrong {
        let output = portolan(args);
        assert_eq!(output.code, Some(64), "{args:?}: {}{}", output.stdout, output.stderr);
        assert!(!output.stderr.is_empty(), "{args:?} says why");
    }
    for args in [&["--help"][..], &["--version"], &["up", "--help"]] {
        assert_eq!(portolan(args).code, Some(0), "{args:?}");
    }
}

#[test]
fn a_control_plane_that_is_not_there_is_1() {
    let output = portolan(&["audit", "events", "--token", "k", "--server", "http://127.0.0.1:1"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("could not reach the control plane"), "{}", output.stderr);
}
