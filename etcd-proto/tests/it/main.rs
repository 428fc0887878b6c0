//! The committed Rust is what the protobuf files say. `UPDATE=1` rewrites it.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod describe;

use std::{fs, path::Path};

use prost::Message as _;

const FILES: [&str; 2] = ["rpc.proto", "health.proto"];

#[test]
fn generated_code_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(FILES, [root.join("proto")]).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let described = describe::Describe::new(&descriptors).file();
    let mut bare = descriptors.clone();
    for file in &mut bare.file {
        // Comments and positions.
        file.source_code_info = None;
    }
    fs::write(fresh.path().join("descriptors.bin"), bare.encode_to_vec()).unwrap();
    tonic_prost_build::configure()
        .bytes(".")
        .disable_comments(["."])
        .build_transport(false)
        .generate_default_stubs(true)
        .out_dir(fresh.path())
        .compile_fds(descriptors)
        .unwrap();

    fs::write(fresh.path().join("described.rs"), described).unwrap();

    let committed = root.join("src/generated");
    let (made, kept) = (listing(fresh.path()), listing(&committed));
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        for name in &kept {
            fs::remove_file(committed.join(name)).unwrap();
        }
        for name in &made {
            fs::copy(fresh.path().join(name), committed.join(name)).unwrap();
        }
        return;
    }
    assert_eq!(made, kept, "the set of generated files; rewrite with UPDATE=1");
    for name in &made {
        let (new, old) = (fresh.path().join(name), committed.join(name));
        let same = fs::read(new).unwrap() == fs::read(old).unwrap();
        assert!(same, "src/generated/{name} is not what proto/ says; rewrite with UPDATE=1");
    }
}

fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
