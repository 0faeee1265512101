//! Who may call what, and how refusals are told (Core §7.9, interop trap 3).

mod common;

use common::{ADMIN, As, Bench, envelope, token_header};
use http::Method;
use onvif_contracts::{
    port::{AccessClass, Operation},
    tas, tds,
};
use platecam_model::testing::{PASSWORD, uninitialised};

const DEVICE: &str = "/onvif/device_service";

/// Every operation of the services that we have.
fn operations() -> Vec<&'static Operation> {
    platecam_onvif::operations()
        .into_iter()
        .map(|(_, op)| op)
        .collect()
}

fn empty(op: &Operation) -> String {
    format!("<x:{0} xmlns:x=\"{1}\"/>", op.element, op.ns.uri())
}

/// Every operation, whether implemented or not, needs credentials unless its class is PRE_AUTH.
#[tokio::test]
async fn every_operation_but_pre_auth_is_challenged() {
    let bench = Bench::new();
    for op in operations() {
        let answer = bench.call(DEVICE, &empty(op), As::Nobody).await;
        if op.access == AccessClass::PreAuth {
            assert_ne!(answer.status, 401, "{}", op.name);
        } else {
            assert_eq!(answer.status, 401, "{}: {}", op.name, answer.text());
            let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(challenges.len(), 2, "{}", op.name);
            assert_eq!(answer.fault(), ["Sender", "NotAuthorized"], "{}", op.name);
        }
    }
}

/// The permission matrix of ONVIF: every operation as every level, compared with its access class (GEN-1).
#[tokio::test]
async fn every_operation_is_open_to_whom_its_class_names() {
    use platecam_model::{Actor, Permission, Permissions, Secret, UserLevel, auth::NewUser};
    let only = |p| Some([p].into_iter().collect::<Permissions>());
    for (name, level, own) in [
        ("watcher", UserLevel::User, None),
        ("operator", UserLevel::Operator, None),
        ("manager", UserLevel::Administrator, None),
        // Less than any of ONVIF's levels.
        ("viewer", UserLevel::User, only(Permission::LiveView)),
        ("searcher", UserLevel::User, only(Permission::SearchRecords)),
    ] {
        let has = own.unwrap_or(level.permissions());
        for op in operations() {
            // Open to everybody: see the test above.
            let Some(needs) = platecam_onvif::needed(op) else {
                continue;
            };
            // A device for each: operations of administrators may change it.
            let bench = Bench::new();
            let mut new = NewUser::new(name, Secret::new(PASSWORD), level);
            new.permissions = own;
            let accounts = &bench.test.device.accounts;
            accounts.create(vec![new], &Actor::system()).unwrap();
            let answer = bench
                .call(DEVICE, &empty(op), As::Digest(name, PASSWORD))
                .await;
            let may = has.has(needs);
            // The model may ask for more (GetSystemLog needs the log); the class alone is judged here.
            let named = format!("permission '{needs}'");
            let by_class = answer.status == 403 && answer.text().contains(&named);
            assert_eq!(by_class, !may, "{} as {name}: {}", op.name, answer.text());
            assert_ne!(answer.status, 401, "{} as {name}", op.name);
        }
    }
}

