use super::*;

fn file(name: &str, content: &[u8]) -> export::File {
    export::File { name: name.into(), content: content.to_vec() }
}

fn archive(files: &[export::File]) -> Vec<u8> {
    let mut bytes: Vec<u8> = files.iter().flat_map(|file| member(file, 1_700_000_000)).collect();
    bytes.extend_from_slice(&END);
    bytes
}

fn unpack(bytes: &[u8], step: usize, folder: &Path) -> io::Result<usize> {
    let mut unpacker = Unpacker::new(folder)?;
    for part in bytes.chunks(step) {
        unpacker.feed(part)?;
    }
    let files = unpacker.files();
    unpacker.finish().map(|()| files)
}

#[test]
fn what_is_packed_comes_out_however_it_is_cut() {
    let files = [file("bundle.json", b"{}"), file("accounts.jsonl", b""), file("entries-1.jsonl", &[b'x'; 1_537])];
    let bytes = archive(&files);
    assert_eq!(bytes.len() % BLOCK, 0);
    for step in [1, 100, 512, 100_000] {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unpack(&bytes, step, folder.path()).unwrap(), 3);
        for file in &files {
            assert_eq!(std::fs::read(folder.path().join(&file.name)).unwrap(), file.content, "{}", file.name);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.tar"), &bytes).unwrap();
    let listed = std::process::Command::new("tar").arg("-tf").arg(folder.path().join("x.tar")).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "bundle.json\naccounts.jsonl\nentries-1.jsonl\n");
}

#[test]
fn what_is_cut_off_or_foreign_is_refused() {
    let whole = archive(&[file("bundle.json", b"{}"), file("entries-1.jsonl", b"x")]);
    for cut in [0, 1, 512, 513, 1_024, 2_047, 2_048] {
        let folder = tempfile::tempdir().unwrap();
        assert!(unpack(&whole[..cut], 512, folder.path()).is_err(), "{cut}");
    }
    for name in ["../evil", "/etc/evil", "a/b", ".hidden", "Upper"] {
        let folder = tempfile::tempdir().unwrap();
        assert!(unpack(&archive(&[file(name, b"x")]), 512, folder.path()).is_err(), "{name}");
    }
    let twice = archive(&[file("a", b"x"), file("a", b"y")]);
    let mut changed = archive(&[file("a", b"x")]);
    changed[130] ^= 1;
    let mut link = archive(&[file("a", b"")]);
    link[156] = b'2';
    for bytes in [twice, changed, link, vec![b'x'; 2_048]] {
        let folder = tempfile::tempdir().unwrap();
        assert!(unpack(&bytes, 512, folder.path()).is_err());
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("there"), "").unwrap();
    assert!(Unpacker::new(folder.path()).is_err());
}
