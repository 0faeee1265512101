//! The permission matrix of the web: every route as everybody, compared with the table of routes.

use axum::body::Body;
use http::{Method, StatusCode, header};
use platecam_model::{
    Actor, Permission, Permissions, Secret, UserLevel,
    auth::NewUser,
    testing::{self, PASSWORD},
};
use platecam_web::{Access, Route, permission_table};

use crate::support::{Client, Reply};

/// Somebody who calls, and what they may.
struct Caller {
    name: &'static str,
    permissions: Permissions,
    client: Client,
}

async fn caller(name: &'static str) -> Caller {
    let mut client = Client::new(testing::initialised());
    let by = Actor::system();
    let accounts = client.test.device.accounts.clone();
    if name == "custom" {
        // Administers users and nothing else.
        let permissions = Permissions::of(&[Permission::UserManagement, Permission::ReadConfig]);
        accounts.create_group("desk", "", permissions, &by).unwrap();
        let new = NewUser {
            group: "desk".into(),
            ..NewUser::new(name, Secret::new(PASSWORD), UserLevel::User)
        };
        accounts.create_one(new, &by).unwrap();
        client.login(name, PASSWORD).await;
        return Caller {
            name,
            permissions,
            client,
        };
    }
    let level = match name {
        "anonymous" => {
            return Caller {
                name,
                permissions: Permissions::NONE,
                client,
            };
        }
        "administrator" => UserLevel::Administrator,
        "operator" => UserLevel::Operator,
        _ => UserLevel::User,
    };
    let new = NewUser::new(name, Secret::new(PASSWORD), level);
    client
        .test
        .device
        .accounts
        .create(vec![new], &Actor::system())
        .unwrap();
    assert_eq!(
        client.login(name, PASSWORD).await.status,
        StatusCode::CREATED
    );
    Caller {
        name,
        permissions: level.permissions(),
        client,
    }
}

/// Parameters stand for nothing that exists, the body is empty: who is let in gets some other answer.
async fn call(client: &Client, route: &Route) -> Reply {
    call_with(client, route, None).await
}

async fn call_with(client: &Client, route: &Route, token: Option<&str>) -> Reply {
    let mut path = String::from("/api/v1");
    for part in route.path.split('/').skip(1) {
        path.push('/');
        path.push_str(if part.starts_with('{') {
            "nothing"
        } else {
            part
        });
    }
    let mut request = client
        .request(route.method.clone(), &path)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    client.send(request.body(Body::from("{}")).unwrap()).await
}

/// GEN-2, USER-6, USER-7: default deny; what the table says is what happens.
#[tokio::test]
async fn every_route_lets_in_whom_its_entry_names() {
    let mut problems = Vec::new();
    for route in permission_table() {
        for name in ["anonymous", "user", "operator", "custom", "administrator"] {
            let who = caller(name).await;
            let anonymous = name == "anonymous";
            let (allowed, refusal) = match route.access {
                Access::Always | Access::Anybody | Access::OrProvesItself(_) => (true, None),
                Access::OwnSession | Access::EvenExpired | Access::LoggedIn(_) => {
                    (!anonymous, Some("login"))
                }
                Access::Needs(_) if anonymous => (false, Some("login")),
                Access::Needs(p) => (who.permissions.has(p), Some("forbidden")),
            };
            let reply = call(&who.client, &route).await;
            let refused = matches!(
                reply.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            );
            let right = match (allowed, route.access) {
                (false, _) => refused && Some(reply.problem().as_str()) == refusal,
                // The model decides by item.
                (true, Access::LoggedIn(_)) => reply.status != StatusCode::UNAUTHORIZED,
                (true, _) => !refused,
            };
            if !right {
                problems.push(format!(
                    "{} {} as {}: {} but the table says {}",
                    route.method, route.path, who.name, reply.status, route.access
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// AUTH-8: an expired password opens its own change and nothing else.
#[tokio::test]
async fn an_expired_password_opens_only_its_change() {
    for route in permission_table() {
        let who = caller("administrator").await;
        let settings = &who.client.test.device.settings;
        let value = serde_json::json!({"expires_days": 1});
        let by = Actor::system();
        settings
            .patch("security.password", &value, None, &by)
            .unwrap();
        let day = std::time::Duration::from_secs(90_000);
        let settings_value = serde_json::json!({"session_minutes": 1440});
        settings
            .patch("security.login", &settings_value, None, &by)
            .unwrap();
        who.client.test.clock.advance(day / 2);
        who.client.get("/api/v1/session").await;
        who.client.test.clock.advance(day / 2);
        let reply = call(&who.client, &route).await;
        let open = matches!(
            route.access,
            Access::Always | Access::Anybody | Access::EvenExpired | Access::OrProvesItself(_)
        );
        let expired =
            reply.status == StatusCode::FORBIDDEN && reply.problem() == "password-expired";
        assert_eq!(
            expired, !open,
            "{} {}: {}",
            route.method, route.path, reply.status
        );
    }
}

/// A token may what it was given, on every route, and nothing that concerns a session.
#[tokio::test]
async fn tokens_follow_the_table() {
    let given = Permissions::of(&[Permission::LiveView, Permission::UserManagement]);
    for route in permission_table() {
        let mut who = caller("administrator").await;
        let accounts = &who.client.test.device.accounts;
        let owner = accounts
            .actor("administrator", platecam_model::Origin::Web, None)
            .unwrap();
        let new = platecam_model::auth::NewToken {
            name: "t".into(),
            permissions: given,
            expires_days: None,
        };
        let (_, token) = accounts.create_token(new, &owner).unwrap();
        (who.client.cookie, who.client.csrf) = (None, None);
        let expect = match route.access {
            Access::Always | Access::Anybody | Access::LoggedIn(_) | Access::OrProvesItself(_) => {
                None
            }
            Access::OwnSession | Access::EvenExpired => Some("token"),
            Access::Needs(p) => (!given.has(p)).then_some("forbidden"),
        };
        let reply = call_with(&who.client, &route, Some(token.expose())).await;
        let forbidden = reply.status == StatusCode::FORBIDDEN;
        let told = forbidden.then(|| reply.problem());
        let any = matches!(route.access, Access::LoggedIn(_));
        assert!(
            told.as_deref() == expect || any,
            "{} {}: {} {told:?}",
            route.method,
            route.path,
            reply.status
        );
        assert_ne!(
            told.as_deref(),
            Some("csrf"),
            "{} {}",
            route.method,
            route.path
        );
    }
}

/// INIT-1: before the initialisation only what the table says.
#[tokio::test]
async fn an_uninitialised_device_answers_only_what_always_answers() {
    let client = Client::new(testing::uninitialised());
    for route in permission_table() {
        let reply = call(&client, &route).await;
        let refused = reply.status == StatusCode::FORBIDDEN;
        assert_eq!(
            refused,
            route.access != Access::Always,
            "{} {}: {}",
            route.method,
            route.path,
            reply.status
        );
        if refused {
            assert_eq!(reply.problem(), "not-initialised");
        }
    }
}

/// What changes something needs the CSRF value of its session, without exception.
#[tokio::test]
async fn every_change_needs_the_csrf_value() {
    for route in permission_table() {
        let open = matches!(
            route.access,
            Access::Always | Access::Anybody | Access::OrProvesItself(_)
        );
        if route.method == Method::GET || open {
            continue;
        }
        let mut who = caller("administrator").await;
        who.client.csrf = None;
        let reply = call(&who.client, &route).await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (StatusCode::FORBIDDEN, "csrf"),
            "{} {}",
            route.method,
            route.path
        );
    }
}