/// Password rules over ONVIF are the settings of the web (Core §10.5).
#[tokio::test]
async fn password_rules_are_the_same_settings() {
    let bench = Bench::new();
    let set = "<tds:SetPasswordComplexityConfiguration><tds:MinLen>10</tds:MinLen><tds:Uppercase>1</tds:Uppercase>\
               <tds:BlockUsernameOccurrence>true</tds:BlockUsernameOccurrence></tds:SetPasswordComplexityConfiguration>";
    assert_eq!(bench.call(DEVICE, set, ADMIN).await.status, 200);
    let got = bench
        .call(DEVICE, "<tds:GetPasswordComplexityConfiguration/>", ADMIN)
        .await
        .read::<tds::GetPasswordComplexityConfigurationResponse>();
    assert_eq!(
        (
            got.min_len,
            got.uppercase,
            got.number,
            got.block_username_occurrence
        ),
        (Some(10), Some(1), Some(0), Some(true))
    );
    let set = |what: &str, body: &str| {
        format!("<tds:Set{what}Configuration>{body}</tds:Set{what}Configuration>")
    };
    let failures = |on: &str, period: u32, max: u32| {
        set(
            "AuthFailureWarning",
            &format!(
                "<tds:Enabled>{on}</tds:Enabled><tds:MonitorPeriod>{period}</tds:MonitorPeriod><tds:MaxAuthFailures>{max}</tds:MaxAuthFailures>"
            ),
        )
    };
    let history = |on: &str, n: i32| {
        set(
            "PasswordHistory",
            &format!("<tds:Enabled>{on}</tds:Enabled><tds:Length>{n}</tds:Length>"),
        )
    };
    for (body, ok) in [
        (failures("true", 600, 3), true),
        (failures("false", 600, 3), false),
        (failures("true", 600, 11), false),
        (failures("true", 3600, 3), false),
        (history("true", 3), true),
        (history("true", 0), false),
        (history("true", 11), false),
        (history("false", 0), true),
        (
            set("PasswordComplexity", "<tds:MinLen>33</tds:MinLen>"),
            false,
        ),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(answer.status == 200, ok, "{body}: {}", answer.text());
        if !ok {
            assert_eq!(answer.fault(), ["Sender", "InvalidArgVal"], "{body}");
        }
    }
    let got = bench
        .call(DEVICE, "<tds:GetAuthFailureWarningConfiguration/>", ADMIN)
        .await
        .read::<tds::GetAuthFailureWarningConfigurationResponse>();
    assert_eq!((got.monitor_period, got.max_auth_failures), (600, 3));
}

/// INIT-1: an uninitialised device answers PRE_AUTH and takes its first administrator, nothing else.
#[tokio::test]
async fn an_uninitialised_device_only_takes_its_first_user() {
    let bench = Bench::over(uninitialised());
    for op in operations() {
        let answer = bench.call(DEVICE, &empty(op), As::Nobody).await;
        let open = op.access == AccessClass::PreAuth || op.name == "CreateUsers";
        assert_eq!(
            answer.status == 401,
            !open,
            "{}: {}",
            op.name,
            answer.text()
        );
    }
    let user = |name: &str, level: &str| {
        format!(
            "<tds:CreateUsers><tds:User><tt:Username>{name}</tt:Username>\
             <tt:Password>{PASSWORD}</tt:Password><tt:UserLevel>{level}</tt:UserLevel>\
             </tds:User></tds:CreateUsers>"
        )
    };
    let refused = bench.call(DEVICE, &user("bob", "User"), As::Nobody).await;
    assert_eq!(refused.fault(), ["Sender", "NotAuthorized"]);
    let made = bench
        .call(DEVICE, &user("admin", "Administrator"), As::Nobody)
        .await;
    made.read::<tds::CreateUsersResponse>();
    let users = bench.call(DEVICE, "<tds:GetUsers/>", ADMIN).await;
    assert_eq!(users.read::<tds::GetUsersResponse>().user.len(), 1);
    let again = bench.call(DEVICE, &user("eve", "User"), As::Nobody).await;
    assert_eq!(again.status, 401);
}

