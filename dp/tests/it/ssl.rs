//! Certificates from `ssls` resources, with openssl and curl as clients.

use std::process::{Command, Stdio};

use portolan_testkit::Upstream;
use portolan_testkit::certificates::{Certificates, Issued};
use portolan_testkit::upstream::Reply;
use serde_json::{Value, json};

use crate::harness::{Gateway, Instance};

/// A gateway with a route for everything.
async fn gateway() -> (Gateway, Instance, Upstream) {
    let (gateway, files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    (gateway, files, upstream)
}

fn ssl(issued: &Issued, names: &[&str], more: Value) -> Value {
    let mut document = json!({"snis": names, "cert": issued.certificate, "key": issued.key});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

/// What `openssl s_client` says of a handshake with these options.
fn s_client(gateway: &Gateway, options: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &gateway.https_address()])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The subject that the server shows to those who ask for a name; what openssl says if there is none.
fn shown(gateway: &Gateway, name: &str, options: &[&str]) -> String {
    subject(&s_client(gateway, &[&["-servername", name], options].concat()))
}

fn subject(said: &str) -> String {
    let subject = said.lines().find_map(|line| line.trim().strip_prefix("subject="));
    subject.map_or(said, str::trim).replace("CN = ", "CN=")
}

/// Status and body as curl sees them; status 0 when there is no response.
fn curl(gateway: &Gateway, host: &str, path: &str, options: &[&str]) -> (u16, String) {
    let address = gateway.https_address();
    let port = address.rsplit_once(':').unwrap().1;
    let output = Command::new("curl")
        .args(["-sk", "--max-time", "20", "-w", "\n%{http_code}"])
        .args(["--resolve", &format!("{host}:{port}:127.0.0.1")])
        .args(options)
        .arg(format!("https://{host}:{port}{path}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or(("", "000"));
    (status.parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_get_their_certificates_and_changes_are_live() {
    let (gateway, _files, _upstream) = gateway().await;
    let authority = Certificates::new().unwrap();
    let issue = |name: &str| authority.server(&[name]).unwrap();
    gateway.put("ssls/exact", ssl(&issue("exact"), &["a.example.com", "Other.Example.com"], json!({}))).await;
    gateway.put("ssls/wild", ssl(&issue("wild"), &["*.example.com"], json!({}))).await;
    gateway.put("ssls/off", ssl(&issue("off"), &["off.example.org"], json!({"status": 0}))).await;
    for (name, subject) in [
        ("a.example.com", "CN=exact"),
        ("OTHER.example.com", "CN=exact"),
        ("b.example.com", "CN=wild"),
        ("x.b.example.com", "CN=localhost"),
        ("off.example.org", "CN=localhost"),
    ] {
        assert_eq!(shown(&gateway, name, &[]), subject, "{name}");
    }
    assert_eq!(subject(&s_client(&gateway, &["-noservername"])), "CN=localhost");

    // A connection outlives the certificate that it was made with.
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .resolve("a.example.com", gateway.https_address().parse().unwrap())
        .build()
        .unwrap();
    let url = format!("https://a.example.com:{}/", gateway.https_address().rsplit_once(':').unwrap().1);
    let port = |body: Value| body["headers"]["x-forwarded-port"].clone();
    let before: Value = client.get(&url).send().await.unwrap().json().await.unwrap();
    gateway.put("ssls/exact", ssl(&issue("renewed"), &["a.example.com"], json!({}))).await;
    assert_eq!(shown(&gateway, "a.example.com", &[]), "CN=renewed");
    let after: Value = client.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(port(before), port(after));
    let revision = gateway.space.delete("ssls/exact").await;
    gateway.applied(revision).await;
    assert_eq!(shown(&gateway, "a.example.com", &[]), "CN=wild");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_certificate_unknown_names_are_refused() {
    let (gateway, _files) = Gateway::with(|config| {
        config.tls.cert = None;
        config.tls.key = None;
        config.tls.fallback_sni = Some("a.example.com".to_owned());
    })
    .await;
    let authority = Certificates::new().unwrap();
    gateway.put("ssls/1", ssl(&authority.server(&["one"]).unwrap(), &["a.example.com"], json!({}))).await;
    assert_eq!(shown(&gateway, "a.example.com", &[]), "CN=one");
    let refused = shown(&gateway, "b.example.com", &[]);
    assert!(refused.contains("alert"), "{refused}");
    assert_eq!(subject(&s_client(&gateway, &["-noservername"])), "CN=one", "the fallback name");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_two_kinds_and_versions_per_name() {
    let (gateway, _files, _upstream) = gateway().await;
    let authority = Certificates::new().unwrap();
    let (rsa, ec) = (authority.server_rsa("rsa").unwrap(), authority.server(&["ec"]).unwrap());
    gateway.put("ssls/both", ssl(&rsa, &["both.com"], json!({"certs": [ec.certificate], "keys": [ec.key]}))).await;
    gateway.put("ssls/13", ssl(&ec, &["new.com"], json!({"ssl_protocols": ["TLSv1.3"]}))).await;
    gateway.put("ssls/12", ssl(&ec, &["old.com"], json!({"ssl_protocols": ["TLSv1.1", "TLSv1.2"]}))).await;
    for (name, options, subject) in [
        ("both.com", &[][..], "CN=ec"),
        ("both.com", &["-sigalgs", "RSA-PSS+SHA256"], "CN=rsa"),
        ("both.com", &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "CN=rsa"),
        ("both.com", &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "CN=ec"),
        ("new.com", &["-tls1_3"], "CN=ec"),
        ("old.com", &["-tls1_2"], "CN=ec"),
    ] {
        assert_eq!(shown(&gateway, name, options), subject, "{name} {options:?}");
    }
    for (name, option) in [("new.com", "-tls1_2"), ("old.com", "-tls1_3"), ("both.com", "-tls1_1")] {
        let said = shown(&gateway, name, &[option]);
        assert!(said.contains("alert") || said.contains("no protocols"), "{name} {option}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_certificates() {
    let (gateway, files, upstream) = gateway().await;
    let dir = files.dir.path();
    let (servers, trusted, strange) =
        (Certificates::new().unwrap(), Certificates::new().unwrap(), Certificates::new().unwrap());
    let between = trusted.below("between").unwrap();
    let server = servers.server(&["s"]).unwrap();
    let good = trusted.client("good", "portolan://admin/good").unwrap().write(dir, "good").unwrap();
    let bad = strange.client("bad", "portolan://admin/bad").unwrap().write(dir, "bad").unwrap();
    let mut deep = between.client("deep", "portolan://admin/deep").unwrap();
    deep.certificate.push_str(between.ca());
    let deep = deep.write(dir, "deep").unwrap();
    let client = |more: Value| {
        let mut client = json!({"ca": trusted.ca()});
        client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"client": client})
    };
    let strict = ssl(&server, &["strict.com", "*.strict.com"], client(json!({"depth": 0})));
    gateway.put("ssls/strict", strict).await;
    gateway.put("ssls/deep", ssl(&server, &["deep.com"], client(json!({})))).await;
    let skipping = client(json!({"skip_mtls_uri_regex": ["^/open/[0-9]+$"]}));
    gateway.put("ssls/some", ssl(&server, &["some.com"], skipping)).await;
    let show = |files: &portolan_testkit::certificates::Files| {
        ["--cert", files.certificate.to_str().unwrap(), "--key", files.key.to_str().unwrap()].map(str::to_owned)
    };
    let (good, bad, deep) = (show(&good), show(&bad), show(&deep));
    let none: &[String] = &[];
    let cases: &[(&str, &str, &[String], u16)] = &[
        ("strict.com", "/", none, 0),
        ("strict.com", "/", &bad, 0),
        ("strict.com", "/", &deep, 0),
        ("strict.com", "/", &good, 200),
        ("a.strict.com", "/", &good, 200),
        ("deep.com", "/", &deep, 200),
        ("some.com", "/", none, 400),
        ("some.com", "/", &bad, 400),
        ("some.com", "/", &good, 200),
        ("some.com", "/open/1", none, 200),
        ("some.com", "/open/1", &bad, 200),
        ("some.com", "/open/x", none, 400),
        ("free.com", "/", none, 200),
    ];
    for (host, path, options, expected) in cases {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        for version in ["--http1.1", "--http2"] {
            let (status, body) = curl(&gateway, host, path, &[&options[..], &[version]].concat());
            assert_eq!(status, *expected, "{host}{path} {options:?} {version}: {body}");
        }
    }
    upstream.take_seen();
    // The host must be the one that the connection was made for, where certificates are asked for.
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    for (name, host, expected) in [
        ("free.com", "strict.com", 400),
        ("strict.com", "deep.com", 400),
        ("strict.com", "a.strict.com", 400),
        ("strict.com", "free.com", 200),
    ] {
        let header = format!("host: {host}");
        let (status, body) = curl(&gateway, name, "/", &[&good[..], &["-H", &header]].concat());
        assert_eq!(status, expected, "{name} {host}: {body}");
    }
    assert_eq!(upstream.take_seen().len(), 1, "what is refused is not seen upstream");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_taken_up_again_under_the_same_rules_only() {
    let (gateway, files, _upstream) = gateway().await;
    let authority = Certificates::new().unwrap();
    let server = authority.server(&["s"]).unwrap();
    gateway.put("ssls/1", ssl(&server, &["a.com", "b.com"], json!({}))).await;
    let file = files.dir.path().join("session");
    let file = file.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let keep = |name| {
            // TLS 1.3 hands sessions out after the handshake: the response of a request is behind them.
            let script = format!(
                "printf 'GET / HTTP/1.1\\r\\nhost: a.com\\r\\nconnection: close\\r\\n\\r\\n' | openssl s_client -quiet \
                 -connect {} {version} -servername {name} -sess_out {file}",
                gateway.https_address()
            );
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert!(String::from_utf8_lossy(&output.stdout).contains("200 OK"), "{output:?}");
        };
        let reused = |name| s_client(&gateway, &[version, "-servername", name, "-sess_in", file]).contains("Reused,");
        keep("a.com");
        assert!(reused("a.com"), "{version}");
        keep("a.com");
        assert!(!reused("b.com"), "{version}: another name");
        keep("a.com");
        gateway.put("ssls/1", ssl(&server, &["a.com", "b.com"], json!({}))).await;
        assert!(!reused("a.com"), "{version}: other rules");
    }
}
