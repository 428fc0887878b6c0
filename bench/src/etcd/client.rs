//! How the clients reach a server: generated stubs over HTTP/2 connections, and plain connections to write on; mutual TLS on all.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Http = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, tonic::body::Body>;

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct Dial {
    /// `https://127.0.0.1:PORT`.
    pub url: String,
    /// Who we are and whom we trust.
    pub tls: Arc<rustls::ClientConfig>,
}

/// One HTTP/2 connection.
#[derive(Clone, Debug)]
pub struct Connection {
    http: Http,
    origin: http::Uri,
}

// === impl Dial ===

impl Dial {
    /// Reads the PEM files.
    pub fn new(url: &str, ca: &Path, certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for ca in CertificateDer::pem_file_iter(ca)? {
            roots.add(ca?)?;
        }
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(key)?;
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_client_auth_cert(chain, key)?;
        Ok(Self { url: url.to_owned(), tls: Arc::new(tls) })
    }

    /// A connection of its own; it opens with the first call.
    pub fn connect(&self) -> anyhow::Result<Connection> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = (*self.tls).clone();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http2().wrap_connector(tcp);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
        Ok(Connection { http, origin: self.url.parse().context("the URL of a server")? })
    }

    /// An open connection that speaks `h2` or `http/1.1`.
    pub async fn open(&self, protocol: &str) -> anyhow::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.authority()).await?;
        tcp.set_nodelay(true)?;
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Ok(TlsConnector::from(Arc::new(tls)).connect(ServerName::try_from("127.0.0.1")?, tcp).await?)
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> &str {
        self.url.trim_start_matches("https://")
    }
}

// === impl Connection ===

impl Connection {
    /// The KV service.
    pub fn kv(&self) -> KvClient<Http> {
        KvClient::with_origin(self.http.clone(), self.origin.clone())
    }
}
