use http::request::Builder;
use serde_json::json;

use super::*;
use crate::context::tests::with_context;
use crate::expr::Expr;
use crate::vars::Var;

fn with_body<T>(head: Builder, body: &'static str, test: impl FnOnce(&mut Context<'_>) -> T) -> T {
    with_context(head.header("host", "h"), |context| {
        context.content.set(Bytes::from_static(body.as_bytes()));
        test(context)
    })
}

#[test]
fn forms_have_arguments() {
    let form = || http::Request::post("/").header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    with_body(form(), "a=1+2&b&a=3&c=%C3%A9", |context| {
        for (name, expected) in [
            ("post_arg_a", Some("1 2")),
            ("post_arg_b", Some("true")),
            ("post_arg_c", Some("é")),
            ("post_arg_d", None),
            ("post_arg.c", Some("é")),
            ("post_arg.a", Some(r#"["1 2","3"]"#)),
            ("post_arg.d", None),
        ] {
            assert_eq!(Var::parse(name).read(context).as_deref(), expected, "{name}");
        }
        let holds = |rule: Value| Expr::compile(&rule).unwrap().holds(context);
        assert!(holds(json!([["post_arg_b", "==", true], ["post_arg.a", "has", "3"]])));
    });
    // `post_arg_` is for forms only.
    with_body(http::Request::post("/").header("content-type", "text/plain"), "a=1", |context| {
        assert_eq!(Var::parse("post_arg_a").read(context), None);
        assert_eq!(Var::parse("post_arg.a").read(context), None);
    });
}

#[test]
fn documents_have_paths() {
    let document = r#"{"model":{"name":"gpt","n":[10,20,{"x":"y"}]},"flag":false,"list":[{"x":1},{"x":"2"}]}"#;
    let json_head = || http::Request::post("/").header("content-type", "application/json");
    with_body(json_head(), document, |context| {
        for (name, expected) in [
            ("post_arg.model.name", Some("gpt")),
            ("post_arg.flag", Some("false")),
            ("post_arg.model.n.0", None),
            ("post_arg.model.n[1]", Some("[20]")),
            ("post_arg.model['name']", Some(r#"["gpt"]"#)),
            ("post_arg.list[*].x", Some(r#"[1,"2"]"#)),
            ("post_arg..x", None),
            ("post_arg.model..x", Some(r#"["y"]"#)),
            ("post_arg.model.*", Some(r#"["gpt",[10,20,{"x":"y"}]]"#)),
            ("post_arg.none[0]", None),
            ("post_arg.list[x", None),
        ] {
            assert_eq!(Var::parse(name).read(context).as_deref(), expected, "{name}");
        }
        let holds = |rule: Value| Expr::compile(&rule).unwrap().holds(context);
        assert!(holds(json!([["post_arg.model.n", "has", 10], ["post_arg.flag", "==", false]])));
        assert!(!holds(json!([["post_arg.list[*].x", "has", 2]])));
    });
    with_body(json_head(), "{", |context| assert_eq!(Var::parse("post_arg.a").read(context), None));
    let multipart = http::Request::post("/").header("content-type", "multipart/form-data; boundary=\"b0\"");
    let body = "--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--b0\r\ncontent-disposition: form-data; \
                name=f; filename=\"x\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n--b0--\r\n";
    with_body(multipart, body, |context| {
        assert_eq!(Var::parse("post_arg.a").read(context).as_deref(), Some("1\r\n2"));
        assert_eq!(Var::parse("post_arg.f").read(context).as_deref(), Some("file"));
    });
}

#[test]
fn operations_of_graphql_are_known() {
    for (text, expected) in [
        ("query repo { owner { name } }", Some(("query", "repo", json!(["owner"])))),
        ("{ a b(x: \"}\\\"\", y: [1, {z: -2.5e3}]) { c } }", Some(("query", "", json!(["a", "b"])))),
        (
            "# hm }\nmutation M($x: Int = 1, $y: [String!]!) @d(if: true) { alias: set(x: $x) ...F ... on T { q } }",
            Some(("mutation", "M", json!(["set", "F"]))),
        ),
        ("query{a}\nquery b {c} fragment F on T { x }", Some(("query", "", json!(["a"])))),
        ("query { a(text: \"\"\"}{ \\\"\"\" \"\"\") }", Some(("query", "", json!(["a"])))),
        ("subscription { tick }", Some(("subscription", "", json!(["tick"])))),
        ("query {}", None),
        ("query { a", None),
        ("query { a } }", None),
        ("query { a(x: \"1) }", None),
        ("fragment F on T { x }", None),
        ("query { a } \u{1}", None),
        ("", None),
    ] {
        let found = Operation::parse(text).map(|found| (found.kind, found.name, found.root_fields));
        let expected = expected.map(|(kind, name, fields)| (kind, name.to_owned(), fields));
        assert_eq!(found, expected, "{text}");
    }
    let deep = "{a".repeat(1000);
    assert_eq!(Operation::parse(&deep), None);
}

#[test]
fn graphql_is_found_where_apisix_looks() {
    let fields = json!([["graphql_root_fields", "has", "owner"], ["graphql_operation", "==", "query"]]);
    let holds = |context: &mut Context<'_>| Expr::compile(&fields).unwrap().holds(context);
    let post = || http::Request::post("/");
    assert!(with_body(post(), "query{owner{name}}", holds));
    let body = r#"{"query":"query{owner{name}}"}"#;
    assert!(with_body(post().header("content-type", "application/json"), body, holds));
    assert!(!with_body(post(), body, holds));
    assert!(with_body(http::Request::get("/?query=query%7Bowner%7Bname%7D%7D"), "", holds));
    assert!(!with_body(http::Request::put("/"), "query{owner{name}}", holds));
}
