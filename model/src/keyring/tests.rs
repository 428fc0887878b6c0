//! What others wrote can be read, and the other way round.

use serde_json::json;

use super::*;

const OLD: &str = "edd1c9f0985e76a2";
const NEW: &str = "qeddd145sfvddff3";
const LONG: &str = "0123456789abcdef0123456789ABCDEF";

fn keyring(keys: &[&str]) -> Keyring {
    Keyring::new(keys).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object") };
    object
}

/// The first is what a data plane of APISIX stored; the others were made with the command of OpenSSL.
#[test]
fn ciphertexts_of_others() {
    for (key, text, stored) in [
        (OLD, "bar", "77+NmbYqNfN+oLm0aX5akg=="),
        (NEW, "s3cret", "H+ztzw426VFELre1Jh1hoQ=="),
        (OLD, "s3cret", "WEqA4AiuZhvEYpTtKQ0SBw=="),
        (LONG, "s3cret", "RAY+OFoEiZgVJOlhh+Nlyg=="),
    ] {
        assert_eq!(keyring(&[key]).encrypt(text), stored);
        assert_eq!(keyring(&[key]).decrypt(stored).as_deref(), Some(text));
    }
}

#[test]
fn the_first_key_encrypts_and_all_decrypt() {
    let (old, both) = (keyring(&[OLD]), keyring(&[NEW, OLD]));
    assert_eq!(both.decrypt(&old.encrypt("s3cret")).as_deref(), Some("s3cret"));
    assert_eq!(both.encrypt("s3cret"), keyring(&[NEW]).encrypt("s3cret"));
    assert_eq!(both.all("s3cret"), [both.encrypt("s3cret"), old.encrypt("s3cret")]);
    for text in ["", "é", &"x".repeat(100_000)] {
        assert_eq!(both.decrypt(&both.encrypt(text)).as_deref(), Some(text));
    }
}

#[test]
fn what_no_key_opens() {
    let keyring = keyring(&[NEW]);
    for stored in ["", "plain", "c2hvcnQ=", "$secret://vault/1/a/b", "RAY+OFoEiZgVJOlhh+Nlyg==", "===", "\u{0}"] {
        assert_eq!(keyring.decrypt(stored), None, "{stored}");
    }
    let none = Keyring::default();
    assert!(none.is_empty());
    assert_eq!((none.encrypt("a"), none.decrypt("H+ztzw426VFELre1Jh1hoQ==")), ("a".to_owned(), None));
}

#[test]
fn files_and_lengths() {
    assert_eq!(Keyring::parse(&format!("{NEW}\r\n\n  {OLD}\n")).unwrap().0.len(), 2);
    assert!(Keyring::parse("\n").unwrap().is_empty());
    assert_eq!(Keyring::parse(&format!("{NEW}\nshort")).unwrap_err(), BadKey { place: 2, length: 5 });
    let text = format!("{:?} {}", keyring(&[NEW]), Keyring::new(["short"]).unwrap_err());
    assert!(!text.contains("short") && !text.contains(NEW), "{text}");
}

#[test]
fn documents() {
    let keyring = keyring(&[NEW]);
    let (pem, at_rest) = ("-----BEGIN PRIVATE KEY-----\nx", |text: &str| keyring.encrypt(text));
    for (kind, id, plain, sealed) in [
        (
            Kind::Consumer,
            "jack",
            json!({"username": "jack", "plugins": {"key-auth": {"key": "s3cret"}, "cors": {}}}),
            json!({"username": "jack", "plugins": {"key-auth": {"key": at_rest("s3cret")}, "cors": {}}}),
        ),
        (
            Kind::Ssl,
            "1",
            json!({"cert": "c", "key": pem, "keys": [pem, "$secret://vault/1/a/b"]}),
            json!({"cert": "c", "key": at_rest(pem), "keys": [at_rest(pem), "$secret://vault/1/a/b"]}),
        ),
        (
            Kind::Route,
            "1",
            json!({"upstream": {"tls": {"client_key": pem}}}),
            json!({"upstream": {"tls": {"client_key": at_rest(pem)}}}),
        ),
        // APISIX leaves these alone.
        (Kind::Secret, "vault/1", json!({"token": "t"}), json!({"token": "t"})),
        (Kind::Route, "1", json!({"plugins": {"nope": {"key": "k"}}}), json!({"plugins": {"nope": {"key": "k"}}})),
    ] {
        let mut document = object(plain.clone());
        keyring.seal(kind, id, &mut document);
        assert_eq!(Value::Object(document.clone()), sealed);
        let opened = keyring.opened(kind, id, sealed.to_string().as_bytes());
        assert_eq!(opened.is_some(), plain != sealed, "{plain}");
        assert_eq!(keyring.open(kind, id, &mut document), plain != sealed);
        assert_eq!(Value::Object(document.clone()), plain);
        assert!(!keyring.open(kind, id, &mut document), "what is open stays so");
        Keyring::default().seal(kind, id, &mut document);
        assert_eq!(Value::Object(document), plain);
    }
}

#[test]
fn what_is_sent_may_hold_private_keys_as_they_are_stored() {
    let keyring = keyring(&[NEW]);
    let pem = "-----BEGIN PRIVATE KEY-----";
    let mut ssl = object(json!({ "key": keyring.encrypt(pem), "keys": ["other"] }));
    keyring.open_private_keys(Kind::Ssl, "1", &mut ssl);
    assert_eq!(Value::Object(ssl), json!({"key": pem, "keys": ["other"]}));
    // A text that only looks encrypted is what its sender says it is.
    let plugins = json!({"plugins": {"key-auth": {"key": keyring.encrypt("a")}}});
    let mut consumer = object(plugins.clone());
    keyring.open_private_keys(Kind::Consumer, "jack", &mut consumer);
    assert_eq!(Value::Object(consumer), plugins);
}
