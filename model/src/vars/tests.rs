use serde_json::json;

use super::*;

fn holds(expression: &Value) -> bool {
    let lookup = |name: &str| -> Option<Variable<'_>> {
        let text = match name {
            "arg_name" => "json",
            "arg_n" => "10",
            "arg_hex" => " 0x1F ",
            "remote_addr" => "10.1.2.3",
            _ => return None,
        };
        Some(Cow::Borrowed(text).into())
    };
    Expr::parse(expression).unwrap().eval(&lookup)
}

#[test]
fn comparisons() {
    for (expression, expected) in [
        (json!(["arg_name", "==", "json"]), true),
        (json!(["arg_name", "==", "JSON"]), false),
        (json!(["arg_name", "json"]), true),
        (json!(["arg_name", "JSON"]), true),
        (json!(["arg_name", "=="]), false),
        (json!(["nothing", "=="]), true),
        (json!(["nothing", "==", null]), true),
        (json!(["arg_name", "~=", "xml"]), true),
        (json!(["nothing", "~=", "xml"]), true),
        (json!(["nothing", "~=", null]), false),
        (json!(["arg_n", "==", 10]), true),
        (json!(["arg_n", "==", "10.0"]), false),
        (json!(["arg_name", "==", 10]), false),
        (json!(["arg_name", "~=", 10]), true),
        (json!(["arg_name", "==", true]), false),
        (json!(["arg_n", ">", 9]), true),
        (json!(["arg_n", ">", "9"]), true),
        (json!(["arg_n", ">", 10]), false),
        (json!(["arg_n", ">=", 10.0]), true),
        (json!(["arg_n", "<", 1e1]), false),
        (json!(["arg_n", "<=", 10]), true),
        (json!(["arg_hex", "==", 31]), true),
        (json!(["arg_name", ">", 1]), false),
        (json!(["arg_n", ">", "x"]), false),
        (json!(["nothing", "<", 1]), false),
        (json!(["arg_name", "~~", "^js"]), true),
        (json!(["arg_name", "~~", "^JS"]), false),
        (json!(["arg_name", "~*", "^JS"]), true),
        (json!(["arg_n", "~~", 1]), true),
        (json!(["nothing", "~~", ".*"]), false),
        (json!(["arg_name", "in", ["xml", "json"]]), true),
        (json!(["arg_name", "IN", ["xml"]]), false),
        (json!(["arg_n", "in", [10]]), false),
        (json!(["arg_name", "in", "json"]), false),
        (json!(["arg_name", "has", "json"]), false),
        (json!(["arg_name", "!", "has", "json"]), true),
        (json!(["arg_name", "!", "==", "json"]), false),
        (json!(["arg_name", "!", "in", ["xml"]]), true),
        (json!(["remote_addr", "ipmatch", "10.0.0.0/8"]), true),
        (json!(["remote_addr", "ipmatch", ["::1", "10.1.2.3"]]), true),
        (json!(["remote_addr", "ipmatch", ["192.168.0.0/16"]]), false),
        (json!(["arg_name", "ipmatch", ["0.0.0.0/0"]]), false),
        (json!(["nothing", "!", "ipmatch", ["0.0.0.0/0"]]), true),
    ] {
        assert_eq!(holds(&json!([expression])), expected, "{expression}");
    }
}

/// What lua-resty-expr answered, a case a line: the variable as JSON (`-`: absent), the expression, 1 or 0.
#[test]
fn comparisons_are_those_of_the_original() {
    let mut cases = 0;
    for line in include_str!("original.tsv").lines() {
        let [variable, expression, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let variable: Option<Value> = (variable != "-").then(|| serde_json::from_str(variable).unwrap());
        let lookup = |_: &str| variable.as_ref().map(|value| Variable::Json(Cow::Borrowed(value)));
        let expr = Expr::parse(&serde_json::from_str(expression).unwrap()).unwrap();
        assert_eq!(expr.eval(&lookup), expected == "1", "{line}");
        cases += 1;
    }
    assert!(cases > 4000, "{cases}");
}

#[test]
fn logic() {
    let (yes, no) = (json!(["arg_n", "==", 10]), json!(["arg_n", "==", 11]));
    for (expression, expected) in [
        (json!([]), true),
        (json!({}), true),
        (json!([yes, yes]), true),
        (json!([yes, no]), false),
        (json!(["OR", no, yes]), true),
        (json!(["or", no, no]), false),
        (json!(["AND", yes, yes]), true),
        (json!(["!AND", yes, no]), true),
        (json!(["!OR", no, no]), true),
        (json!(["!OR", no, yes]), false),
        (json!([yes, ["OR", no, ["AND", yes, yes]]]), true),
        (json!([[yes, yes], ["!AND", yes, yes]]), false),
        (json!([[[yes]]]), true),
    ] {
        assert_eq!(holds(&expression), expected, "{expression}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let mut deep = json!(["a", "==", "b"]);
    for _ in 0..90 {
        deep = json!([deep]);
    }
    for (expression, message) in [
        (json!(["arg_n", "==", 10]), "rule should be wrapped inside brackets"),
        (json!([1, 2]), "rule should be wrapped inside brackets"),
        (json!([[]]), "rule too short"),
        (json!([{}]), "rule too short"),
        (json!(["OR", ["a", "b"]]), "rule too short"),
        (json!([["a"]]), "invalid expression"),
        (json!([[1, "==", 2]]), "invalid expression"),
        (json!([["a", true, 2]]), "invalid expression"),
        (json!([["a", "~~", ["b"]]]), "invalid expression"),
        (json!([["a", "=="], "b"]), "invalid expression"),
        (json!([{"a": 1}]), "invalid expression"),
        (json!("a"), "invalid expression"),
        (json!([["a", "=", 1]]), "invalid operator '='"),
        (json!([["a", "LIKE", 1]]), "invalid operator 'like'"),
        (json!([["a", "not", "==", 1]]), "bad 'not' expression"),
        (json!([["a", "!", "=", 1]]), "invalid operator '='"),
        (json!([["a", "ipmatch", ""]]), "invalid ip address"),
        (json!([["a", "ipmatch"]]), "invalid ip address"),
        (json!([["a", "ipmatch", []]]), "invalid ip address"),
        (json!([["a", "ipmatch", ["x"]]]), "invalid ip address: x"),
        (json!([["a", "~~", "("]]), "invalid regular expression \"(\": unclosed group"),
        (deep, "expression nested too deep"),
    ] {
        assert_eq!(Expr::parse(&expression).unwrap_err().to_string(), message, "{expression}");
    }
}

#[test]
fn numbers_as_lua_reads_them() {
    for (text, expected) in [
        ("10", Some(10.0)),
        (" -1.5e3\n", Some(-1500.0)),
        ("0x10", Some(16.0)),
        ("-0XfF", Some(-255.0)),
        (".5", Some(0.5)),
        ("5.", Some(5.0)),
        ("", None),
        ("0x", None),
        ("0x+1", None),
        ("1 2", None),
        ("inf", None),
        ("nan", None),
        ("é", None),
    ] {
        assert_eq!(number(text), expected, "{text:?}");
    }
}
