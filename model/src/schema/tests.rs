//! Messages and answers, as a table; then documents that nobody would write.

use serde_json::json;

use super::*;
use crate::fuzz::Sequence;

fn answer(schema: &Value, document: &Value) -> String {
    match Schema::compile(schema, Secrets::Resolved).unwrap().check(document) {
        Ok(()) => "ok".to_owned(),
        Err(violation) => violation.to_string(),
    }
}

#[test]
fn types() {
    for (schema, document, expected) in [
        (json!({"type": "string"}), json!(1), "wrong type: expected string, got number"),
        (json!({"type": "string"}), json!(null), "wrong type: expected string, got userdata"),
        (json!({"type": "object"}), json!("a"), "wrong type: expected object, got string"),
        (json!({"type": "object"}), json!([1]), "wrong type: expected object, got table"),
        (json!({"type": "array"}), json!({"a": 1}), "wrong type: expected array, got table"),
        (json!({"type": "array"}), json!({}), "ok"),
        (json!({"type": "object"}), json!([]), "ok"),
        (json!({"type": "integer"}), json!(1.5), "wrong type: expected integer, got number"),
        (json!({"type": "integer"}), json!(1.0), "ok"),
        (json!({"type": "boolean"}), json!(0), "wrong type: expected boolean, got number"),
        (json!({"type": "null"}), json!(null), "ok"),
        (
            json!({"type": ["integer", "string"]}),
            json!(true),
            "wrong type: expected one of integer, string, got boolean",
        ),
        (json!({"type": ["integer", "string"]}), json!("a"), "ok"),
        (json!(true), json!(1), "ok"),
        (json!(false), json!(1), "expect false always"),
        (json!({}), json!(null), "ok"),
    ] {
        assert_eq!(answer(&schema, &document), expected, "{schema} {document}");
    }
}

