//! Opens connections to the servers that settings name.

use std::path::Path;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisFuture,
    RedisResult, TlsCertificates, TlsMode, Value,
};

use super::settings::{Cluster, One, Role, Sentinel, Settings};
use crate::plugin::Error;

/// The servers of one configuration.
pub(super) struct Servers {
    way: Way,
    /// For the log: where they are.
    pub(super) name: String,
    /// How long a connection may be unused.
    pub(super) idle: Duration,
    /// Bound on opening a connection with everything that belongs to it.
    pub(super) patience: Duration,
}

enum Way {
    One { client: redis::Client, options: AsyncConnectionConfig },
    Cluster(ClusterClient),
    Sentinel { settings: Sentinel, options: AsyncConnectionConfig },
}

/// A connection; clones use the same one.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

// === impl Servers ===

impl Servers {
    /// Nothing is opened yet.
    pub(super) fn new(settings: Settings, trusted_ca: Option<&Path>) -> Result<Self, Error> {
        let refused = |error: redis::RedisError| Error::Refused(format!("Redis cannot be asked like this: {error}"));
        match settings {
            Settings::One(settings) => Self::one(&settings, trusted_ca).map_err(refused),
            Settings::Cluster(settings) => Self::cluster(&settings, trusted_ca).map_err(refused),
            Settings::Sentinel(settings) => {
                let built = Self::sentinel(settings);
                built.way.check().map_err(refused)?;
                Ok(built)
            }
        }
    }