/// SECURITY-1-1-1, -1-1-2 and interop trap 3.
#[tokio::test]
async fn credentials_are_checked_and_refusals_told_in_kind() {
    let bench = Bench::new();
    let users = "<tds:GetUsers/>";
    for who in [ADMIN, As::Digest("admin", PASSWORD)] {
        let answer = bench.call(DEVICE, users, who).await;
        assert_eq!(
            answer.read::<tds::GetUsersResponse>().user[0].username,
            "admin"
        );
        assert!(!answer.text().contains("Password"));
    }
    let wrong = bench
        .call(DEVICE, users, As::Token("admin", "wrong-1A"))
        .await;
    assert_eq!(
        (wrong.status, wrong.fault()),
        (400, vec!["Sender".into(), "NotAuthorized".into()])
    );
    assert!(!wrong.headers.contains_key("www-authenticate"));
    let wrong = bench
        .call(DEVICE, users, As::Digest("admin", "wrong-1A"))
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.headers.contains_key("www-authenticate"));
    // Replayed, without nonce, without time, as plain text.
    let once = bench.token("admin", PASSWORD);
    let now = "2026-11-18T00:00:00Z";
    for (header, status) in [
        (once.clone(), 200),
        (once, 400),
        (token_header("admin", "AAAA", "", now), 400),
        (token_header("admin", "AAAA", "AAAA", ""), 400),
        (
            token_header("admin", PASSWORD, "AAAA", now)
                .replace("#PasswordDigest", "#PasswordText"),
            400,
        ),
    ] {
        let request = Bench::request(Method::POST, DEVICE);
        let answer = bench.raw(request, envelope(&header, users)).await;
        assert_eq!(answer.status, status, "{header}");
    }
    // Wrong credentials do not matter where none are needed (interop #6).
    let open = bench
        .call(
            DEVICE,
            "<tds:GetSystemDateAndTime/>",
            As::Token("admin", "x"),
        )
        .await;
    assert_eq!(open.status, 200);
}

/// AUTH-5: too many failures lock, and the answer says for how long.
#[tokio::test]
async fn failures_lock() {
    let bench = Bench::new();
    for _ in 0..5 {
        let wrong = bench
            .call(DEVICE, "<tds:GetUsers/>", As::Token("admin", "wrong-1A"))
            .await;
        assert_eq!(wrong.status, 400);
    }
    let locked = bench.call(DEVICE, "<tds:GetUsers/>", ADMIN).await;
    assert_eq!(locked.status, 400);
    assert!(locked.text().contains("locked"), "{}", locked.text());
    assert!(locked.headers.contains_key("retry-after"));
}

