//! Users, roles, passwords and tokens: the first steps of a client of the enterprise face.

use std::sync::Arc;

use portolan_rt::clock::SystemClock;
use serde_json::{Value, json};

use crate::plane::{Answer, PASSWORD, Plane, config, send};

/// A request of somebody with a cookie, as a program sends it.
async fn with(plane: &Plane, cookie: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = plane.dashboard(method, path).header("cookie", cookie);
    send(if body.is_null() { request } else { request.json(&body) }).await
}

async fn login(plane: &Plane, username: &str, password: &str) -> Answer {
    send(plane.dashboard("POST", "/api/login").json(&json!({"username": username, "password": password}))).await
}

fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_steps_of_adc() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut settings = config(dir.path());
    settings.admin.user = "admin".into();
    settings.admin.password = Some("admin".into());
    settings.admin.change_password = true;
    let plane = Plane::with(dir, settings, Arc::new(SystemClock)).await;
    let ready = send(plane.dashboard("GET", "/api/status")).await;
    assert_eq!((ready.status, ready.text.as_str()), (204, ""));

    let first = cookie(&login(&plane, "admin", "admin").await);
    let held = with(&plane, &first, "POST", "/api/tokens", json!({"name": "t"})).await;
    assert_eq!(held.status, 403, "{}", held.text);
    let passwords = |old: &str, new: &str| json!({"old_password": old, "new_password": new});
    let new = "Admin12345!@#$%";
    for (old, new) in [("wrong", new), ("admin", "short"), ("admin", "admin")] {
        let answer = with(&plane, &first, "PUT", "/api/password", passwords(old, new)).await;
        assert_eq!(answer.status, 400, "{old} {new}: {}", answer.text);
    }
    let changed = with(&plane, &first, "PUT", "/api/password", passwords("admin", new)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(login(&plane, "admin", "admin").await.status, 401);
    let session = cookie(&login(&plane, "admin", new).await);

    let license = with(&plane, &session, "PUT", "/api/license", json!({"data": "none"})).await;
    assert_eq!(license.status, 200, "{}", license.text);
    let invite = json!({"username": "test", "password": "Test12345!@#$%"});
    let invited = with(&plane, &session, "POST", "/api/invites", invite).await;
    assert_eq!(invited.status, 201, "{}", invited.text);
    let id = invited.json()["value"]["id"].as_str().unwrap().to_owned();
    let user = cookie(&login(&plane, "test", "Test12345!@#$%").await);
    assert_eq!(with(&plane, &user, "GET", "/api/gateway_groups", Value::Null).await.status, 403, "no role yet");
    let roles = format!("/api/users/{id}/assigned_roles");
    let assigned = with(&plane, &session, "PUT", &roles, json!({"roles": ["super_admin_id"]})).await;
    assert_eq!((assigned.status, &assigned.json()["value"]["roles"]), (200, &json!(["super_admin_id"])));
    let made = with(&plane, &user, "POST", "/api/tokens", json!({"name": "adc", "expires_at": 0})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = made.json()["value"]["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("a7ee-"));
    assert_eq!(plane.as_key(&token, "PUT", "/apisix/admin/services/1", json!({})).await.status, 201);
    let event = &plane.events(1).await[0];
    assert_eq!(
        event["actor"],
        json!({"id": id, "kind": "user", "name": "test", "auth_method": "token", "roles": ["admin"]})
    );

    // A token makes no further ones, which would outlive it.
    let head = plane.head().await;
    let more = plane.as_key(&token, "POST", "/api/tokens", json!({"name": "more"})).await;
    assert_eq!((more.status, plane.head().await), (400, head + 1), "{}", more.text);

    // The token may do what its user may.
    let assigned = with(&plane, &session, "PUT", &roles, json!({"roles": ["viewer_id"]})).await;
    assert_eq!(assigned.status, 200);
    assert_eq!(plane.as_key(&token, "GET", "/apisix/admin/services/1", Value::Null).await.status, 200);
    assert_eq!(plane.as_key(&token, "PUT", "/apisix/admin/services/1", json!({})).await.status, 401);
    let log = plane.expect("GET", "/api/audit/events?limit=500", Value::Null, 200).await.to_string();
    assert!(!log.contains(&token) && !log.contains(new), "neither tokens nor passwords are in the log");
}

/// A login that checked the old password before it was changed must not begin a session after that ended them all.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_of_the_old_password_outlives_its_change() {
    let plane = Plane::new().await;
    let session = cookie(&login(&plane, "root", PASSWORD).await);
    let body = json!({"old_password": PASSWORD, "new_password": "another long password"});
    let change = with(&plane, &session, "PUT", "/api/password", body);
    let logins = async || {
        let mut begun = Vec::new();
        loop {
            let answer = login(&plane, "root", PASSWORD).await;
            match answer.status {
                200 => begun.push(cookie(&answer)),
                409 => {}
                status => break (status, begun),
            }
        }
    };
    // More at once would be too many failed logins.
    let (changed, one, other, third) = tokio::join!(change, logins(), logins(), logins());
    assert_eq!(changed.status, 200, "{}", changed.text);
    for (status, begun) in [one, other, third] {
        assert_eq!(status, 401, "the old password is worth nothing");
        for old in begun {
            assert_eq!(with(&plane, &old, "GET", "/api/users", Value::Null).await.status, 401);
        }
    }
    assert_eq!(with(&plane, &session, "GET", "/api/users", Value::Null).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_gone_with_sessions_and_tokens() {
    let plane = Plane::new().await;
    let invite = json!({"username": "eve", "password": "a long password"});
    let id =
        plane.expect("POST", "/api/invites", invite.clone(), 201).await["value"]["id"].as_str().unwrap().to_owned();
    plane.expect("POST", "/api/invites", invite, 409).await;
    plane.expect("PUT", &format!("/api/users/{id}/assigned_roles"), json!({"roles": ["viewer"]}), 200).await;
    let session = cookie(&login(&plane, "eve", "a long password").await);
    let made = with(&plane, &session, "POST", "/api/tokens", json!({"name": "t"})).await.json();
    let token = made["value"]["token"].as_str().unwrap().to_owned();
    let other = with(&plane, &session, "POST", "/api/tokens", json!({"name": "u"})).await.json();
    let path = format!("/api/tokens/{}", other["value"]["id"].as_str().unwrap());
    assert_eq!(with(&plane, &session, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(with(&plane, &session, "DELETE", &path, Value::Null).await.status, 404);
    let list = with(&plane, &session, "GET", "/api/tokens", Value::Null).await.json();
    assert_eq!((&list["total"], &list["list"][0]["name"]), (&json!(1), &json!("t")));
    let users = plane.expect("GET", "/api/users", Value::Null, 200).await;
    assert_eq!(users["total"], 2);
    let user = plane.expect("GET", &format!("/api/users/{id}"), Value::Null, 200).await;
    assert_eq!((&user["value"]["username"], &user["value"]["roles"]), (&json!("eve"), &json!(["viewer_id"])));

    assert_eq!(plane.call("DELETE", &format!("/api/users/{id}"), Value::Null).await.status, 204);
    assert_eq!(with(&plane, &session, "GET", "/api/session", Value::Null).await.status, 401);
    assert_eq!(plane.as_key(&token, "GET", "/api/status", Value::Null).await.status, 401);
    assert_eq!(login(&plane, "eve", "a long password").await.status, 401);
    plane.expect("DELETE", &format!("/api/users/{id}"), Value::Null, 404).await;
    plane.expect("DELETE", "/api/users/root", Value::Null, 400).await;
    plane.expect("PUT", "/api/users/root/assigned_roles", json!({"roles": ["viewer_id"]}), 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_no_secret_and_no_flood_in_the_log() {
    let plane = Plane::new().await;
    let session = cookie(&login(&plane, "root", crate::plane::PASSWORD).await);
    for (method, path, body) in [
        ("POST", "/api/invites", json!("s3cret-password")),
        ("POST", "/api/invites", json!({"username": "a", "password": 83_765_432})),
        ("PUT", "/api/password", json!({"old_password": 83_765_432, "new_password": "x"})),
        ("PUT", "/api/password", json!("s3cret-password")),
        (
            "POST",
            "/api/apply",
            json!({"changes": [{"action": "put", "kind": "routes", "id": "1", "value": "s3cret-password"}]}),
        ),
    ] {
        let head = plane.head().await;
        assert_eq!(with(&plane, &session, method, path, body).await.status, 400, "{path}");
        assert_eq!(plane.head().await, head + 1, "{path}");
        let event = plane.events(1).await[0].to_string();
        assert!(!event.contains("s3cret") && !event.contains("83765432"), "{event}");
    }
    let long = "x".repeat(20_000);
    let path = format!("/api/users/{long}/assigned_roles");
    for (path, body) in [
        ("/api/users/root/assigned_roles", json!({"roles": [long]})),
        (path.as_str(), json!({"roles": [long]})),
        (path.as_str(), json!({"roles": []})),
    ] {
        let head = plane.head().await;
        let answer = plane.call("PUT", path, body).await;
        assert!(answer.status == 400 || answer.status == 404, "{} {}", answer.status, answer.text.len());
        assert_eq!(plane.head().await, head + 1);
        assert!(plane.events(1).await[0].to_string().len() < 10_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_orders() {
    let plane = Plane::new().await;
    for (method, path, body) in [
        ("POST", "/api/invites", json!({"username": "a b", "password": "a long password"})),
        ("POST", "/api/invites", json!({"username": "a", "password": "short"})),
        ("PUT", "/api/users/root/assigned_roles", json!({"roles": ["root"]})),
        ("POST", "/api/tokens", json!({"name": "t"})),
        ("PUT", "/api/password", json!({"old_password": "x", "new_password": "a long password"})),
    ] {
        let head = plane.head().await;
        plane.expect(method, path, body, 400).await;
        assert_eq!(plane.head().await, head + 1, "{path}: refused, with an event");
    }
    let session = cookie(&login(&plane, "root", crate::plane::PASSWORD).await);
    for body in [json!({"name": ""}), json!({"name": "t", "expires_at": 5}), json!({"name": "t", "x": 1})] {
        assert_eq!(with(&plane, &session, "POST", "/api/tokens", body).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_after_a_token_or_a_role_was_taken_away() {
    let plane = Plane::new().await;
    let invite = json!({"username": "eve", "password": "a long password"});
    let id = plane.expect("POST", "/api/invites", invite, 201).await["value"]["id"].as_str().unwrap().to_owned();
    let roles = format!("/api/users/{id}/assigned_roles");
    plane.expect("PUT", &roles, json!({"roles": ["super_admin_id"]}), 200).await;
    let session = cookie(&login(&plane, "eve", "a long password").await);
    for round in ["token", "role"] {
        let made = with(&plane, &session, "POST", "/api/tokens", json!({"name": round})).await.json();
        let token = made["value"]["token"].as_str().unwrap().to_owned();
        let path = format!("/api/tokens/{}", made["value"]["id"].as_str().unwrap());
        let paths: Vec<_> = (0..40).map(|n| format!("/apisix/admin/services/{round}{n}")).collect();
        let writes = paths.iter().map(|path| plane.as_key(&token, "PUT", path, json!({})));
        let taken = async {
            match round {
                "token" => plane.call("DELETE", &path, Value::Null).await,
                _ => plane.call("PUT", &roles, json!({"roles": []})).await,
            }
        };
        let (taken, _) = tokio::join!(taken, futures_util::future::join_all(writes));
        assert!(taken.status < 300, "{}", taken.text);
        let action = if round == "token" { "token.delete" } else { "user.assign_roles" };
        let newest = async |query: String| {
            let page = plane.expect("GET", &format!("/api/audit/events?limit=1&{query}"), Value::Null, 200).await;
            page["events"][0]["revision"].as_i64().unwrap_or(0)
        };
        let gone = newest(format!("action={action}")).await;
        let written = newest(format!("action=service.create&outcome=success&actor={id}")).await;
        assert!(written < gone, "{round}: taken away by {gone}, and still written by {written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_taken_can_be_used() {
    let plane = Plane::new().await;
    for (password, status) in [("\u{e9}".repeat(512), 201), ("\u{e9}".repeat(513), 400), ("x".repeat(1025), 400)] {
        let username = format!("u{}", password.len());
        let invite = json!({"username": username, "password": password});
        plane.expect("POST", "/api/invites", invite, status).await;
        if status == 201 {
            assert_eq!(login(&plane, &username, &password).await.status, 200);
        }
    }
}

/// A login name is one user's, also when the configuration comes later than the user.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_user_takes_nobodys_name() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let with_password = |password: Option<&str>| {
        let mut settings = config(dir.path());
        settings.admin.password = password.map(Into::into);
        settings
    };
    let plane = Plane::with(dir.clone(), with_password(None), Arc::new(SystemClock)).await;
    let invite = json!({"username": "root", "password": "own password"});
    let id = plane.expect("POST", "/api/invites", invite, 201).await["value"]["id"].clone();
    plane.stop().await;

    let plane = Plane::with(dir.clone(), with_password(Some(PASSWORD)), Arc::new(SystemClock)).await;
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["outcome"]), (&json!("user.create"), &json!("refused")), "{event}");
    let users = plane.expect("GET", "/api/users", Value::Null, 200).await;
    assert_eq!((&users["total"], &users["list"][0]["id"], &users["list"][0]["roles"]), (&json!(1), &id, &json!([])));
    assert_eq!(login(&plane, "root", PASSWORD).await.status, 401);
    assert_eq!(login(&plane, "root", "own password").await.status, 200);
}

/// Replicas that start on an empty database at the same moment make one user, with a password that is right.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_make_one_first_user() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    // They have the key that seals secrets in common.
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut settings = config(dir.path());
    settings.store.url = database.url().to_owned();
    let replica = || Plane::with(dir.clone(), settings.clone(), Arc::new(SystemClock));
    let planes = tokio::join!(replica(), replica(), replica());
    for plane in [planes.0, planes.1, planes.2] {
        let users = plane.expect("GET", "/api/users", Value::Null, 200).await;
        assert_eq!(users["total"], 1, "{users}");
        assert_eq!(login(&plane, "root", PASSWORD).await.status, 200);
    }
}
