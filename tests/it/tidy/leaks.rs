//! What belongs to one machine and must not be in the project: its paths, its package registries.

use super::{none, output, read, root};

#[test]
fn no_file_names_this_machines_folders() {
    let folder = format!("{}/", root().display());
    let tracked = output("git", &["ls-files"]);
    let names_it = |path: &&str| std::fs::read_to_string(root().join(path)).is_ok_and(|text| text.contains(&folder));
    let wrong: Vec<String> = tracked.lines().filter(names_it).map(str::to_owned).collect();
    none(&wrong, "files that name a folder of this machine");
}

#[test]
fn locked_packages_come_from_the_public_registries() {
    let cargo = read(&root().join("Cargo.lock"));
    let public = r#"source = "registry+https://github.com/rust-lang/crates.io-index""#;
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(cargo.lines().filter(|line| line.starts_with("source = ") && *line != public).map(str::to_owned));
    let npm = read(&root().join("dashboard/package-lock.json"));
    let elsewhere = |line: &&str| line.contains("\"resolved\":") && !line.contains("\"https://registry.npmjs.org/");
    wrong.extend(npm.lines().filter(elsewhere).map(str::to_owned));
    none(&wrong, "packages from elsewhere");
}