/// GEN-2: a user may look, an operator may set streams, only an administrator manages users.
#[tokio::test]
async fn levels_decide() {
    let bench = Bench::new();
    let create = |name: &str, level: &str| {
        format!(
            "<tds:CreateUsers><tds:User><tt:Username>{name}</tt:Username>\
             <tt:Password>OnvifTest123</tt:Password><tt:UserLevel>{level}</tt:UserLevel>\
             </tds:User></tds:CreateUsers>"
        )
    };
    for (name, level) in [("OnvifTest1", "User"), ("OnvifTest2", "Operator")] {
        let made = bench.call(DEVICE, &create(name, level), ADMIN).await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let sync = "<trt:SetSynchronizationPoint><trt:ProfileToken>profile_main</trt:ProfileToken></trt:SetSynchronizationPoint>";
    for (body, user, operator) in [
        ("<trt:GetProfiles/>", 200, 200),
        ("<tds:GetScopes/>", 200, 200),
        (sync, 403, 200),
        ("<tds:GetUsers/>", 403, 403),
        (
            "<tds:SetDiscoveryMode><tds:DiscoveryMode>Discoverable</tds:DiscoveryMode></tds:SetDiscoveryMode>",
            403,
            403,
        ),
        ("<tds:SystemReboot/>", 403, 403),
    ] {
        for (name, status) in [("OnvifTest1", user), ("OnvifTest2", operator)] {
            let answer = bench
                .call(DEVICE, body, As::Digest(name, "OnvifTest123"))
                .await;
            assert_eq!(answer.status, status, "{name} {body}: {}", answer.text());
        }
    }
    let token = bench
        .call(
            DEVICE,
            "<tds:GetUsers/>",
            As::Token("OnvifTest1", "OnvifTest123"),
        )
        .await;
    assert_eq!(token.fault(), ["Sender", "NotAuthorized"]);
    assert_eq!(token.status, 400);
}

/// DEVICE-4-1-3..9: all or nothing, with the subcodes of Core §10.4.
#[tokio::test]
async fn user_operations_are_all_or_nothing() {
    let bench = Bench::new();
    let user = |name: &str, password: &str, level: &str| {
        format!(
            "<tds:User><tt:Username>{name}</tt:Username><tt:Password>{password}</tt:Password>\
             <tt:UserLevel>{level}</tt:UserLevel></tds:User>"
        )
    };
    let create = |users: &str| format!("<tds:CreateUsers>{users}</tds:CreateUsers>");
    let set = |users: &str| format!("<tds:SetUser>{users}</tds:SetUser>");
    let delete = |names: &[&str]| {
        let names: String = names
            .iter()
            .map(|n| format!("<tds:Username>{n}</tds:Username>"))
            .collect();
        format!("<tds:DeleteUsers>{names}</tds:DeleteUsers>")
    };
    let (p, long) = ("OnvifTest123", "Aa1".repeat(11));
    let one = |level: &str| user("OnvifTest1", p, level);
    for (body, subcodes) in [
        (create(&one("Operator")), &[][..]),
        (
            create(&one("User")),
            &["OperationProhibited", "UsernameClash"],
        ),
        (
            create(&(user("OnvifTest4", p, "User") + &one("User"))),
            &["OperationProhibited", "UsernameClash"],
        ),
        (
            create(&user(&"x".repeat(32), p, "User")),
            &["OperationProhibited", "UsernameTooLong"],
        ),
        (
            create(&user("", p, "User")),
            &["OperationProhibited", "UsernameTooShort"],
        ),
        (
            create(&user("u", &long, "User")),
            &["OperationProhibited", "PasswordTooLong"],
        ),
        (
            create(&user("u", "short", "User")),
            &["OperationProhibited", "Password"],
        ),
        (
            create(&user("u", p, "Anonymous")),
            &["OperationProhibited", "AnonymousNotAllowed"],
        ),
        (create(&user("u", p, "Extended")), &["InvalidArgVal"]),
        (create(&user("bad name", p, "User")), &["InvalidArgVal"]),
        (
            delete(&["OnvifTest1", "OnvifTest2"]),
            &["InvalidArgVal", "UsernameMissing"],
        ),
        (delete(&["admin"]), &["InvalidArgVal", "FixedUser"]),
        (
            set(&(one("User") + &user("OnvifTest5", p, "User"))),
            &["InvalidArgVal", "UsernameMissing"],
        ),
        (
            set(&user("admin", p, "User")),
            &["InvalidArgVal", "FixedUser"],
        ),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        if subcodes.is_empty() {
            assert_eq!(answer.status, 200, "{}", answer.text());
        } else {
            assert_eq!(answer.fault()[1..], *subcodes, "{body}: {}", answer.text());
        }
        let users = bench.call(DEVICE, "<tds:GetUsers/>", ADMIN).await;
        let users = users.read::<tds::GetUsersResponse>().user;
        let seen: Vec<_> = users
            .iter()
            .map(|u| (u.username.as_str(), u.user_level.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("admin", "Administrator"), ("OnvifTest1", "Operator")],
            "{body}"
        );
    }
    let limit = (0..30)
        .map(|i| user(&format!("u{i}"), p, "User"))
        .collect::<String>();
    let many = bench.call(DEVICE, &create(&limit), ADMIN).await;
    assert_eq!(many.fault(), ["Receiver", "Action", "TooManyUsers"]);
    let done = bench.call(DEVICE, &delete(&["OnvifTest1"]), ADMIN).await;
    assert_eq!(done.status, 200);
}

/// Pictures need Digest; wrong paths and missing things are told apart.
#[tokio::test]
async fn pictures_need_digest() {
    let bench = Bench::new();
    let stored = bench
        .test
        .device
        .records
        .insert(platecam_model::testing::new_record(
            "ABC123",
            platecam_model::UtcTime::EPOCH,
        ))
        .unwrap();
    let plate = format!("/onvif/record/{}/plate.jpg", stored.id.0);
    for (path, status, starts) in [
        ("/onvif/snapshot/profile_main", 200, &b"\xFF\xD8"[..]),
        ("/onvif/snapshot/nothing", 404, b"no profile"),
        (plate.as_str(), 200, b"\xFF\xD8plate"),
        ("/onvif/record/99/plate.jpg", 404, b"no "),
    ] {
        let mut request = Bench::request(Method::GET, path);
        let first = bench.raw(request.clone(), "").await;
        assert_eq!(first.status, 401, "{path}");
        bench.sign(&mut request, &first, "admin", PASSWORD);
        let answer = bench.raw(request, "").await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.starts_with(starts), "{path}: {:?}", answer.body);
    }
    let help = bench.raw(Bench::request(Method::GET, DEVICE), "").await;
    assert!(help.text().contains("SOAP"));
    let put = bench.raw(Bench::request(Method::PUT, DEVICE), "").await;
    assert_eq!(put.status, 405);
}

