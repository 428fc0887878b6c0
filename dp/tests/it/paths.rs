//! What becomes of paths under the settings of the router, from the request to what the upstream sees.

use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::{Value, json};

use crate::harness::Gateway;

#[tokio::test(flavor = "multi_thread")]
async fn settings_say_what_a_path_is() {
    let (gateway, _files) = Gateway::with(|config| {
        config.router.http = portolan_dp::config::HttpRouter::RadixtreeUriWithParameter;
        config.router.normalize_uri_like_servlet = true;
        config.router.match_uri_encoded_slash = true;
    })
    .await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let route = |uri: &str, plugins: Value| json!({"uri": uri, "plugins": plugins, "upstream": {"nodes": {upstream.node(): 1}}});
    let shown = json!({"response-rewrite": {"headers": {"set": {"x-uri": "$uri", "x-id": "$uri_param_id"}}}});
    gateway.put("routes/1", route("/a/b", shown.clone())).await;
    gateway.put("routes/2", route("/users/:id/keys", shown)).await;
    let client = reqwest::Client::new();
    let cases = [
        ("/a/b?x=1", Ok(("/a/b", "", "/a/b?x=1"))),
        ("/a;v=1/b?x=;1", Ok(("/a/b", "", "/a;v=1/b?x=;1"))),
        ("/a;v=%20/b", Ok(("/a/b", "", "/a;v=%20/b"))),
        ("/x/..;/a/b", Err(400)),
        ("/users/1%2F2/keys", Ok(("/users/1/2/keys", "1%2F2", "/users/1/2/keys"))),
        ("/users/1/2/keys", Err(404)),
    ];
    for (path, expected) in cases {
        let url = format!("{}{path}", gateway.http());
        let response = client.get(url).send().await.unwrap();
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (uri, id) = (header("x-uri"), header("x-id"));
        let seen = match status {
            200 => Ok(response.json::<Value>().await.unwrap()["uri"].as_str().unwrap().to_owned()),
            status => Err(status),
        };
        let got = seen.as_ref().map(|seen| (&*uri, &*id, &**seen)).map_err(|status| *status);
        assert_eq!(got, expected, "{path}");
    }
}
