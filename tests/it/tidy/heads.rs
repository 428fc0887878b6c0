//! Each crate opens with what it is for.

/// A head fits on a screen.
const LONGEST: usize = 25;

#[test]
fn crates_open_with_purpose_and_invariants() {
    let mut wrong = Vec::new();
    for folder in super::crates() {
        let lib = super::root().join(&folder).join("src/lib.rs");
        let path = if lib.is_file() { lib } else { super::root().join(&folder).join("src/main.rs") };
        let text = super::read(&path);
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        if head.is_empty() || head.len() > LONGEST {
            wrong.push(format!("{folder}: 1 to {LONGEST} lines of //! are expected, not {}", head.len()));
        }
        if !head.iter().any(|line| line.starts_with("//! Invariant:")) {
            wrong.push(format!("{folder}: the head has no `Invariant:` line, what the crate must never do or know"));
        }
    }
    super::none(&wrong, "crate heads");
}

#[test]
fn no_module_is_called_mod_rs() {
    let mut wrong = Vec::new();
    for folder in super::crates() {
        let found = super::files(&folder, "mod.rs");
        let found = found.into_iter().filter(|path| path.file_name().is_some_and(|name| name == "mod.rs"));
        wrong.extend(found.map(|path| path.display().to_string()));
    }
    super::none(&wrong, "foo.rs stands beside foo/, never foo/mod.rs");
}
