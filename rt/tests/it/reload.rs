//! A changed identity is shown by a listener that goes on.

use std::path::Path;

use axum::Router;
use axum::routing::get;
use portolan_rt::serve::{Limits, Server, listen};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{ClientAuth, Identity, PeerCertificate, Roots, client_config, server_config};

use crate::authority::{Authority, Issued};
use crate::client::{Client, in_time, tls};

fn write(folder: &Path, issued: &Issued) {
    std::fs::write(folder.join("cert.pem"), &issued.cert).unwrap();
    std::fs::write(folder.join("key.pem"), &issued.key).unwrap();
}

#[tokio::test]
async fn changed_files_are_shown_to_new_connections_and_leave_old_ones_alone() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    write(folder.path(), &authority.issue("before"));
    let supervisor = Supervisor::new();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let identity = Identity::watch(&cert, key, &supervisor).unwrap();

    let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let tls_config = Some(server_config(&identity, ClientAuth::None, &[]).unwrap());
    let server = Server { name: "test", listener, tls: tls_config, limits: Limits::default() };
    server.start(Router::new().route("/", get(async || "hello")), &supervisor).unwrap();

    // A client without resumption, since a resumed session does not look at certificates.
    let config = client_config(&authority.roots(), None, &[]).unwrap();
    let mut config = (*config).clone();
    config.resumption = rustls::client::Resumption::disabled();
    let config = std::sync::Arc::new(config);
    let connect = async || {
        let io = tls(address, config.clone()).await.unwrap();
        let shown = PeerCertificate::from_der(&io.get_ref().1.peer_certificates().unwrap()[0]).unwrap();
        (io, shown.common_name)
    };

    let (io, shown) = connect().await;
    assert_eq!(shown, "before");
    let mut old = Client::h1(io).await;
    assert_eq!(old.get("/").await.1, "hello");

    // Half a change cannot be used: the old pair stays.
    std::fs::write(&cert, "not PEM").unwrap();
    assert_eq!(connect().await.1, "before");

    write(folder.path(), &authority.issue("after"));
    in_time(async { while connect().await.1 != "after" {} }).await;
    assert_eq!(old.get("/").await.1, "hello");
}

#[tokio::test]
async fn an_authority_that_is_added_to_the_file_counts_from_the_next_handshake_on() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let (own, before, after) = (Authority::new(), Authority::new(), Authority::new());
    std::fs::write(&bundle, before.pem()).unwrap();
    let supervisor = Supervisor::new();
    let roots = Roots::watch(own.pem().as_bytes(), &bundle, &supervisor).unwrap();

    let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let tls_config = Some(server_config(&own.identity("server"), ClientAuth::Required(roots), &[]).unwrap());
    let server = Server { name: "test", listener, tls: tls_config, limits: Limits::default() };
    server.start(Router::new().route("/", get(async || "hello")), &supervisor).unwrap();
    // One configuration each, so that a session could be resumed.
    let config =
        |by: &Authority| (by.pem().to_owned(), client_config(&own.roots(), Some(&by.identity("client")), &[]).unwrap());
    let clients: std::collections::HashMap<_, _> = [&own, &before, &after].map(config).into();
    // In TLS 1.3 the refusal comes after the client's side of the handshake: an answer is the proof.
    let accepted = async |by: &Authority| {
        let Ok(io) = tls(address, clients[by.pem()].clone()).await else { return false };
        Client::h1(io).await.try_get("/").await.is_ok()
    };

    assert!(accepted(&own).await && accepted(&before).await);
    assert!(!accepted(&after).await);
    std::fs::write(&bundle, "not PEM").unwrap();
    assert!(accepted(&own).await && accepted(&before).await, "a bundle that can't be used changes nothing");
    std::fs::write(&bundle, after.pem()).unwrap();
    in_time(async { while !accepted(&after).await {} }).await;
    assert!(accepted(&own).await && !accepted(&before).await);
}

#[tokio::test]
async fn a_client_trusts_the_authority_that_its_file_names_at_the_next_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let (before, after) = (Authority::new(), Authority::new());
    std::fs::write(&bundle, before.pem()).unwrap();
    let supervisor = Supervisor::new();
    let roots = Roots::watch(&[], &bundle, &supervisor).unwrap();
    let config = client_config(&roots, None, &[]).unwrap();
    let serve = |authority: &Authority| {
        let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let tls_config = Some(server_config(&authority.identity("server"), ClientAuth::None, &[]).unwrap());
        let server = Server { name: "test", listener, tls: tls_config, limits: Limits::default() };
        server.start(Router::new().route("/", get(async || "hello")), &supervisor).unwrap();
        address
    };
    let (old, new) = (serve(&before), serve(&after));
    let trusted = async |address| tls(address, config.clone()).await.is_ok();
    assert!(trusted(old).await && !trusted(new).await);
    std::fs::write(&bundle, [before.pem(), after.pem()].concat()).unwrap();
    in_time(async { while !trusted(new).await {} }).await;
    assert!(trusted(old).await);
}
