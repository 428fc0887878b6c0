//! HAProxy, as a proxy to compare with.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::peer::{Instance, Shape};
use super::site::{self, CONSUMERS, ROUTES, Site, free_port};
use crate::process::Stopped;

/// Passes every request on, over connections that it keeps.
pub fn proxy(site: &Site, shape: Shape) -> anyhow::Result<Instance> {
    let [http, https, grpc, tcp] = [free_port()?, free_port()?, free_port()?, free_port()?];
    let dir = site.dir.join(format!("haproxy-{shape:?}"));
    fs::create_dir_all(&dir)?;
    let both = format!("{}{}", fs::read_to_string(&site.cert)?, fs::read_to_string(&site.key)?);
    fs::write(dir.join("proxy.pem"), both)?;
    let mut consumers = String::new();
    for at in 0..CONSUMERS {
        writeln!(consumers, "{} consumer-{at}", site::consumer_key(at))?;
    }
    fs::write(dir.join("consumers"), consumers)?;
    let mut routes = String::new();
    for at in 0..ROUTES {
        writeln!(routes, "{} up", site::route_prefix(at))?;
    }
    fs::write(dir.join("routes"), routes)?;
    let rules = match shape {
        Shape::Usual => format!(
            " acl auth path_beg /auth/\n http-request set-var(txn.c) req.hdr(apikey),map_str({dir}/consumers) if auth\n \
             http-request deny deny_status 401 if auth !{{ var(txn.c) -m found }}\n \
             http-request track-sc0 var(txn.c) table rates if auth\n \
             http-request deny deny_status 429 if auth {{ sc_http_req_rate(0,rates) gt 1000000000 }}\n default_backend up\n",
            dir = dir.display()
        ),
        Shape::ManyRoutes => format!(" use_backend %[path,map_beg({}/routes)]\n", dir.display()),
    };
    let text = format!(
        "global\n nbthread {workers}\n maxconn 4096\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n http-reuse always\n\
         frontend http\n bind 127.0.0.1:{http}\n bind 127.0.0.1:{https} ssl crt {pem} alpn h2,http/1.1\n option forwardfor\n \
         http-request set-header X-Real-IP %[src]\n http-request set-header X-Forwarded-Host %[req.hdr(host)]\n \
         http-request set-header X-Forwarded-Port %[dst_port]\n http-request set-header X-Forwarded-Proto http\n{rules}\
         frontend grpc\n bind 127.0.0.1:{grpc} proto h2\n default_backend grpc\n\
         frontend tcp\n mode tcp\n bind 127.0.0.1:{tcp}\n default_backend tcp\n\
         backend up\n server s 127.0.0.1:{upstream}\n\
         backend grpc\n server s 127.0.0.1:{grpc_upstream} proto h2\n\
         backend tcp\n mode tcp\n server s 127.0.0.1:{upstream}\n\
         backend rates\n stick-table type string len 32 size 10k expire 60s store http_req_rate(60s)\n",
        workers = site.workers,
        pem = dir.join("proxy.pem").display(),
        upstream = site.http,
        grpc_upstream = site.grpc,
    );
    let config = dir.join("haproxy.cfg");
    fs::write(&config, text)?;
    let log = dir.join("log");
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    let mut process = Stopped(command.spawn().context("could not start haproxy")?);
    site::wait_for(http, &mut process, &log)?;
    Ok(Instance { pid: process.pid(), http, https, grpc: Some(grpc), tcp: Some(tcp), _processes: vec![process] })
}
