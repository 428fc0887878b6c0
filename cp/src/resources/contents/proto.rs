//! Definitions in Protocol Buffers: a text, or a set of compiled descriptors in base64.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use protox::prost::Message as _;
use protox::prost_reflect::prost_types::FileDescriptorSet;

/// What the definition is called in messages.
const NAME: &str = "content.proto";

/// The one file that there is, beside those that come with Protocol Buffers.
struct Only(File);

// === impl Only ===

impl FileResolver for Only {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        (path == Path::new(NAME)).then(|| NAME.to_owned())
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == NAME { Ok(self.0.clone()) } else { Err(protox::Error::file_not_found(name)) }
    }
}

/// Whether it can be compiled; if not, why.
pub(super) fn check(definition: &str) -> Result<(), String> {
    match compile(definition) {
        Err(_) if is_descriptor_set(definition) => Ok(()),
        compiled => compiled.map_err(|error| error.to_string()),
    }
}

fn compile(definition: &str) -> Result<(), protox::Error> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Only(File::from_source(NAME, definition)?));
    resolver.add(GoogleFileResolver::new());
    Compiler::with_file_resolver(resolver).open_file(NAME).map(drop)
}

fn is_descriptor_set(definition: &str) -> bool {
    let bytes = STANDARD.decode(definition).ok();
    let set = bytes.and_then(|bytes| FileDescriptorSet::decode(bytes.as_slice()).ok());
    set.is_some_and(|set| !set.file.is_empty() && set.file.iter().all(|file| file.name.is_some()))
}

#[cfg(test)]
mod tests {
    use portolan_testkit::cpu;

    use super::*;

    const WHOLE: &str = "syntax = \"proto3\";\npackage a;\nimport \"google/protobuf/timestamp.proto\";\n\
        message A { google.protobuf.Timestamp at = 1; }\nservice S { rpc Get(A) returns (stream A); }";

    fn refused(definition: &str) -> String {
        check(definition).unwrap_err()
    }

    #[test]
    fn texts_and_descriptor_sets() {
        assert_eq!(check(WHOLE), Ok(()));
        assert_eq!(check(""), Ok(()), "an empty file is one");
        let set = compiled(WHOLE).encode_to_vec();
        assert_eq!(check(&STANDARD.encode(set)), Ok(()));
        for (definition, said) in [
            ("message {", "expected an identifier"),
            ("syntax = \"proto9\";", "syntax"),
            ("syntax = \"proto3\"; message A { B b = 1; }", "'B'"),
            ("import \"other.proto\";", "other.proto"),
            ("import \"content.proto\";", "cycle"),
            ("not a definition", "expected"),
            ("bm90IGEgc2V0", "expected"),
        ] {
            let text = refused(definition);
            assert!(text.contains(said), "{definition}: {text}");
        }
    }

    #[test]
    fn nothing_goes_too_deep_or_takes_too_long() {
        let start = cpu::of_thread();
        let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        for definition in [
            format!("syntax = \"proto3\"; {}", deep("message A {", "}")),
            format!("syntax = \"proto3\"; option (a) = {};", deep("{ a: ", "}")),
            format!("syntax = \"proto2\"; message A {{ {} }}", deep("optional group B = 1 {", "}")),
            format!("message A {{ map<{} a = 1; }}", deep("map<string, ", ">")),
            format!("message A {{ repeated {} a = 1; }}", "a.".repeat(100_000)),
            "(".repeat(1_000_000),
            "/*".repeat(500_000),
            "\"".repeat(1_000_001),
        ] {
            refused(&definition);
        }
        let many: String = (0..20_000).map(|n| format!("message M{n} {{ string a = 1; }}\n")).collect();
        assert_eq!(check(&format!("syntax = \"proto3\";\n{many}")), Ok(()));
        let took = cpu::of_thread() - start;
        assert!(took.as_secs() < 30, "without optimisation it took {took:?}");
    }

    fn compiled(definition: &str) -> FileDescriptorSet {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Only(File::from_source(NAME, definition).unwrap()));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.open_file(NAME).unwrap();
        compiler.file_descriptor_set()
    }
}
