use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::resource::Document;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAQEBAQEBAQEBAQEB\nAQEBAQEBAQEBAQEBAQEBAQEBAQGhRANCAARv+z7Yyjq5kqq0qiJ8kkkkkkkkkkkk\n-----END PRIVATE KEY-----\n";

fn key(dir: &Path, name: &str, text: &str) -> Key {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    Key::load(&path).unwrap()
}

fn store(revision: i64) -> Store {
    let mut store = Store { revision, cluster_id: 7, ..Store::default() };
    for id in 0..100 {
        let key: Arc<str> = format!("/apisix/routes/{id}").into();
        let value = Bytes::from(format!("{{\"uri\":\"/{id}\",\"at\":{revision}}}"));
        store.put(Document { key, value, create_revision: 1, mod_revision: revision });
    }
    store
}

#[test]
fn what_was_saved_is_loaded_and_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path(), "key", KEY);
    let file = SnapshotFile::new(dir.path().join("sub/snapshot"), "/apisix/");
    assert!(matches!(file.load(&key), Err(Error::Missing)));
    for revision in [3, 4] {
        file.save(&key, &store(revision)).unwrap();
        assert_eq!(file.load(&key).unwrap(), store(revision));
    }
    let bytes = std::fs::read(dir.path().join("sub/snapshot")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"routes"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(dir.path().join("sub/snapshot")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path(), "key", KEY);
    let path = dir.path().join("snapshot");
    let file = SnapshotFile::new(path.clone(), "/apisix/");
    file.save(&key, &store(3)).unwrap();
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(file.load(&key), Err(Error::Sealed | Error::Format)), "flipped at {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(file.load(&key), Err(Error::Sealed | Error::Format)), "cut at {at}");
    }
    std::fs::write(&path, b"{\"not\":\"a snapshot\"}").unwrap();
    assert!(matches!(file.load(&key), Err(Error::Format)));
}

#[test]
fn another_key_or_prefix_does_not_open_it() {
    let dir = tempfile::tempdir().unwrap();
    let mine = key(dir.path(), "mine", KEY);
    let other = key(dir.path(), "other", &KEY.replacen("AQEB", "AgEB", 1));
    let path = dir.path().join("snapshot");
    SnapshotFile::new(path.clone(), "/apisix/").save(&mine, &store(3)).unwrap();
    let load = |prefix, key| SnapshotFile::new(path.clone(), prefix).load(key);
    assert!(matches!(load("/apisix/", &other), Err(Error::Sealed)));
    assert!(matches!(load("/other/", &mine), Err(Error::Prefix(prefix)) if prefix == "/apisix/"));
}

#[test]
fn a_half_written_temporary_file_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path(), "key", KEY);
    let file = SnapshotFile::new(dir.path().join("snapshot"), "/apisix/");
    file.save(&key, &store(3)).unwrap();
    std::fs::write(dir.path().join("snapshot.new"), b"half").unwrap();
    assert_eq!(file.load(&key).unwrap(), store(3));
    file.save(&key, &store(4)).unwrap();
    assert_eq!(file.load(&key).unwrap(), store(4));
}
