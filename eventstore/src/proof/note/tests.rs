//! Against the published vectors of golang.org/x/mod/sumdb/note and C2SP signed-note.

use super::*;

const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// The seed of the published private key `PRIVATE+KEY+PeterNeumann+c74f20a3+…`, after its type byte.
const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const SIGNATURE: &str = "\u{2014} PeterNeumann \
    x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn published() -> Signer {
    let seed = STANDARD.decode(SEED).unwrap();
    Signer::new(Ed25519KeyPair::from_seed_unchecked(&seed[1..]).unwrap(), "PeterNeumann").unwrap()
}

#[test]
fn the_published_note_is_signed_and_opened() {
    let signer = published();
    assert_eq!(signer.verifier().to_string(), VKEY);
    let note = format!("{TEXT}\n{SIGNATURE}");
    assert_eq!(signer.sign(TEXT), note);
    assert_eq!(open(&note, &[Verifier::parse(VKEY).unwrap()]).unwrap(), TEXT);
}

#[test]
fn a_mangled_verifier_key_is_refused() {
    for from in 0..VKEY.len() {
        for to in from..=VKEY.len() {
            assert_eq!(Verifier::parse(&VKEY[from..to]).is_ok(), (from, to) == (0, VKEY.len()));
        }
        let mut mangled = VKEY.as_bytes().to_vec();
        mangled[from] += 1;
        assert!(Verifier::parse(std::str::from_utf8(&mangled).unwrap()).is_err(), "byte {from}");
    }
    for adjusted in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(Verifier::parse(adjusted).is_err(), "{adjusted}");
    }
}

#[test]
fn a_mangled_note_is_refused() {
    let known = [Verifier::parse(VKEY).unwrap()];
    let other = Verifier::parse(&Signer::generate("EnochRoot").unwrap().1).unwrap();
    let note = format!("{TEXT}\n{SIGNATURE}");
    assert_eq!(open(&note, &[other]), Err(Error::Untrusted));
    assert_eq!(open(&note, &[]), Err(Error::Untrusted));
    assert_eq!(open(&note.replace("answer", "Answer"), &known), Err(Error::Signature("PeterNeumann".into())));
    for bad in [
        TEXT.to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}{SIGNATURE}"),
        format!("{TEXT}\n{}", SIGNATURE.trim_end()),
        format!("{TEXT}\n- {}", &SIGNATURE["\u{2014} ".len()..]),
        format!("{TEXT}\n\u{2014} PeterNeumann x08go\n"),
        format!("{TEXT}\t\n{SIGNATURE}"),
        String::new(),
    ] {
        assert_eq!(open(&bad, &known), Err(Error::Note), "{bad:?}");
    }
}

#[test]
fn signatures_of_unknown_keys_are_passed_over_and_a_wrong_known_one_is_not() {
    let known = [Verifier::parse(VKEY).unwrap()];
    let (pkcs8, _) = Signer::generate("EnochRoot").unwrap();
    let enoch = Signer::from_pkcs8(&pkcs8, "EnochRoot").unwrap();
    let foreign = enoch.sign(TEXT)[TEXT.len() + 1..].to_owned();
    assert_eq!(open(&format!("{TEXT}\n{foreign}{SIGNATURE}"), &known).unwrap(), TEXT);
    // The same name with another key is another key; the same name and id with a wrong signature is a forgery.
    let namesake = Signer::from_pkcs8(&pkcs8, "PeterNeumann").unwrap().sign(TEXT)[TEXT.len() + 1..].to_owned();
    assert_eq!(open(&format!("{TEXT}\n{namesake}"), &known), Err(Error::Untrusted));
    let wrong = published().sign("another text\n")["another text\n".len() + 1..].to_owned();
    assert!(matches!(open(&format!("{TEXT}\n{wrong}{foreign}"), &known), Err(Error::Signature(_))));
}

#[test]
fn keys_are_kept_and_named() {
    let (pkcs8, vkey) = Signer::generate("example.com/log").unwrap();
    let signer = Signer::from_pkcs8(&pkcs8, "example.com/log").unwrap();
    assert_eq!(signer.verifier().to_string(), vkey);
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb"] {
        assert_eq!(Signer::from_pkcs8(&pkcs8, name).unwrap_err(), Error::Name(name.into()));
    }
    assert_eq!(Signer::from_pkcs8(b"no key", "a").unwrap_err(), Error::PrivateKey);
    let list = format!("# trusted since 2026\n\n{vkey}\n{VKEY}\n");
    assert_eq!(Verifier::parse_list(&list).unwrap().len(), 2);
    assert!(Verifier::parse_list("# nothing\n").is_err());
}
