use bytes::{Bytes, BytesMut};
use portolan_etcd_proto::described;
use portolan_etcd_proto::etcdserverpb::{
    Compare, LeaseTimeToLiveResponse, RangeRequest, RangeResponse, ResponseHeader, TxnRequest, WatchCreateRequest,
};
use portolan_etcd_proto::mvccpb::KeyValue;
use portolan_etcd_proto::schema::Message;
use prost::Message as _;

use super::*;

fn read_text(message: &'static Message, text: &str) -> Result<Vec<u8>, String> {
    match parse(text.as_bytes()) {
        Ok((value, _)) => read(message, &value),
        Err(error) => Err(error.to_string()),
    }
}

fn range(text: &str) -> Result<RangeRequest, String> {
    read_text(&described::RANGE_REQUEST, text).map(|wire| RangeRequest::decode(wire.as_slice()).unwrap())
}

fn written(message: &'static Message, value: &impl prost::Message) -> String {
    let mut out = BytesMut::new();
    write(message, &value.encode_to_vec(), &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn requests_come_in_many_spellings() {
    let same = RangeRequest {
        key: "a".into(),
        range_end: "b".into(),
        limit: 3,
        sort_order: 2,
        keys_only: true,
        ..RangeRequest::default()
    };
    for text in [
        r#"{"key":"YQ==","range_end":"Yg==","limit":3,"sort_order":2,"keys_only":true}"#,
        r#"{"keysOnly":true,"sortOrder":"DESCEND","limit":"3","rangeEnd":"Yg==","key":"YQ=="}"#,
        r#" {"key":"YQ=\u003d","range_end":[98],"limit":" 3","sort_order":"DESCEND","keys_only":true} rubbish"#,
        r#"{"unknown":{"a":[1]},"key":"Wg==","key":"YQ==","range_end":"Yg==","limit":3,"sort_order":2,"keys_only":true,
            "revision":null,"serializable":null,"sort_target":null}"#,
        r#"{"range_end":"Wg==","rangeEnd":"Y\ng\r==","key":"YQ==","limit":3,"sort_order":2,"keys_only":true}"#,
    ] {
        assert_eq!(range(text).as_ref(), Ok(&same), "{text}");
    }
    assert_eq!(range("{}"), Ok(RangeRequest::default()));
    assert_eq!(range("null"), Ok(RangeRequest::default()));
    assert_eq!(range(r#"{"limit":-9223372036854775808}"#).unwrap().limit, i64::MIN);
    assert_eq!(range(r#"{"limit":"9223372036854775807"}"#).unwrap().limit, i64::MAX);
    assert_eq!(range(r#"{"limit":-0}"#).unwrap().limit, 0);
}

#[test]
fn refusals_are_in_gos_words() {
    for (text, error) in [
        ("", "EOF"),
        ("{", "unexpected EOF"),
        ("nul", "unexpected EOF"),
        (r#"{"key":}"#, "invalid character '}' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"),
        ("12", "json: cannot unmarshal number into Go value of type map[string]json.RawMessage"),
        (r#"{"key":1}"#, "json: cannot unmarshal number into Go value of type []uint8"),
        (r#"{"key":["a"]}"#, "json: cannot unmarshal string into Go value of type uint8"),
        (r#"{"key":"a"}"#, "illegal base64 data at input byte 0"),
        (r#"{"key":"YQ="}"#, "illegal base64 data at input byte 3"),
        (r#"{"key":"YQ==YQ=="}"#, "illegal base64 data at input byte 4"),
        (r#"{"key":"_-=="}"#, "illegal base64 data at input byte 0"),
        (r#"{"limit":2.0}"#, "json: cannot unmarshal number 2.0 into Go value of type int64"),
        (r#"{"limit":"1.5"}"#, "json: cannot unmarshal number 1.5 into Go value of type int64"),
        (
            r#"{"limit":9223372036854775808}"#,
            "json: cannot unmarshal number 9223372036854775808 into Go value of type int64",
        ),
        (r#"{"limit":""}"#, "unexpected end of JSON input"),
        (r#"{"limit":"x"}"#, "invalid character 'x' looking for beginning of value"),
        (r#"{"limit":"1 1"}"#, "invalid character '1' after top-level value"),
        (r#"{"limit":true}"#, "json: cannot unmarshal bool into Go value of type int64"),
        (r#"{"serializable":"true"}"#, "json: cannot unmarshal string into Go value of type bool"),
        (
            r#"{"sort_order":"descend"}"#,
            "unknown value \"\\\"descend\\\"\" for enum etcdserverpb.RangeRequest.SortOrder",
        ),
        (r#"{"sort_order":1.5}"#, "json: cannot unmarshal number 1.5 into Go value of type protoreflect.EnumNumber"),
        (r#"{"key":"YQ==",}"#, "invalid character '}' looking for beginning of object key string"),
        (r#"{"key" "a"}"#, "invalid character '\"' after object key"),
        (r#"{"key":tru}"#, "invalid character '}' in literal true (expecting 'e')"),
        (r#"{"key":-}"#, "invalid character '}' in numeric literal"),
        (r#"{"key":1.}"#, "invalid character '}' after decimal point in numeric literal"),
        (r#"{"key":1e}"#, "invalid character '}' in exponent of numeric literal"),
        (r#"{"key":01}"#, "invalid character '1' after object key:value pair"),
        ("{'a'}", "invalid character '\\'' looking for beginning of object key string"),
        (r#"{"key":"\q"}"#, "invalid character 'q' in string escape code"),
        (r#"{"key":"\u12x"}"#, "invalid character 'x' in \\u hexadecimal character escape"),
        ("{\"key\":\"\n\"}", "invalid character '\\n' in string literal"),
        ("\u{e9}", "invalid character '\u{c3}' looking for beginning of value"),
        (r#"{"a":[1 2]}"#, "invalid character '2' after array element"),
    ] {
        assert_eq!(range(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(range(&deep(190)).is_ok());
    assert_eq!(range(&deep(100_000)).unwrap_err(), "exceeded max depth");
}

#[test]
fn members_of_a_choice_count_by_being_there() {
    let text = r#"{"compare":[{"target":"VERSION","result":"EQUAL","key":"YQ==","version":"0"},null],
        "success":[{"requestPut":{"key":"YQ=="}},{"request_txn":{"failure":[{"request_range":null}]}}]}"#;
    let wire = read_text(&described::TXN_REQUEST, text).unwrap();
    let txn = TxnRequest::decode(wire.as_slice()).unwrap();
    assert!(txn.compare[0].target_union.is_some());
    assert_eq!(txn.compare[1], Compare::default());
    assert_eq!(txn.success.len(), 2);
    let wire = read_text(&described::WATCH_CREATE_REQUEST, r#"{"filters":["NODELETE",0]}"#).unwrap();
    assert_eq!(WatchCreateRequest::decode(wire.as_slice()).unwrap().filters, [1, 0]);
}

#[test]
fn answers_leave_defaults_out() {
    let header = Some(ResponseHeader { cluster_id: u64::MAX, member_id: 1, revision: -1, raft_term: 0 });
    let kv = |key: &'static [u8]| KeyValue { key: key.into(), value: Bytes::new(), lease: 7, ..KeyValue::default() };
    let response = RangeResponse { header, kvs: vec![kv(b"\xff\xfe"), kv(b"a")], more: true, count: 2 };
    assert_eq!(
        written(&described::RANGE_RESPONSE, &response),
        r#"{"header":{"cluster_id":"18446744073709551615","member_id":"1","revision":"-1"},"kvs":[{"key":"//4=","lease":"7"},{"key":"YQ==","lease":"7"}],"more":true,"count":"2"}"#
    );
    let empty = RangeResponse { header: Some(ResponseHeader::default()), ..RangeResponse::default() };
    assert_eq!(written(&described::RANGE_RESPONSE, &empty), r#"{"header":{}}"#);
    let lease = LeaseTimeToLiveResponse {
        id: 1,
        ttl: -1,
        granted_ttl: 5,
        keys: vec!["a".into(), "".into()],
        ..LeaseTimeToLiveResponse::default()
    };
    assert_eq!(
        written(&described::LEASE_TIME_TO_LIVE_RESPONSE, &lease),
        r#"{"ID":"1","TTL":"-1","grantedTTL":"5","keys":["YQ==",""]}"#
    );
}

#[test]
fn strings_are_escaped_as_go_escapes_them() {
    let mut out = BytesMut::new();
    string("a\"\\\n\u{1}<é>&\u{2028}", &mut out);
    assert_eq!(std::str::from_utf8(&out).unwrap(), r#""a\"\\\n\u0001\u003cé\u003e\u0026\u2028""#);
}

/// Whatever comes in, nothing panics, and what is accepted is a message.
#[test]
fn random_texts() {
    let mut seed = 0x5eed_u64;
    let mut roll = |sides: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % sides).unwrap()
    };
    let valid = br#"{"compare":[{"target":"MOD","result":0,"key":"YQ==","mod_revision":"43"}],"success":[{"requestPut":{"key":"YQ==","lease":"\u0031"}}]}"#;
    let mut accepted = 0;
    for _ in 0..50_000 {
        let mut text = valid.to_vec();
        for _ in 0..=roll(4) {
            if text.is_empty() {
                break;
            }
            let at = roll(text.len() as u64);
            match roll(4) {
                0 => text[at] = u8::try_from(roll(256)).unwrap(),
                1 => {
                    text.remove(at);
                }
                2 => text.insert(at, b"{}[]\",:\\0123456789eE+-.ntf \n"[roll(28)]),
                _ => text.truncate(at),
            }
        }
        if let Ok((value, end)) = parse(&text) {
            assert!(end <= text.len());
            if let Ok(wire) = read(&described::TXN_REQUEST, &value) {
                TxnRequest::decode(wire.as_slice()).unwrap();
                accepted += 1;
            }
        }
    }
    assert!(accepted > 1000, "{accepted}");
}
