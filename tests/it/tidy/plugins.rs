//! A plugin is one file, one line of the schema file, and one page.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{names, read, root};

#[test]
fn each_plugin_has_its_file_its_schema_and_its_page() {
    let schema: Value = serde_json::from_str(&read(&root().join("model/schema/plugins.json"))).unwrap();
    let schema: BTreeSet<String> = schema.as_object().unwrap().keys().cloned().collect();
    let stems = |folder: &str, ending: &str| -> BTreeSet<String> {
        names(&root().join(folder))
            .iter()
            .filter_map(|name| Some(name.strip_suffix(ending)?.replace('_', "-")))
            .collect()
    };
    let mut code = stems("dp/src/plugins", ".rs");
    code.remove("tests");
    assert_eq!(code, schema, "files in dp/src/plugins and entries of model/schema/plugins.json");
    assert_eq!(stems("docs/plugins", ".md"), schema, "pages in docs/plugins and entries of model/schema/plugins.json");
}
