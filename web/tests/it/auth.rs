use axum::body::Body;
use http::{Method, StatusCode, header};
use platecam_model::{
    Actor, Secret, UserLevel,
    auth::NewUser,
    testing::{self, PASSWORD},
};
use serde_json::json;

use crate::support::Client;

/// INIT-1: nothing but the state and the initialisation answers, however one asks.
#[tokio::test]
async fn uninitialised_device_refuses_everything_else() {
    let client = Client::new(testing::uninitialised());
    let device = client.get("/api/v1/device").await;
    assert_eq!(device.status, StatusCode::OK);
    assert_eq!(device.json()["initialized"], false);
    for path in [
        "session",
        "settings",
        "settings/video.main",
        "schema/video.main",
        "status",
        "snapshot.jpg",
        "records",
        "records/1",
        "events",
        "live",
    ] {
        let reply = client.get(&format!("/api/v1/{path}")).await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (StatusCode::FORBIDDEN, "not-initialised"),
            "{path}"
        );
    }
    let login = client
        .post(
            "/api/v1/session",
            &json!({"username": "admin", "password": PASSWORD}),
        )
        .await;
    assert_eq!(login.problem(), "not-initialised");
}

/// INIT-3, INIT-4, INIT-5: rules named, then straight to a session.
#[tokio::test]
async fn initialisation() {
    let mut client = Client::new(testing::uninitialised());
    let rows = [
        (
            json!({"password": "short1", "confirm": "short1"}),
            "/password",
        ),
        (
            json!({"password": PASSWORD, "confirm": "Passw0rd-2"}),
            "/confirm",
        ),
        (
            json!({"password": PASSWORD, "confirm": PASSWORD, "email": "nobody"}),
            "/email",
        ),
    ];
    for (body, pointer) in rows {
        let reply = client.post("/api/v1/init", &body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(reply.pointers(), [pointer]);
        assert!(
            !reply.json().to_string().contains("Passw0rd"),
            "passwords are not echoed"
        );
    }
    let reply = client
        .post(
            "/api/v1/init",
            &json!({"password": PASSWORD, "confirm": PASSWORD, "email": "a@b.example"}),
        )
        .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.body);
    assert_eq!(
        (&reply.json()["user"], &reply.json()["level"]),
        (&json!("admin"), &json!("administrator"))
    );
    client.keep(&reply);
    assert_eq!(client.get("/api/v1/session").await.status, StatusCode::OK);
    let again = client
        .post(
            "/api/v1/init",
            &json!({"password": "Other-0ne", "confirm": "Other-0ne"}),
        )
        .await;
    assert_eq!(
        (again.status, again.problem().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );
}

/// AUTH-1, AUTH-3: no hint which half was wrong.
#[tokio::test]
async fn login_refuses_without_a_hint() {
    let mut client = Client::new(testing::initialised());
    let wrong_password = client.login("admin", "Passw0rd-2").await;
    let wrong_name = client.login("nobody", PASSWORD).await;
    assert_eq!(wrong_password.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong_password.body, wrong_name.body);
    assert_eq!(
        client.login("admin", PASSWORD).await.status,
        StatusCode::CREATED
    );
}

/// AUTH-5: locked after the attempts, with the time left; the right password does not help.
#[tokio::test]
async fn lock_out() {
    let mut client = Client::new(testing::initialised());
    for _ in 0..4 {
        assert_eq!(
            client.login("admin", "wrong-0ne").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    client.login("admin", "wrong-0ne").await;
    let locked = client.login("admin", PASSWORD).await;
    assert_eq!(
        (locked.status, locked.problem().as_str()),
        (StatusCode::LOCKED, "locked")
    );
    assert_eq!(locked.json()["retry_after_s"], 300);
    assert_eq!(locked.header(header::RETRY_AFTER), "300");
    client
        .test
        .clock
        .advance(std::time::Duration::from_secs(301));
    assert_eq!(
        client.login("admin", PASSWORD).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let mut client = Client::new(testing::initialised());
    let plain = client.login("admin", PASSWORD).await;
    let cookie = plain.header(header::SET_COOKIE);
    assert!(cookie.starts_with("platecam_session="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain http could not store it");
    client.conn.secure = true;
    let secure = client.login("admin", PASSWORD).await;
    let cookie = secure.header(header::SET_COOKIE);
    assert!(
        cookie.starts_with("__Host-platecam_session=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    client.conn.secure = false;
    assert_eq!(
        client.get("/api/v1/session").await.status,
        StatusCode::UNAUTHORIZED,
        "not over plain http"
    );
}

/// Every request that changes something needs the CSRF value of this session.
#[tokio::test]
async fn csrf() {
    let mut client = Client::logged_in().await;
    let right = client.csrf.take();
    for wrong in [
        None,
        Some(String::new()),
        right.clone().map(|s| s[1..].to_owned()),
        Some("0".repeat(64)),
    ] {
        client.csrf = wrong;
        for reply in [
            client.post("/api/v1/snapshots", &json!({})).await,
            client
                .patch("video.main", "\"0\"", &json!({"bit_rate": 2048}))
                .await,
            client.delete("/api/v1/session").await,
        ] {
            assert_eq!(
                (reply.status, reply.problem().as_str()),
                (StatusCode::FORBIDDEN, "csrf"),
                "{:?}",
                client.csrf
            );
        }
    }
    assert_eq!(
        client.get("/api/v1/session").await.status,
        StatusCode::OK,
        "reading needs none"
    );
    client.csrf = right;
    assert_eq!(
        client.post("/api/v1/snapshots", &json!({})).await.status,
        StatusCode::CREATED
    );
}

/// A page of another origin cannot even try passwords or initialise the device.
#[tokio::test]
async fn foreign_origins_are_refused() {
    let client = Client::new(testing::initialised());
    for (origin, status) in [
        ("http://cam.lan", StatusCode::CREATED),
        ("http://evil.example", StatusCode::FORBIDDEN),
        ("https://cam.lan", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
    ] {
        let request = client
            .request(Method::POST, "/api/v1/session")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, origin);
        let body = json!({"username": "admin", "password": PASSWORD}).to_string();
        assert_eq!(
            client
                .send(request.body(Body::from(body)).unwrap())
                .await
                .status,
            status,
            "{origin}"
        );
    }
    // HTTP/2 names the host in the URI only.
    let mut client = client;
    client.conn.secure = true;
    for (origin, status) in [
        ("https://cam.lan:8443", StatusCode::CREATED),
        ("https://evil.example", StatusCode::FORBIDDEN),
    ] {
        let request = http::Request::post("https://cam.lan:8443/api/v1/session")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, origin);
        let body = json!({"username": "admin", "password": PASSWORD}).to_string();
        let reply = client.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(reply.status, status, "{origin}");
    }
    client.conn.secure = false;
    // A form can be sent across origins without asking; JSON cannot.
    let request = client
        .request(Method::POST, "/api/v1/session")
        .header(header::CONTENT_TYPE, "text/plain");
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    let reply = client.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type")
    );
}

/// AUTH-4: the cookie is worthless after the logout.
#[tokio::test]
async fn logout_ends_the_session() {
    let client = Client::logged_in().await;
    let reply = client.delete("/api/v1/session").await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert!(reply.header(header::SET_COOKIE).contains("Max-Age=0"));
    assert_eq!(client.get("/api/v1/session").await.problem(), "login");
}

#[tokio::test]
async fn sessions_end_idle_and_with_their_user() {
    let client = Client::logged_in().await;
    client
        .test
        .clock
        .advance(std::time::Duration::from_secs(59 * 60));
    assert_eq!(
        client.get("/api/v1/session").await.status,
        StatusCode::OK,
        "use renews it"
    );
    client
        .test
        .clock
        .advance(std::time::Duration::from_secs(61 * 60));
    assert_eq!(
        client.get("/api/v1/session").await.status,
        StatusCode::UNAUTHORIZED
    );
}

/// UI-5: what a user may not do is refused, and its permissions say so beforehand.
#[tokio::test]
async fn permissions_of_a_plain_user() {
    let mut client = Client::new(testing::initialised());
    let guest = NewUser::new("guest", Secret::new("Passw0rd-3"), UserLevel::User);
    client
        .test
        .device
        .accounts
        .create(vec![guest], &Actor::system())
        .unwrap();
    let session = client.login("guest", "Passw0rd-3").await.json();
    let permissions: Vec<&str> = session["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p.as_str())
        .collect();
    assert!(
        permissions.contains(&"live-view") && !permissions.contains(&"video-config"),
        "{permissions:?}"
    );
    let reply = client
        .patch("video.main", "\"0\"", &json!({"bit_rate": 2048}))
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
    let list = client.get("/api/v1/settings").await.json();
    let video = list
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["key"] == "video.main")
        .unwrap();
    assert_eq!(video["writable"], false);
    client
        .test
        .device
        .accounts
        .delete(&["guest".into()], &Actor::system())
        .unwrap();
    assert_eq!(
        client.get("/api/v1/session").await.status,
        StatusCode::UNAUTHORIZED,
        "gone with its user"
    );
}
