//! What `up` prints when all parts are ready.

use std::path::Path;

use serde_json::{Value, json};

use super::certificates::Certificates;
use super::secrets::{Secrets, USER};
use crate::output;

/// Prints the addresses and secrets: one JSON line, or a page for people.
pub fn print(data: &Path, secrets: &Secrets, certificates: &Certificates, cp: &Value, dp: &Value, as_json: bool) {
    if as_json {
        output::json(&object(secrets, certificates, cp, dp));
    } else {
        output::line(&page(data, secrets, certificates, cp, dp));
    }
}

fn object(secrets: &Secrets, certificates: &Certificates, cp: &Value, dp: &Value) -> Value {
    json!({
        "control_plane": cp["dashboard"],
        "admin_api": cp["admin_api"],
        "admin_key": secrets.key,
        "admin_user": USER,
        "admin_password": secrets.password,
        "dp_manager": cp["dp_manager"],
        "proxy_http": dp["proxy_http"],
        "proxy_https": dp["proxy_https"],
        "status": dp["status"],
        "metrics": dp["metrics"],
        "control_api": dp["control_api"],
        "ca": certificates.ca(),
        "dp_cert": certificates.data_plane().certificate,
        "dp_key": certificates.data_plane().key,
        "admin_cert": certificates.admin().certificate,
        "admin_cert_key": certificates.admin().key,
        "pids": { "cp": cp["pid"], "dp": dp["pid"] },
    })
}

fn page(data: &Path, secrets: &Secrets, certificates: &Certificates, cp: &Value, dp: &Value) -> String {
    let url = |half: &Value, name: &str| half[name].as_str().unwrap_or("-").to_owned();
    let (admin_api, proxy, status) = (url(cp, "admin_api"), url(dp, "proxy_http"), url(dp, "status"));
    // An upstream that every machine has: the data plane's own status port.
    let node = status.split("://").last().unwrap_or_default().trim_end_matches('/');
    let key = &secrets.key;
    let lines = [
        String::new(),
        "Portolan is up.".to_owned(),
        String::new(),
        format!("  Dashboard    {}", url(cp, "dashboard")),
        format!("               user {USER}, password {}", secrets.password),
        format!("  Admin API    {admin_api}"),
        format!("               key {key}"),
        format!("  Proxy        {proxy}  {}", url(dp, "proxy_https")),
        format!("  Status       {status}/status"),
        format!("  Metrics      {}/apisix/prometheus/metrics", url(dp, "metrics")),
        format!("  DP manager   {} (etcd v3, mutual TLS)", url(cp, "dp_manager")),
        format!("  Authority    {}", certificates.ca().display()),
        format!("  Data         {}", data.display()),
        String::new(),
        "Try it: a route to the data plane's own status page, then a request through the gateway.".to_owned(),
        String::new(),
        format!("  curl -sS -X PUT {admin_api}/apisix/admin/routes/hello -H 'X-API-KEY: {key}' \\"),
        format!(
            "    -d '{{\"uri\":\"/status\",\"upstream\":{{\"type\":\"roundrobin\",\"nodes\":{{\"{node}\":1}}}}}}' && \\"
        ),
        format!("  curl -fsS --retry 5 --retry-all-errors {proxy}/status"),
        String::new(),
        "For the commands audit, history and rollback:".to_owned(),
        String::new(),
        format!("  export PORTOLAN_SERVER={admin_api} PORTOLAN_TOKEN={key}"),
        String::new(),
        "Ctrl-C stops everything.".to_owned(),
    ];
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_line_has_the_promised_fields() {
        let secrets = Secrets { key: "k".into(), password: "p".into() };
        let cp = json!({"pid": 1, "dashboard": "https://a", "admin_api": "http://b", "dp_manager": "https://c"});
        let dp = json!({"pid": 2, "proxy_http": "http://d", "proxy_https": "https://e", "status": "http://f", "metrics": "http://g",
            "control_api": "http://h"});
        let object = object(&secrets, &Certificates::new(Path::new("/d")), &cp, &dp);
        let fields = "control_plane admin_api admin_key admin_user admin_password dp_manager proxy_http proxy_https status metrics \
                      control_api ca dp_cert dp_key admin_cert admin_cert_key pids";
        for field in fields.split_whitespace() {
            assert!(object.get(field).is_some_and(|value| !value.is_null()), "{field}");
        }
        assert_eq!(object["pids"], json!({"cp": 1, "dp": 2}));
    }
}