/// DOT1X-1..4; Security Service §5.4: one configuration is added, bound, read without its secret and taken away again.
#[tokio::test]
async fn a_configuration_of_802_1x_is_added_and_bound() {
    use platecam_model::settings::{Dot1xMethod, NetDot1x};
    const SECURITY: &str = "/onvif/security_service";
    let bench = Bench::new();
    let call = async |operation: &str, inner: &str| {
        let body = format!(
            "<tas:{operation} xmlns:tas='http://www.onvif.org/ver10/advancedsecurity/wsdl'>{inner}</tas:{operation}>"
        );
        bench.call(SECURITY, &body, ADMIN).await
    };
    let passphrase = call(
        "UploadPassphrase",
        "<tas:Passphrase>secret-1</tas:Passphrase>",
    )
    .await;
    let passphrase: tas::UploadPassphraseResponse = passphrase.read();
    let peap = |outer: &str, inner: &str, identity: &str, phrase: &str| {
        format!(
            "<tas:Dot1XConfiguration><tas:Outer Method='{outer}'><tas:Identity>anyone</tas:Identity>\
             <tas:Inner Method='{inner}'>{identity}<tas:PassphraseID>{phrase}</tas:PassphraseID></tas:Inner>\
             </tas:Outer></tas:Dot1XConfiguration>"
        )
    };
    let name = "<tas:Identity>camera</tas:Identity>";
    let id = passphrase.passphrase_id;
    for (wanted, subcode) in [
        (peap("EAP-FAST", "MSCHAPv2", name, &id), "Dot1XMethod"),
        (peap("EAP-PEAP", "GTC", name, &id), "Dot1XMethod"),
        (peap("EAP-PEAP", "MSCHAPv2", "", &id), "Dot1XMethod"),
        (peap("EAP-PEAP", "MSCHAPv2", name, "pass-9"), "PassphraseID"),
        (
            "<tas:Dot1XConfiguration><tas:Outer Method='EAP-TLS'><tas:Identity>camera</tas:Identity>\
             <tas:CertificationPathID>path-9</tas:CertificationPathID></tas:Outer></tas:Dot1XConfiguration>"
                .to_owned(),
            "CertificationPathID",
        ),
    ] {
        let refused = call("AddDot1XConfiguration", &wanted).await;
        assert_eq!(
            refused.fault(),
            ["Sender", "InvalidArgVal", subcode],
            "{wanted}"
        );
    }
    let wanted = peap("EAP-PEAP", "EAP-MSCHAPv2", name, &id);
    let added = call("AddDot1XConfiguration", &wanted).await;
    let added: tas::AddDot1XConfigurationResponse = added.read();
    let full = call("AddDot1XConfiguration", &wanted).await;
    let subcode = "MaximumNumberOfDot1XConfigurationsReached";
    assert_eq!(full.fault(), ["Receiver", "Action", subcode]);
    let set = bench.test.device.settings.get::<NetDot1x>();
    assert_eq!(
        (set.method, set.enabled, set.password.expose()),
        (Dot1xMethod::Peap, false, "secret-1")
    );
    assert_eq!(
        (set.identity.as_str(), set.anonymous_identity.as_str()),
        ("camera", "anyone")
    );
    let all = call("GetAllDot1XConfigurations", "").await;
    assert!(
        !all.text().contains("secret-1") && all.text().contains(">camera<"),
        "{}",
        all.text()
    );
    let dot1x = format!("<tas:Dot1XID>{}</tas:Dot1XID>", added.dot1xid);
    let eth0 = "<tas:token>eth0</tas:token>";
    let bound = async || {
        let answer = call("GetNetworkInterfaceDot1XConfiguration", eth0).await;
        let answer: tas::GetNetworkInterfaceDot1XConfigurationResponse = answer.read();
        answer.dot1xid
    };
    let bind = "SetNetworkInterfaceDot1XConfiguration";
    let strange = call(bind, &format!("<tas:token>wlan9</tas:token>{dot1x}")).await;
    assert_eq!(
        strange.fault(),
        ["Sender", "InvalidArgVal", "InvalidNetworkInterface"]
    );
    let strange = call(bind, &format!("{eth0}<tas:Dot1XID>x</tas:Dot1XID>")).await;
    assert_eq!(
        strange.fault(),
        ["Sender", "InvalidArgVal", "Dot1XConfigurationID"]
    );
    assert_eq!(bound().await, None);
    assert_eq!(call(bind, &format!("{eth0}{dot1x}")).await.status, 200);
    assert_eq!(bound().await.as_deref(), Some(&*added.dot1xid));
    let used = call("DeleteDot1XConfiguration", &dot1x).await;
    assert_eq!(used.fault(), ["Sender", "InvalidArgVal", "ReferenceExists"]);
    let unbound = call("DeleteNetworkInterfaceDot1XConfiguration", eth0).await;
    assert_eq!(unbound.status, 200, "{}", unbound.text());
    assert_eq!(bound().await, None);
    assert_eq!(call("DeleteDot1XConfiguration", &dot1x).await.status, 200);
    let gone = call("GetDot1XConfiguration", &dot1x).await;
    assert_eq!(
        gone.fault(),
        ["Sender", "InvalidArgVal", "Dot1XConfigurationID"]
    );
    assert!(
        !bench
            .test
            .device
            .settings
            .get::<NetDot1x>()
            .password
            .is_set()
    );
}

