//! nginx, as the upstream of all proxies and as a proxy to compare with.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::peer::{Instance, Shape};
use super::site::{self, CONSUMERS, ROUTES, Site, free_port};
use crate::process::Stopped;

const HEADERS: &str = "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; \
     proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
     proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host; \
     proxy_set_header X-Forwarded-Port $server_port;";

/// Answers every request itself.
pub fn upstream(dir: &Path, port: u16) -> anyhow::Result<Stopped> {
    let root = dir.join("files");
    fs::create_dir_all(&root)?;
    for (name, bytes) in [("64k", 64 << 10), ("1m", 1 << 20)] {
        fs::write(root.join(name), vec![b'x'; bytes])?;
    }
    let body = "x".repeat(1024);
    // Connections stay open from one round to the next: the floor does not try again.
    let http = format!(
        "open_file_cache max=10; sendfile on; tcp_nopush on; root {}; \
         server {{ listen 127.0.0.1:{port} reuseport; keepalive_requests 1000000000; keepalive_timeout 1h; default_type text/plain; \
         location /64k {{ rewrite ^ /64k break; }} location /1m {{ rewrite ^ /1m break; }} \
         location / {{ return 200 \"{body}\"; }} }}",
        root.display()
    );
    start(&dir.join("upstream"), 1, port, &http, "")
}

/// Passes every request on, over connections that it keeps.
pub fn proxy(site: &Site, shape: Shape) -> anyhow::Result<Instance> {
    let [http, https, grpc, tcp] = [free_port()?, free_port()?, free_port()?, free_port()?];
    let mut map = String::new();
    let mut locations = String::new();
    match shape {
        Shape::Usual => {
            for at in 0..CONSUMERS {
                write!(map, "{} consumer-{at}; ", site::consumer_key(at))?;
            }
            write!(
                locations,
                "location /auth/ {{ if ($consumer = \"\") {{ return 401; }} \
                 limit_req zone=consumers burst=1000000 nodelay; proxy_pass http://u; }} \
                 location / {{ proxy_pass http://u; }}"
            )?;
        }
        Shape::ManyRoutes => {
            for at in 0..ROUTES {
                writeln!(locations, "location {} {{ proxy_pass http://u; }}", site::route_prefix(at))?;
            }
        }
    }
    let text = format!(
        "upstream u {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }} \
         upstream g {{ server 127.0.0.1:{grpc_upstream}; keepalive 256; keepalive_requests 1000000000; }} \
         map_hash_max_size 16384; map $http_apikey $consumer {{ default \"\"; {map} }} \
         limit_req_zone $consumer zone=consumers:10m rate=1000000r/s; keepalive_requests 1000000000; \
         ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; \
         server {{ listen 127.0.0.1:{http} reuseport; listen 127.0.0.1:{https} reuseport ssl http2; {HEADERS} {locations} }} \
         server {{ listen 127.0.0.1:{grpc} reuseport http2; location / {{ grpc_pass grpc://g; }} }}",
        upstream = site.http,
        grpc_upstream = site.grpc,
        cert = site.cert.display(),
        key = site.key.display(),
    );
    let stream = format!(
        "stream {{ upstream t {{ server 127.0.0.1:{}; }} server {{ listen 127.0.0.1:{tcp} reuseport; proxy_pass t; }} }}",
        site.http
    );
    let dir = site.dir.join(format!("nginx-{shape:?}"));
    // A packaged nginx has streams as a module of its own, or in the program, or not at all.
    let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    let stream = if module.is_file() { format!("load_module {};\n{stream}", module.display()) } else { String::new() };
    let process = start(&dir, site.workers, http, &text, &stream)?;
    let tcp = Some(tcp).filter(|_| !stream.is_empty());
    Ok(Instance { pid: process.pid(), http, https, grpc: Some(grpc), tcp, _processes: vec![process] })
}

fn start(dir: &Path, workers: usize, port: u16, http: &str, more: &str) -> anyhow::Result<Stopped> {
    fs::create_dir_all(dir)?;
    // Modules are loaded before everything else.
    let (modules, more) = more.split_once('\n').unwrap_or(("", more));
    let text = format!(
        "{modules}\nworker_processes {workers}; daemon off; pid {dir}/pid; error_log {dir}/error.log;\n\
         events {{ worker_connections 4096; }}\n{more}\n\
         http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; \
         uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; {http} }}\n",
        dir = dir.display()
    );
    fs::write(dir.join("nginx.conf"), text)?;
    let log = dir.join("error.log");
    let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).is_file());
    let mut command = Command::new(program.unwrap_or("nginx"));
    command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).arg("-e").arg(&log);
    let mut process = Stopped(command.stdin(Stdio::null()).spawn().context("could not start nginx")?);
    site::wait_for(port, &mut process, &log)?;
    Ok(process)
}
