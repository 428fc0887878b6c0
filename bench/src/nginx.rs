//! nginx, as the upstream of both proxies and as the proxy to compare with.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::process::Stopped;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// The master; its workers are its children.
    pub process: Stopped,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The port.
    pub port: u16,
}

// === impl Nginx ===

impl Nginx {
    /// Answers every request itself, with a body of this many bytes.
    pub fn upstream(dir: &Path, bytes: usize) -> anyhow::Result<Self> {
        let body = "x".repeat(bytes);
        Self::start(dir, "upstream", 1, |port| {
            format!(
                "server {{ listen 127.0.0.1:{port} reuseport; keepalive_requests 1000000000; \
                 location / {{ default_type text/plain; return 200 \"{body}\"; }} }}"
            )
        })
    }

    /// Passes every request on, over connections that it keeps.
    pub fn proxy(dir: &Path, upstream: u16, workers: usize) -> anyhow::Result<Self> {
        Self::start(dir, "proxy", workers, |port| {
            format!(
                "upstream u {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }} \
                 server {{ listen 127.0.0.1:{port} reuseport; keepalive_requests 1000000000; \
                 location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
                 proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; \
                 proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
                 proxy_set_header X-Forwarded-Proto $scheme; }} }}"
            )
        })
    }

    fn start(dir: &Path, name: &str, workers: usize, http: impl FnOnce(u16) -> String) -> anyhow::Result<Self> {
        let dir = dir.join(name);
        fs::create_dir_all(&dir)?;
        let port = free_port()?;
        let text = format!(
            "worker_processes {workers}; daemon off; pid {dir}/pid; error_log {dir}/error.log;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; \
             uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; {} }}\n",
            http(port),
            dir = dir.display()
        );
        fs::write(dir.join("nginx.conf"), text)?;
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).is_file());
        let mut command = Command::new(program.unwrap_or("nginx"));
        command.arg("-p").arg(&dir).arg("-c").arg(dir.join("nginx.conf")).arg("-e").arg(dir.join("error.log"));
        let process = Stopped(command.stdin(Stdio::null()).spawn().context("could not start nginx")?);
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                bail!("nginx did not start: {}", fs::read_to_string(dir.join("error.log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { process, url: format!("http://127.0.0.1:{port}"), port })
    }
}

/// nginx can't say which port it got, so it must be told one.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