/// DOT1X-5; Security Service §5.5.5: a policy of stored certificates says whom 802.1X and a broker trust; the page has the
/// same certificates.
#[tokio::test]
async fn a_validation_policy_is_trusted_by() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use platecam_model::settings::{EventBroker, NetDot1x};
    const SECURITY: &str = "/onvif/security_service";
    let bench = Bench::new();
    let call = async |operation: &str, inner: &str| {
        let body = format!(
            "<tas:{operation} xmlns:tas='http://www.onvif.org/ver10/advancedsecurity/wsdl'>{inner}</tas:{operation}>"
        );
        bench.call(SECURITY, &body, ADMIN).await
    };
    let der = STANDARD.encode(include_bytes!("../../fuzz/corpus/certificate/leaf.der"));
    let stored = call(
        "UploadCertificate",
        &format!("<tas:Certificate>{der}</tas:Certificate>"),
    )
    .await;
    let stored: tas::UploadCertificateResponse = stored.read();
    let policy = |parameters: &str, certificate: &str| {
        format!(
            "<tas:Alias>switch</tas:Alias><tas:Parameters>{parameters}</tas:Parameters>\
             <tas:TrustAnchor><tas:CertificateID>{certificate}</tas:CertificateID></tas:TrustAnchor>"
        )
    };
    let create = "CreateCertPathValidationPolicy";
    for (wanted, subcode) in [
        (policy("", "cert-99"), "CertificateID"),
        (
            policy(
                "<tas:UseDeltaCRLs>true</tas:UseDeltaCRLs>",
                &stored.certificate_id,
            ),
            "CertPathValidationParameters",
        ),
    ] {
        let refused = call(create, &wanted).await;
        assert_eq!(refused.fault(), ["Sender", "InvalidArgVal", subcode]);
    }
    let made = call(create, &policy("", &stored.certificate_id)).await;
    let made: tas::CreateCertPathValidationPolicyResponse = made.read();
    let id = made.cert_path_validation_policy_id;
    let named =
        |id: &str| format!("<tas:CertPathValidationPolicyID>{id}</tas:CertPathValidationPolicyID>");
    let one = call("GetCertPathValidationPolicy", &named(&id)).await;
    let one: tas::GetCertPathValidationPolicyResponse = one.read();
    let one = one.cert_path_validation_policy;
    assert_eq!(one.alias.as_deref(), Some("switch"));
    assert_eq!(one.trust_anchor[0].certificate_id, stored.certificate_id);

    let dot1x = |policy: &str| {
        format!(
            "<tas:Dot1XConfiguration><tas:Outer Method='EAP-PEAP/MSCHAPv2' CertPathValidationPolicyID='{policy}'>\
             <tas:Inner Method='MSCHAPv2'><tas:Identity>camera</tas:Identity><tas:PassphraseID>pass</tas:PassphraseID>\
             </tas:Inner></tas:Outer></tas:Dot1XConfiguration>"
        )
    };
    let phrase = "<tas:Passphrase>secret-1</tas:Passphrase>";
    let phrase: tas::UploadPassphraseResponse = call("UploadPassphrase", phrase).await.read();
    let wanted =
        |policy: &str| dot1x(policy).replace(">pass<", &format!(">{}<", phrase.passphrase_id));
    let refused = call("AddDot1XConfiguration", &wanted("policy-99")).await;
    assert_eq!(
        refused.fault(),
        ["Sender", "InvalidArgVal", "CertPathValidationPolicyID"]
    );
    let added = call("AddDot1XConfiguration", &wanted(&id)).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let set = bench.test.device.settings.get::<NetDot1x>();
    assert!(
        set.verify_server && set.ca_certificate.contains(&der[..60]),
        "{}",
        set.ca_certificate
    );
    let all = call("GetAllDot1XConfigurations", "").await;
    let all: tas::GetAllDot1XConfigurationsResponse = all.read();
    let told = &all.configuration[0].outer.cert_path_validation_policy_id;
    assert_eq!(told.as_ref(), Some(&id));

    let broker = |address: &str| {
        format!(
            "<tev:AddEventBroker><tev:EventBroker><tev:Address>{address}</tev:Address><tev:TopicPrefix>a</tev:TopicPrefix>\
             <tev:CertPathValidationPolicyID>{id}</tev:CertPathValidationPolicyID></tev:EventBroker></tev:AddEventBroker>"
        )
    };
    const EVENTS: &str = "/onvif/event_service";
    let plain = bench.call(EVENTS, &broker("ws://b.example"), ADMIN).await;
    assert_eq!(plain.fault(), ["Sender", "InvalidArgVal"]);
    let added = bench.call(EVENTS, &broker("wss://b.example"), ADMIN).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let set = bench.test.device.settings.get::<EventBroker<1>>();
    assert!(set.0.verify_certificate && set.0.ca_certificate.contains(&der[..60]));
    let list = bench.call(EVENTS, "<tev:GetEventBrokers/>", ADMIN).await;
    assert!(list.text().contains(&format!(">{id}<")), "{}", list.text());

    let used = call("DeleteCertPathValidationPolicy", &named(&id)).await;
    assert_eq!(used.fault(), ["Sender", "InvalidArgVal", "ReferenceExists"]);
    let certificate = format!(
        "<tas:CertificateID>{}</tas:CertificateID>",
        stored.certificate_id
    );
    let used = call("DeleteCertificate", &certificate).await;
    assert_eq!(used.fault(), ["Sender", "InvalidArgVal", "ReferenceExists"]);
    let gone =
        "<tev:DeleteEventBroker><tev:Address>wss://b.example</tev:Address></tev:DeleteEventBroker>";
    assert_eq!(bench.call(EVENTS, gone, ADMIN).await.status, 200);
    let gone = "<tas:Dot1XID>dot1x_1</tas:Dot1XID>";
    assert_eq!(call("DeleteDot1XConfiguration", gone).await.status, 200);
    let deleted = call("DeleteCertPathValidationPolicy", &named(&id)).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(call("DeleteCertificate", &certificate).await.status, 200);
}
