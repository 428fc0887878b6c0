//! The tidy test.

use std::path::{Path, PathBuf};
use std::process::Command;

mod arrows;
mod dependencies;
mod heads;
mod leaks;
mod migrations;
mod plugins;
mod sql;

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All files of a folder with this ending, as paths from the workspace's root.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for name in names(&root().join(&folder)) {
            let path = folder.join(&name);
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What a command prints; the command must succeed.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn cargo(args: &[&str]) -> String {
    output(option_env!("CARGO").unwrap_or("cargo"), args)
}

/// The folders of the workspace's crates.
fn crates() -> Vec<String> {
    names(&root()).into_iter().filter(|name| root().join(name).join("Cargo.toml").is_file()).collect()
}

/// Fails with a list, unless it is empty.
fn none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}
