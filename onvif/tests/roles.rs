//! User roles over the groups of the device (Core §10.4.10; USER-16..18, GEN-2).

mod common;

use common::{ADMIN, As, Bench};
use onvif_contracts::tds;
use platecam_model::testing::PASSWORD;

const DEVICE: &str = "/onvif/device_service";

fn set(name: &str, functions: &str) -> String {
    format!(
        "<tds:SetUserRole><tds:UserRole><tt:Name>{name}</tt:Name><tt:Functions>{functions}</tt:Functions></tds:UserRole></tds:SetUserRole>"
    )
}

fn user(operation: &str, level: &str, roles: &str) -> String {
    format!(
        "<tds:{operation}><tds:User><tt:Username>guard</tt:Username><tt:Password>{PASSWORD}</tt:Password>\
         <tt:UserLevel>{level}</tt:UserLevel><tt:Extension><tt:Roles>{roles}</tt:Roles></tt:Extension></tds:User></tds:{operation}>"
    )
}

async fn roles(bench: &Bench) -> Vec<(String, Vec<String>)> {
    let answer = bench.call(DEVICE, "<tds:GetUserRoles/>", ADMIN).await;
    let got = answer.read::<tds::GetUserRolesResponse>();
    let pair = |r: onvif_contracts::tt::UserRole| (r.name, r.functions.0);
    got.user_role.into_iter().map(pair).collect()
}

/// USER-16, USER-18: a role made over ONVIF is a group; a group made in the web is a role with what it opens.
#[tokio::test]
async fn roles_are_groups() {
    use platecam_model::{Actor, Permission, Permissions};
    let bench = Bench::new();
    let names = ["onvif:Administrator", "onvif:Operator", "onvif:User"];
    let fixed: Vec<_> = names.map(|n| (n.to_owned(), vec![])).to_vec();
    assert_eq!(roles(&bench).await, fixed);
    let given = "trt:GetProfiles tds:GetUsers trt:GetProfiles";
    let made = bench.call(DEVICE, &set("guards", given), ADMIN).await;
    made.read::<tds::SetUserRoleResponse>();
    let own = vec!["trt:GetProfiles".to_owned(), "tds:GetUsers".to_owned()];
    assert_eq!(roles(&bench).await[3], ("guards".to_owned(), own));
    let accounts = &bench.test.device.accounts;
    let system = Actor::system();
    let group = accounts.groups(&system).unwrap().pop().unwrap();
    let needed = Permissions::of(&[Permission::LiveView, Permission::UserManagement]);
    assert_eq!((group.name.as_str(), group.permissions), ("guards", needed));
    let live = Permissions::of(&[Permission::LiveView]);
    accounts.create_group("gate", "", live, &system).unwrap();
    let (_, opened) = roles(&bench).await.pop().unwrap();
    let has = |f: &str| opened.iter().any(|o| o == f);
    assert!(has("trt:GetStreamUri") && has("tev:PullMessages") && has("tds:GetServices"));
    assert!(
        !has("tds:GetUsers") && !has("trt:CreateProfile"),
        "{opened:?}"
    );
}

/// GEN-2: a member calls the functions of the role and no others; SetUser moves members.
#[tokio::test]
async fn members_call_their_functions_only() {
    let bench = Bench::new();
    bench
        .call(
            DEVICE,
            &set("guards", "tds:GetUsers tds:GetSystemLog tds:GetDNS"),
            ADMIN,
        )
        .await
        .read::<tds::SetUserRoleResponse>();
    let made = bench
        .call(DEVICE, &user("CreateUsers", "Extended", "guards"), ADMIN)
        .await;
    made.read::<tds::CreateUsersResponse>();
    let users = bench.call(DEVICE, "<tds:GetUsers/>", ADMIN).await;
    let users = users.read::<tds::GetUsersResponse>().user;
    assert!(users[0].extension.is_none(), "ONVIF's level says it all");
    let told = users[1].extension.as_deref().unwrap();
    assert_eq!(told.roles.0, ["guards"]);
    let guard = As::Digest("guard", PASSWORD);
    assert_eq!(
        bench.call(DEVICE, "<tds:GetUsers/>", guard).await.status,
        200
    );
    let other = bench.call(DEVICE, "<tds:GetScopes/>", guard).await;
    assert_eq!(
        (other.status, other.fault()),
        (403, vec!["Sender".into(), "NotAuthorized".into()])
    );
    assert!(other.text().contains("tds:GetScopes"), "{}", other.text());
    // Open to everybody stays open.
    let open = bench
        .call(
            DEVICE,
            "<tds:GetSystemDateAndTime/>",
            As::Token("guard", PASSWORD),
        )
        .await;
    assert_eq!(open.status, 200);
    let busy = "<tds:DeleteUserRole><tds:UserRole>guards</tds:UserRole></tds:DeleteUserRole>";
    let refused = bench.call(DEVICE, busy, ADMIN).await;
    assert_eq!(
        refused.fault(),
        ["Sender", "OperationProhibited"],
        "USER-17"
    );
    let moved = bench
        .call(
            DEVICE,
            &user("SetUser", "Operator", "onvif:Operator"),
            ADMIN,
        )
        .await;
    moved.read::<tds::SetUserResponse>();
    assert_eq!(
        bench.call(DEVICE, "<tds:GetScopes/>", guard).await.status,
        200
    );
    bench
        .call(DEVICE, busy, ADMIN)
        .await
        .read::<tds::DeleteUserRoleResponse>();
}