#[test]
fn objects() {
    let closed = json!({"type": "object", "properties": {"uri": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["uri"], "additionalProperties": false});
    for (schema, document, expected) in [
        (&closed, json!({"uri": 1}), r#"property "uri" validation failed: wrong type: expected string, got number"#),
        (&closed, json!({"n": 1}), r#"property "uri" is required"#),
        (&closed, json!([]), r#"property "uri" is required"#),
        (&closed, json!({"uri": "/", "foo": 1}), "additional properties forbidden, found foo"),
        (&closed, json!({"uri": "/", "n": 1}), "ok"),
        (&json!({"required": ["x"]}), json!({}), r#"property "x" is required"#),
        (&json!({"required": ["x"]}), json!([1]), "ok"),
        (&json!({"required": []}), json!({"a": 1}), "the input data should be an empty table"),
        (&json!({"required": []}), json!({}), "ok"),
        (&json!({"minProperties": 1}), json!({}), "expect object to have at least 1 properties"),
        (&json!({"maxProperties": 1}), json!({"a": 1, "b": 2}), "expect object to have at most 1 properties"),
        (
            &json!({"additionalProperties": {"type": "string"}}),
            json!({"a": 1}),
            "failed to validate additional property a: wrong type: expected string, got number",
        ),
        (
            &json!({"patternProperties": {".*": {"type": "string"}}}),
            json!({"env": {}}),
            r#"failed to validate env (matching ".*"): wrong type: expected string, got table"#,
        ),
        (
            &json!({"patternProperties": {"^a": {"type": "string"}}, "additionalProperties": false}),
            json!({"ab": "", "b": 1}),
            "additional properties forbidden, found b",
        ),
        (&json!({"dependencies": {"a": ["b"]}}), json!({"a": 1}), r#"property "b" is required when "a" is set"#),
        (&json!({"dependencies": {"a": ["b"]}}), json!({"a": 1, "b": 2}), "ok"),
        (
            &json!({"properties": {"a": {}}, "dependencies": {"a": {"required": ["b"]}}}),
            json!({"a": 1}),
            r#"failed to validate dependent schema for "a": property "b" is required"#,
        ),
        (
            &json!({"properties": {"a": {}}, "dependencies": {"a": {"not": {"required": ["b", "c"]}}}}),
            json!({"a": 1, "b": 2, "c": 3}),
            r#"failed to validate dependent schema for "a": value wasn't supposed to match schema"#,
        ),
    ] {
        assert_eq!(answer(schema, &document), expected, "{schema} {document}");
    }
}

#[test]
fn lists() {
    for (schema, document, expected) in [
        (json!({"minItems": 1}), json!([]), "expect array to have at least 1 items"),
        (json!({"minItems": 1}), json!({}), "expect array to have at least 1 items"),
        (json!({"maxItems": 1}), json!([1, 2]), "expect array to have at most 1 items"),
        (
            json!({"items": {"enum": ["GET"]}}),
            json!(["GET", "FOO"]),
            "failed to validate item 2: matches none of the enum values",
        ),
        (json!({"uniqueItems": true}), json!(["/a", "/a"]), "expected unique items but items 1 and 2 are equal"),
        (json!({"uniqueItems": false}), json!([1, 1]), "ok"),
        (
            json!({"items": [{"type": "string"}], "additionalItems": false}),
            json!(["a", 1]),
            "found unexpected extra items in array",
        ),
        (
            json!({"items": [{}], "additionalItems": {"type": "string"}}),
            json!([1, 2]),
            "failed to validate additional item 2: wrong type: expected string, got number",
        ),
        (json!({"items": [{"type": "string"}, {}]}), json!(["a"]), "ok"),
        (json!({"contains": {"const": 1}}), json!([2, 3]), "failed to check contains"),
        (json!({"contains": {"const": 1}}), json!([2, 1]), "ok"),
        (json!({"contains": {"const": 1}}), json!([]), "check contains: empty array is invalid"),
    ] {
        assert_eq!(answer(&schema, &document), expected, "{schema} {document}");
    }
}

#[test]
fn texts_and_numbers() {
    for (schema, document, expected) in [
        (json!({"minLength": 1}), json!(""), "string too short, expected at least 1, got 0"),
        (json!({"maxLength": 2}), json!("äöü"), "string too long, expected at most 2, got 3"),
        (json!({"pattern": "^[a-z]+$"}), json!("$#^@"), r##"failed to match pattern "^[a-z]+$" with "$#^@""##),
        (json!({"pattern": r"^\d$"}), json!("a\"\n"), "failed to match pattern \"^\\\\d$\" with \"a\\\"\\\n\""),
        (json!({"minimum": 0}), json!(-1), "expected -1 to be at least 0"),
        (json!({"maximum": 254}), json!(255), "expected 255 to be at most 254"),
        (json!({"exclusiveMinimum": 0}), json!(0), "expected 0 to be greater than 0"),
        (json!({"exclusiveMinimum": 2}), json!(1), "expected 1 to be greater than 2"),
        (json!({"exclusiveMaximum": 1.5}), json!(1.5), "expected 1.5 to be smaller than 1.5"),
        (json!({"minimum": 1}), json!("a"), "ok"),
        (json!({"multipleOf": 2}), json!(3), "expected 3 to be a multiple of 2"),
        (json!({"multipleOf": 0.01}), json!(1.13), "ok"),
        (json!({"multipleOf": 0.01}), json!(1.135), "expected 1.135 to be a multiple of 0.01"),
        (json!({"enum": ["a", 1, true]}), json!(1.0), "ok"),
        (json!({"enum": ["a", 1]}), json!(true), "matches none of the enum values"),
        (json!({"const": {"a": []}}), json!({"a": {}}), "ok"),
        (json!({"const": 1}), json!(2), "failed to check const value"),
        (json!({"format": "ipv4"}), json!("1.2.3.256"), "expect valid ipv4 format but got: 1.2.3.256"),
        (json!({"format": "ipv4"}), json!("01.2.3.4"), "expect valid ipv4 format but got: 01.2.3.4"),
        (json!({"format": "ipv6"}), json!("::1"), "ok"),
        (json!({"format": "ipv6"}), json!("::1::"), "expect valid ipv6 format but got: ::1::"),
        (json!({"format": "cidr"}), json!("10.0.0.0/8"), "ok"),
        (json!({"format": "cidr"}), json!("10.0.0.0/33"), "expect valid cidr format but got: 10.0.0.0/33"),
        (json!({"format": "cidr"}), json!("fe80::1"), "ok"),
        (json!({"format": "regex"}), json!("("), "expect valid regex format but got: ("),
        (json!({"format": "uri"}), json!("x"), "expect valid uri format but got: x"),
        (json!({"format": "uri"}), json!("http://a b"), "expect valid uri format but got: http://a b"),
        (json!({"format": "hostname"}), json!("a_b"), "expect valid hostname format but got: a_b"),
        (json!({"format": "uint32"}), json!("anything"), "ok"),
        (json!({"format": "ipv4"}), json!({}), "ok"),
        (json!({"format": "cors-credentials"}), json!("*"), "ok"),
        (json!({"format": "cors-credentials"}), json!({"allow_credential": false, "allow_origins": "*"}), "ok"),
        (json!({"format": "cors-credentials"}), json!({"allow_credential": true, "allow_origins": "**"}), "ok"),
        (
            json!({"format": "cors-credentials", "properties": {"allow_origins": {"default": "*"}}}),
            json!({"allow_credential": true}),
            "you can not set '*' for other option when 'allow_credential' is true",
        ),
    ] {
        assert_eq!(answer(&schema, &document), expected, "{schema} {document}");
    }
}

#[test]
fn compounds() {
    let one = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let any = json!({"anyOf": [{"required": ["plugins", "uri"]}, {"required": ["a/b"]}]});
    let conditional = json!({"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]},
        "else": {"required": ["c"]}});
    for (schema, document, expected) in [
        (&one, json!({}), "value should match only one schema, but matches none"),
        (&one, json!({"a": 1, "b": 1}), "value should match only one schema, but matches both schemas 1 and 2"),
        (&one, json!({"b": 1}), "ok"),
        (&any, json!({}), r#"object matches none of the required: ["plugins","uri"] or ["a\/b"]"#),
        (&any, json!({"a/b": 1}), "ok"),
        (
            &json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            json!([1]),
            "object matches none of the required",
        ),
        (
            &json!({"allOf": [{}, one]}),
            json!({}),
            "allOf 2 failed: value should match only one schema, but matches none",
        ),
        (&conditional, json!({"a": 1}), "then clause did not match"),
        (&conditional, json!({"a": 2}), "else clause did not match"),
        (&conditional, json!({"a": 2, "c": 1}), "ok"),
        (&json!({"not": {"type": "string"}}), json!("a"), "value wasn't supposed to match schema"),
    ] {
        assert_eq!(answer(schema, &document), expected, "{schema} {document}");
    }
}

#[test]
fn defaults_are_seen_by_what_follows() {
    let schema = json!({"type": "object", "properties": {"policy": {"type": "string", "default": "local"}},
        "if": {"properties": {"policy": {"enum": ["redis"]}}}, "then": {"required": ["host"]}});
    assert_eq!(answer(&schema, &json!({})), "ok");
    assert_eq!(answer(&schema, &json!({"policy": "redis"})), "then clause did not match");

    let schema = Schema::compile(
        &json!({"properties": {"a": {"default": [1]}, "b": {"properties": {"c": {"default": 2}}}}}),
        Secrets::Resolved,
    );
    let mut document = json!({"b": []});
    schema.as_ref().unwrap().fill(&mut document).unwrap();
    assert_eq!(document, json!({"b": {"c": 2}, "a": [1]}));
    let untouched = json!({});
    schema.unwrap().check(&untouched).unwrap();
    assert_eq!(untouched, json!({}));
    // A required property with a default is required all the same.
    assert_eq!(
        answer(&json!({"properties": {"a": {"default": 1}}, "required": ["a"]}), &json!({})),
        r#"property "a" is required"#
    );
}

#[test]
fn references_to_secrets_pass_where_texts_may_stand() {
    for (schema, document, passes) in [
        (json!({"type": "string", "minLength": 100}), "$secret://vault/1/key", true),
        (json!({"type": "string", "minLength": 100}), "$ENV://KEY", true),
        (json!({"enum": ["a"]}), "$env://KEY", true),
        (json!({"type": "integer"}), "$env://KEY", false),
        (json!({"type": ["string", "integer"], "minLength": 100}), "$env://KEY", false),
        (json!({"type": "string", "minLength": 100}), "$SECRET://KEY", false),
        (json!({"type": "string", "minLength": 100}), "$env:/é/KEY", false),
    ] {
        assert_eq!(answer(&schema, &json!(document)) == "ok", passes, "{schema} {document}");
    }
}

#[test]
fn a_bad_schema_says_where() {
    let error = |schema: Value| Schema::compile(&schema, Secrets::Resolved).unwrap_err().to_string();
    assert_eq!(
        error(json!({"properties": {"a": {"type": "text"}}})),
        r#"keyword "type" at "properties.a" of the schema has no valid value"#
    );
    assert_eq!(error(json!({"items": {"$ref": "#"}})), r#"keyword "$ref" at "items" of the schema is not supported"#);
    assert_eq!(error(json!({"anyOf": [{"pattern": "("}]})), r#"pattern at "anyOf.0" of the schema"#);
    for schema in [
        json!(1),
        json!({"properties": [1]}),
        json!({"minLength": -1}),
        json!({"minimum": "1"}),
        json!({"enum": 1}),
        json!({"required": [1]}),
        json!({"uniqueItems": 1}),
        json!({"dependencies": {"a": 1}}),
        json!({"oneOf": {}}),
    ] {
        assert!(matches!(Schema::compile(&schema, Secrets::Resolved), Err(Error::Malformed { .. })), "{schema}");
    }
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    assert_eq!(Schema::compile(&deep, Secrets::Resolved).unwrap_err(), Error::TooDeep);
}

#[test]
fn no_schema_and_no_document_panics() {
    const WORDS: &[&str] = &[
        "type",
        "properties",
        "patternProperties",
        "additionalProperties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependencies",
        "enum",
        "const",
        "pattern",
        "format",
        "minLength",
        "maxItems",
        "minimum",
        "multipleOf",
        "default",
        "contains",
        "uniqueItems",
        "string",
        "object",
        "array",
        "integer",
        "ipv4",
        "regex",
        "^a",
        "[",
        "",
        "$env://X",
        "a\u{0}é\n",
        "a",
    ];
    let mut sequence = Sequence::new();
    let mut compiled = 0;
    for _ in 0..20_000 {
        let schema = sequence.document(4, WORDS);
        let Ok(schema) = Schema::compile(&schema, Secrets::Resolved) else { continue };
        compiled += 1;
        for _ in 0..3 {
            let document = sequence.document(4, WORDS);
            let first = schema.check(&document);
            assert_eq!(first, schema.check(&document));
        }
    }
    assert!(compiled > 300, "{compiled}");
}