    fn one(settings: &One, trusted_ca: Option<&Path>) -> RedisResult<Self> {
        let port = port(settings.redis_port)?;
        let host = settings.redis_host.clone();
        let name = format!("{host}:{port}");
        let address = if settings.redis_ssl {
            ConnectionAddr::TcpTls { host, port, insecure: !settings.redis_ssl_verify, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut login = RedisConnectionInfo::default().set_db(settings.redis_database);
        if let Some(password) = given(settings.redis_password.as_deref()) {
            login = login.set_password(password);
            if let Some(username) = &settings.redis_username {
                login = login.set_username(username);
            }
        }
        let info = address.into_connection_info()?.set_redis_settings(login);
        let client = if settings.redis_ssl {
            redis::Client::build_with_tls(info, certificates(settings.redis_ssl_verify, trusted_ca)?)?
        } else {
            redis::Client::open(info)?
        };
        let bound = Duration::from_millis(settings.redis_timeout);
        Ok(Self {
            way: Way::One { client, options: options(bound, bound) },
            name,
            idle: Duration::from_millis(settings.redis_keepalive_timeout),
            patience: bound,
        })
    }

    fn cluster(settings: &Cluster, trusted_ca: Option<&Path>) -> RedisResult<Self> {
        let verify = settings.redis_cluster_ssl_verify;
        let nodes: Vec<ConnectionAddr> = settings
            .redis_cluster_nodes
            .iter()
            .map(|node| {
                let (host, port) = address(&node.0)?;
                Ok(match settings.redis_cluster_ssl {
                    true => ConnectionAddr::TcpTls { host, port, insecure: !verify, tls_params: None },
                    false => ConnectionAddr::Tcp(host, port),
                })
            })
            .collect::<RedisResult<_>>()?;
        let bound = Duration::from_millis(settings.redis_timeout);
        let mut builder = ClusterClientBuilder::new(nodes)
            .connection_timeout(bound)
            .response_timeout(bound)
            .overall_response_timeout(Some(bound));
        if let Some(password) = given(settings.redis_password.as_deref()) {
            builder = builder.password(password);
        }
        if settings.redis_cluster_ssl {
            let mode = if verify { TlsMode::Secure } else { TlsMode::Insecure };
            builder = builder.tls(mode).certs(certificates(verify, trusted_ca)?);
        }
        Ok(Self {
            way: Way::Cluster(builder.build()?),
            name: settings.redis_cluster_name.clone(),
            idle: Duration::from_millis(settings.redis_keepalive_timeout),
            // A node that is not there costs one bound before another one is asked.
            patience: bound * 2,
        })
    }

    fn sentinel(settings: Sentinel) -> Self {
        let connect = Duration::from_millis(settings.redis_connect_timeout);
        let options = options(connect, Duration::from_millis(settings.redis_read_timeout));
        let asked = u32::try_from(settings.redis_sentinels.len()).unwrap_or(u32::MAX);
        Self {
            name: settings.redis_master_name.clone(),
            idle: Duration::from_millis(settings.redis_keepalive_timeout),
            // Each sentinel may be one that does not answer.
            patience: connect.saturating_mul(asked.saturating_add(1)),
            way: Way::Sentinel { settings, options },
        }
    }

    /// Opens a connection. Its work is done by the runtime that this is called from.
    pub(super) async fn open(&self) -> RedisResult<Connection> {
        match &self.way {
            Way::One { client, options } => {
                client.get_multiplexed_async_connection_with_config(options).await.map(Connection::One)
            }
            Way::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            Way::Sentinel { settings, options } => {
                let mut client = sentinels(settings)?.build()?;
                client.get_async_connection_with_config(options).await.map(Connection::One)
            }
        }
    }

    /// Whether connections find another server by themselves.
    pub(super) fn heals(&self) -> bool {
        matches!(self.way, Way::Cluster(_))
    }
}

// === impl Way ===

impl Way {
    /// Whether a connection could be made of it at all.
    fn check(&self) -> RedisResult<()> {
        match self {
            Self::Sentinel { settings, .. } => sentinels(settings)?.build().map(drop),
            Self::One { .. } | Self::Cluster(_) => Ok(()),
        }
    }
}

fn sentinels(settings: &Sentinel) -> RedisResult<SentinelClientBuilder> {
    let role = match settings.redis_role {
        Role::Master => SentinelServerType::Master,
        Role::Slave => SentinelServerType::Replica,
    };
    let addresses = settings.redis_sentinels.iter().map(|at| ConnectionAddr::Tcp(at.host.clone(), at.port));
    let mut builder = SentinelClientBuilder::new(addresses, &settings.redis_master_name, role)?
        .set_client_to_redis_db(settings.redis_database);
    if let Some(password) = given(settings.redis_password.as_deref()) {
        builder = builder.set_client_to_redis_password(password);
        if let Some(username) = &settings.redis_username {
            builder = builder.set_client_to_redis_username(username);
        }
    }
    if let Some(password) = given(settings.sentinel_password.as_deref()) {
        builder = builder.set_client_to_sentinel_password(password);
        if let Some(username) = &settings.sentinel_username {
            builder = builder.set_client_to_sentinel_username(username);
        }
    }
    Ok(builder)
}

fn options(connect: Duration, answer: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(connect)).set_response_timeout(Some(answer))
}

/// Whom a server's certificate may come from: the gateway's own list, else the system's.
fn certificates(verify: bool, trusted_ca: Option<&Path>) -> RedisResult<TlsCertificates> {
    let root_cert = trusted_ca.filter(|_| verify).map(std::fs::read).transpose()?;
    Ok(TlsCertificates { client_tls: None, root_cert })
}

fn given(password: Option<&str>) -> Option<&str> {
    password.filter(|password| !password.is_empty())
}

fn port(number: u64) -> RedisResult<u16> {
    u16::try_from(number).map_err(|_| invalid("a port is at most 65535"))
}

/// `host:port`, or a host alone with the usual port.
fn address(text: &str) -> RedisResult<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => {
            (host, port.parse().map_err(|_| invalid("a node is written host:port"))?)
        }
        _ => (text, 6379),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok((host.to_owned(), port))
}

fn invalid(text: &'static str) -> redis::RedisError {
    (redis::ErrorKind::InvalidClientConfig, text).into()
}

// === impl Connection ===

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
