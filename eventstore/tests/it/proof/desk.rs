//! An auditor's desk: bundles, the keys that are trusted, and both verifiers, which must say the same: ours, and docs/audit/verify.py.

use std::fs;
use std::path::{Path, PathBuf};

use portolan_eventstore::proof::export::Range;
use portolan_eventstore::proof::{Export, Log, Verifier, verify};
use portolan_testkit::python;
use serde_json::{Value, json};

use super::ledger::Keys;

/// A folder with bundles and key files.
pub struct Desk {
    folder: tempfile::TempDir,
    pub keys: Keys,
    trusted: Vec<Verifier>,
    python: PathBuf,
    bundles: std::cell::Cell<u32>,
}

impl Desk {
    /// One that trusts a key of its own.
    pub fn new() -> Self {
        let keys = Keys::new();
        Self { keys: Keys { pkcs8: keys.pkcs8.clone(), vkey: keys.vkey.clone() }, ..Self::trusting(&[&keys]) }
    }

    /// One that trusts these keys.
    pub fn trusting(all: &[&Keys]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = all.iter().map(|keys| format!("# a key of the log\n{}\n", keys.vkey)).collect();
        fs::write(folder.path().join("key"), lines).unwrap();
        Self {
            folder,
            keys: Keys::new(),
            trusted: all.iter().flat_map(|keys| keys.trusted()).collect(),
            python: python::with_requirements(Path::new(env!("CARGO_TARGET_TMPDIR"))),
            bundles: std::cell::Cell::new(0),
        }
    }

    fn next(&self) -> PathBuf {
        self.bundles.set(self.bundles.get() + 1);
        self.folder.path().join(format!("bundle-{}", self.bundles.get()))
    }

    pub async fn export(&self, log: &Log, from: i64, to: i64) -> PathBuf {
        let folder = self.next();
        let range = Range { from: Some(from), to: Some(to) };
        Export::new(log, range).await.unwrap().write(&folder).await.unwrap();
        folder
    }

    /// A copy to tamper with.
    pub fn copy(&self, bundle: &Path) -> PathBuf {
        let folder = self.next();
        fs::create_dir(&folder).unwrap();
        for file in fs::read_dir(bundle).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        folder
    }

    /// What both verifiers say; fails the test when they differ.
    pub fn verdict(&self, bundle: &Path, held: &[String]) -> Value {
        let ours = serde_json::to_value(verify(bundle, &self.trusted, held, &|_| {}).unwrap()).unwrap();
        let kept = self.folder.path().join("kept");
        fs::write(&kept, held.iter().map(|note| format!("{note}\n")).collect::<String>()).unwrap();
        let output = std::process::Command::new(&self.python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit/verify.py"))
            .args([bundle, Path::new("--key"), &self.folder.path().join("key"), Path::new("--checkpoints"), &kept])
            .arg("--json")
            .output()
            .unwrap();
        let theirs: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("verify.py: {}", String::from_utf8_lossy(&output.stderr)));
        let good = ours["result"] == "OK";
        assert_eq!(output.status.code(), Some(i32::from(!good)));
        // The words may differ, what they say may not.
        let facts = |mut verdict: Value| {
            verdict.as_object_mut().unwrap().remove("what");
            verdict
        };
        assert_eq!(facts(ours.clone()), facts(theirs), "{bundle:?}");
        ours
    }

    pub fn fails(&self, bundle: &Path, kind: &str, revision: Option<i64>) -> Value {
        let verdict = self.verdict(bundle, &[]);
        assert_eq!((&verdict["kind"], &verdict["revision"]), (&json!(kind), &json!(revision)), "{verdict}");
        verdict
    }
}