/// What is no role, no function or no clear wish is refused by the names of the specification.
#[tokio::test]
async fn wrong_roles_are_refused() {
    let bench = Bench::new();
    let by_name = |what: &str, name: &str| {
        format!("<tds:{what}><tds:UserRole>{name}</tds:UserRole></tds:{what}>")
    };
    for (body, fault) in [
        (
            set("guards", "tds:Fly"),
            &["Receiver", "Action", "FunctionNotImplemented"][..],
        ),
        (
            set("guards", "GetUsers"),
            &["Receiver", "Action", "FunctionNotImplemented"],
        ),
        (
            set("onvif:Gate", ""),
            &["Sender", "OperationProhibited", "OnvifPrefix"],
        ),
        (set("admin", ""), &["Sender", "OperationProhibited"]),
        (
            set("a b", ""),
            &["Sender", "InvalidArgVal", "InvalidUserRole"],
        ),
        (
            by_name("DeleteUserRole", "onvif:User"),
            &["Sender", "OperationProhibited", "OnvifPrefix"],
        ),
        (
            by_name("DeleteUserRole", "user"),
            &["Sender", "InvalidArgVal", "InvalidUserRole"],
        ),
        (
            by_name("DeleteUserRole", "nobody"),
            &["Sender", "InvalidArgVal", "InvalidUserRole"],
        ),
        (
            by_name("GetUserRoles", "nobody"),
            &["Sender", "InvalidArgVal", "InvalidUserRole"],
        ),
        (
            user("CreateUsers", "Extended", "nobody"),
            &["Sender", "InvalidArgVal", "InvalidUserRole"],
        ),
        (
            user("CreateUsers", "Extended", "onvif:User onvif:Operator"),
            &["Sender", "InvalidArgVal", "InvalidUserRole"],
        ),
        (
            user("CreateUsers", "Operator", "onvif:User"),
            &["Sender", "InvalidArgVal"],
        ),
        (
            user("CreateUsers", "Extended", ""),
            &["Sender", "InvalidArgVal"],
        ),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(answer.fault(), fault, "{body}");
    }
}

/// The permissions that a role gets suffice for its functions: the model asks for no more.
#[tokio::test]
async fn a_role_has_what_its_functions_need() {
    for (function, body) in [
        (
            "tds:SetHostname",
            "<tds:SetHostname><tds:Name>gate-7</tds:Name></tds:SetHostname>",
        ),
        (
            "tds:AddScopes",
            "<tds:AddScopes><tds:ScopeItem>onvif://www.onvif.org/x/y</tds:ScopeItem></tds:AddScopes>",
        ),
        (
            "tds:SetDiscoveryMode",
            "<tds:SetDiscoveryMode><tds:DiscoveryMode>NonDiscoverable</tds:DiscoveryMode></tds:SetDiscoveryMode>",
        ),
        (
            "tds:GetSystemLog",
            "<tds:GetSystemLog><tds:LogType>System</tds:LogType></tds:GetSystemLog>",
        ),
        (
            "tds:SetIPAddressFilter",
            "<tds:SetIPAddressFilter><tds:IPAddressFilter><tt:Type>Deny</tt:Type></tds:IPAddressFilter></tds:SetIPAddressFilter>",
        ),
        (
            "tds:SetPasswordHistoryConfiguration",
            "<tds:SetPasswordHistoryConfiguration><tds:Enabled>false</tds:Enabled><tds:Length>0</tds:Length></tds:SetPasswordHistoryConfiguration>",
        ),
        (
            "tds:SetUserRole",
            "<tds:SetUserRole><tds:UserRole><tt:Name>x</tt:Name><tt:Functions/></tds:UserRole></tds:SetUserRole>",
        ),
        ("tds:SystemReboot", "<tds:SystemReboot/>"),
        ("tds:GetUsers", "<tds:GetUsers/>"),
        (
            "tds:SetSystemFactoryDefault",
            "<tds:SetSystemFactoryDefault><tds:FactoryDefault>Soft</tds:FactoryDefault></tds:SetSystemFactoryDefault>",
        ),
        ("tds:StartSystemRestore", "<tds:StartSystemRestore/>"),
        (
            "tds:SetRelayOutputState",
            "<tds:SetRelayOutputState><tds:RelayOutputToken>relay_1</tds:RelayOutputToken><tds:LogicalState>active</tds:LogicalState></tds:SetRelayOutputState>",
        ),
        ("tev:GetEventBrokers", "<tev:GetEventBrokers/>"),
        (
            "tds:SetGeoLocation",
            "<tds:SetGeoLocation><tds:Location Entity=\"Device\" lon=\"1\" lat=\"2\"/></tds:SetGeoLocation>",
        ),
    ] {
        let bench = Bench::new();
        let made = bench.call(DEVICE, &set("one", function), ADMIN).await;
        made.read::<tds::SetUserRoleResponse>();
        let made = bench
            .call(DEVICE, &user("CreateUsers", "Extended", "one"), ADMIN)
            .await;
        made.read::<tds::CreateUsersResponse>();
        let answer = bench
            .call(DEVICE, body, As::Digest("guard", PASSWORD))
            .await;
        assert!(
            !answer.text().contains("NotAuthorized"),
            "{function}: {}",
            answer.text()
        );
    }
}
