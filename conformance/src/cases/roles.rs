//! User roles (Core §10.4.10). ONVIF's public specifications have no cases of them: these are the runner's own.

use super::users::{denied, with_users};
use crate::{
    auth::Credentials,
    case::{Case, Need, Outcome, Present, case},
    check,
    device::{Device, Reply},
    xml::Element,
};

const NEEDS: &[Need] = &[Need::AtLeast("tds", "Security@MaxUserRoles", 1)];
const ROLE: &str = "ConformanceRole";
const UNKNOWN: &str = "Sender/InvalidArgVal/InvalidUserRole";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "X-ROLES-PREDEFINED",
            "GetUserRoles has ONVIF's own roles, without functions",
            "STG",
            NEEDS,
            |d| {
                let a = d.call("tds:GetUserRoles", "")?;
                for name in ["onvif:Administrator", "onvif:Operator", "onvif:User"] {
                    let role = named(&a, name).present(name)?;
                    check!(functions(role).is_empty(), "{name} has functions");
                }
                Ok(())
            },
        ),
        case(
            "X-ROLES-SET",
            "SetUserRole, read back, overwritten, deleted",
            "STG",
            NEEDS,
            |d| {
                with_role(
                    d,
                    "tds:GetDeviceInformation tds:GetScopes",
                    set_and_overwrite,
                )
            },
        ),
        case(
            "X-ROLES-FAULTS",
            "SetUserRole, DeleteUserRole and GetUserRoles refuse what they must",
            "STG",
            NEEDS,
            faults,
        ),
        case(
            "X-ROLES-MEMBER",
            "who has a role calls its functions and no others",
            "STG",
            NEEDS,
            |d| with_role(d, "tds:GetDeviceInformation", member),
        ),
    ]
}

fn named<'a>(answer: &'a Element, name: &str) -> Option<&'a Element> {
    let mut all = answer.all("UserRole").into_iter();
    all.find(|r| r.text_of("Name") == Some(name))
}

fn functions(role: &Element) -> Vec<&str> {
    let text = role.text_of("Functions").unwrap_or_default();
    text.split_ascii_whitespace().collect()
}

fn role(name: &str, functions: &str) -> String {
    format!(
        "<tds:UserRole><tt:Name>{name}</tt:Name><tt:Functions>{functions}</tt:Functions></tds:UserRole>"
    )
}

fn by_name(name: &str) -> String {
    format!("<tds:UserRole>{name}</tds:UserRole>")
}

/// Runs `steps` while the role of the cases exists.
fn with_role(d: &Device, functions: &str, steps: impl FnOnce(&Device) -> Outcome) -> Outcome {
    d.call("tds:SetUserRole", &role(ROLE, functions))?;
    let judged = steps(d);
    d.call("tds:DeleteUserRole", &by_name(ROLE))?;
    judged?;
    d.refused("tds:GetUserRoles", &by_name(ROLE), UNKNOWN)?;
    Ok(())
}

fn set_and_overwrite(d: &Device) -> Outcome {
    for wanted in [
        &["tds:GetDeviceInformation", "tds:GetScopes"][..],
        &["tds:GetScopes"],
    ] {
        d.call("tds:SetUserRole", &role(ROLE, &wanted.join(" ")))?;
        let a = d.call("tds:GetUserRoles", &by_name(ROLE))?;
        check!(a.all("UserRole").len() == 1, "another role is told too");
        let found = functions(named(&a, ROLE).present(ROLE)?);
        check!(found == wanted, "{found:?} instead of {wanted:?}");
    }
    Ok(())
}

fn faults(d: &Device) -> Outcome {
    let prefix = "Sender/OperationProhibited/OnvifPrefix";
    let own = role("onvif:User", "tds:GetScopes");
    d.refused("tds:SetUserRole", &own, prefix)?;
    d.refused("tds:DeleteUserRole", &by_name("onvif:User"), prefix)?;
    d.refused("tds:DeleteUserRole", &by_name("ConformanceNobody"), UNKNOWN)?;
    d.refused("tds:GetUserRoles", &by_name("ConformanceNobody"), UNKNOWN)?;
    let strange = role(ROLE, "tds:GetScopes tds:ConformanceUnknown");
    let missing = "Receiver/Action/FunctionNotImplemented";
    d.refused("tds:SetUserRole", &strange, missing)?;
    d.refused("tds:GetUserRoles", &by_name(ROLE), UNKNOWN)?;
    Ok(())
}

fn member(d: &Device) -> Outcome {
    with_users(d, &[("OnvifTest1", "User")], |d, password| {
        let user = format!(
            "<tds:User><tt:Username>OnvifTest1</tt:Username><tt:UserLevel>Extended</tt:UserLevel><tt:Extension><tt:Roles>{ROLE}</tt:Roles></tt:Extension></tds:User>"
        );
        d.call("tds:SetUser", &user)?;
        let a = d.call("tds:GetUsers", "")?;
        let mut all = a.all("User").into_iter();
        let told = all.find(|u| u.text_of("Username") == Some("OnvifTest1"));
        let told = told.present("OnvifTest1")?;
        check!(
            told.text_of("Extension/Roles") == Some(ROLE),
            "GetUsers does not tell the role"
        );
        let who = d.sign(&Credentials::new("OnvifTest1", password));
        let own = d.reply_as(&who, "tds:GetDeviceInformation", "")?;
        check!(
            matches!(own, Reply::Answer(..)),
            "its own function is refused"
        );
        let other = d.reply_as(&who, "tds:GetScopes", "")?;
        check!(
            denied(&other),
            "GetScopes is answered although it is not in the role"
        );
        // The user must go before the role.
        d.call("tds:DeleteUsers", "<tds:Username>OnvifTest1</tds:Username>")?;
        Ok(())
    })
}
