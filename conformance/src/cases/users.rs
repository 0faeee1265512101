//! Users and authentication: DEVICE-4-1-x, SECURITY-1-1-x.

use crate::{
    auth::{Challenge, Credentials, Flaw},
    case::{Case, Need, Outcome, Present, case},
    check,
    device::{Auth, Device, Reply},
    fail, skip,
    xml::escape,
};

/// Password of the specification's test users; a device whose policy refuses it gets a stronger one.
const PASSWORDS: [&str; 2] = ["OnvifTest123", "OnvifTest123-Gate-7319"];
const CLASH: &str = "Sender/OperationProhibited/UsernameClash";
const MISSING: &str = "Sender/InvalidArgVal/UsernameMissing";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "DEVICE-4-1-1",
            "GetUsers has names and levels, and no password",
            "STG",
            &[],
            |d| {
                let a = d.call("tds:GetUsers", "")?;
                check!(!a.all("User").is_empty(), "no user");
                for user in a.all("User") {
                    user.text_of("Username").present("Username")?;
                    user.text_of("UserLevel").present("UserLevel")?;
                    check!(user.find("Password").is_none(), "a password is told");
                }
                Ok(())
            },
        ),
        case(
            "DEVICE-4-1-3",
            "CreateUsers refuses a name twice, all or nothing",
            "STG",
            &[],
            |d| {
                with_users(d, &[("OnvifTest1", "Operator")], |d, p| {
                    d.refused("tds:CreateUsers", &user("OnvifTest1", "User", p), CLASH)?;
                    let both = user("OnvifTest4", "User", p) + &user("OnvifTest1", "User", p);
                    d.refused("tds:CreateUsers", &both, CLASH)?;
                    check!(
                        level(d, "OnvifTest1")?.as_deref() == Some("Operator"),
                        "OnvifTest1 was changed"
                    );
                    check!(level(d, "OnvifTest4")?.is_none(), "OnvifTest4 was created");
                    Ok(())
                })
            },
        ),
        case(
            "DEVICE-4-1-4",
            "DeleteUsers, one and two",
            "STG",
            &[],
            |d| {
                let all = [
                    ("OnvifTest1", "User"),
                    ("OnvifTest2", "User"),
                    ("OnvifTest3", "User"),
                ];
                with_users(d, &all, |d, _| {
                    for (name, wanted) in all {
                        check!(
                            level(d, name)?.as_deref() == Some(wanted),
                            "{name} is not there"
                        );
                    }
                    d.call("tds:DeleteUsers", &names(&["OnvifTest1"]))?;
                    check!(
                        level(d, "OnvifTest1")?.is_none(),
                        "OnvifTest1 is still there"
                    );
                    d.call("tds:DeleteUsers", &names(&["OnvifTest2", "OnvifTest3"]))?;
                    check!(
                        level(d, "OnvifTest2")?.is_none() && level(d, "OnvifTest3")?.is_none(),
                        "still there"
                    );
                    Ok(())
                })
            },
        ),
        case(
            "DEVICE-4-1-5",
            "DeleteUsers with an unknown name, all or nothing",
            "STG",
            &[],
            |d| {
                with_users(d, &[("OnvifTest1", "User")], |d, _| {
                    d.refused(
                        "tds:DeleteUsers",
                        &names(&["OnvifTest1", "OnvifTest2"]),
                        MISSING,
                    )?;
                    check!(level(d, "OnvifTest1")?.is_some(), "OnvifTest1 was deleted");
                    Ok(())
                })
            },
        ),
        case(
            "DEVICE-4-1-7",
            "SetUser, password of one and of two",
            "STG",
            &[],
            |d| {
                with_users(
                    d,
                    &[("OnvifTest1", "User"), ("OnvifTest2", "User")],
                    |d, p| {
                        let new = format!("{p}-9");
                        d.call("tds:SetUser", &user("OnvifTest1", "User", &new))?;
                        let now = d.sign(&Credentials::new("OnvifTest1", &new));
                        check!(
                            matches!(
                                d.reply_as(&now, "tds:GetDeviceInformation", "")?,
                                Reply::Answer(..)
                            ),
                            "the new password is not taken"
                        );
                        let old = d.sign(&Credentials::new("OnvifTest1", p));
                        check!(
                            denied(&d.reply_as(&old, "tds:GetDeviceInformation", "")?),
                            "the old password is still taken"
                        );
                        let both = user("OnvifTest1", "Operator", &new)
                            + &user("OnvifTest2", "Operator", &new);
                        d.call("tds:SetUser", &both)?;
                        for name in ["OnvifTest1", "OnvifTest2"] {
                            check!(
                                level(d, name)?.as_deref() == Some("Operator"),
                                "{name} has not the new level"
                            );
                        }
                        Ok(())
                    },
                )
            },
        ),
        case(
            "DEVICE-4-1-8",
            "SetUser with an unknown name, all or nothing",
            "STG",
            &[],
            |d| {
                with_users(d, &[("OnvifTest1", "Operator")], |d, p| {
                    let both = user("OnvifTest1", "User", p) + &user("OnvifTest5", "User", p);
                    d.refused("tds:SetUser", &both, MISSING)?;
                    check!(
                        level(d, "OnvifTest1")?.as_deref() == Some("Operator"),
                        "OnvifTest1 was changed"
                    );
                    Ok(())
                })
            },
        ),
        case(
            "DEVICE-4-1-9",
            "CreateUsers of each level",
            "STG",
            &[],
            |d| {
                for wanted in ["Operator", "User", "Administrator"] {
                    with_users(d, &[("OnvifTest1", wanted)], |d, _| {
                        check!(
                            level(d, "OnvifTest1")?.as_deref() == Some(wanted),
                            "not {wanted}"
                        );
                        Ok(())
                    })?;
                }
                Ok(())
            },
        ),
        case(
            "X-USERS-ANONYMOUS",
            "CreateUsers refuses the level Anonymous",
            "STG",
            &[],
            |d| {
                let fault = d.fault(
                    "tds:CreateUsers",
                    &user("OnvifTest1", "Anonymous", PASSWORDS[1]),
                )?;
                check!(
                    level(d, "OnvifTest1")?.is_none(),
                    "fault {}, but the user is there",
                    fault.chain()
                );
                Ok(())
            },
        ),
        case(
            "DEVICE-4-1-10",
            "GetRemoteUser",
            "STG",
            &[Need::Flag("tds", "Security@RemoteUserHandling")],
            |d| {
                let a = d.call("tds:GetRemoteUser", "")?;
                check!(
                    a.find("RemoteUser/Password").is_none(),
                    "the password is told"
                );
                Ok(())
            },
        ),
        case(
            "DEVICE-4-1-11",
            "SetRemoteUser, read back, removed",
            "STG",
            &[Need::Flag("tds", "Security@RemoteUserHandling")],
            remote_user,
        ),
        case(
            "SECURITY-1-1-1",
            "WS-UsernameToken: flawed ones are refused, a right one is not",
            "S",
            &[Need::Flag("tds", "Security@UsernameToken")],
            username_token,
        ),
        case(
            "SECURITY-1-1-2",
            "HTTP Digest: 401 with a challenge, then let in",
            "STMG",
            &[Need::Flag("tds", "Security@HttpDigest")],
            digest,
        ),
        case(
            "X-DIGEST-WRONG",
            "HTTP Digest with a wrong password is refused",
            "STM",
            &[Need::Flag("tds", "Security@HttpDigest")],
            |d| {
                // A name that does not exist: no account may be locked by this.
                let who = Credentials::new("conformance-nobody", "wrong");
                check!(
                    denied(&d.reply_as(&Auth::Digest(who), "tds:GetUsers", "")?),
                    "let in"
                );
                Ok(())
            },
        ),
        case(
            "X-TOKEN-REPLAY",
            "WS-UsernameToken: the same nonce twice is refused",
            "S",
            &[Need::Flag("tds", "Security@UsernameToken")],
            replay,
        ),
    ]
}

/// A `User` of a request.
pub(super) fn user(name: &str, level: &str, password: &str) -> String {
    format!(
        "<tds:User><tt:Username>{}</tt:Username><tt:Password>{}</tt:Password><tt:UserLevel>{level}</tt:UserLevel></tds:User>",
        escape(name),
        escape(password)
    )
}

fn names(all: &[&str]) -> String {
    all.iter()
        .map(|n| format!("<tds:Username>{n}</tds:Username>"))
        .collect()
}

fn level(d: &Device, name: &str) -> Outcome<Option<String>> {
    let a = d.call("tds:GetUsers", "")?;
    let found = a
        .all("User")
        .into_iter()
        .find(|u| u.text_of("Username") == Some(name));
    Ok(found
        .and_then(|u| u.text_of("UserLevel"))
        .map(str::to_owned))
}

/// Runs `steps` while users of these names and levels exist; they are gone afterwards.
pub(super) fn with_users(
    d: &Device,
    users: &[(&str, &str)],
    steps: impl FnOnce(&Device, &str) -> Outcome,
) -> Outcome {
    let mut said = String::new();
    for password in PASSWORDS {
        let body: String = users.iter().map(|(n, l)| user(n, l, password)).collect();
        match d.reply("tds:CreateUsers", &body)? {
            Reply::Answer(..) => {
                let judged = steps(d, password);
                for name in [
                    "OnvifTest1",
                    "OnvifTest2",
                    "OnvifTest3",
                    "OnvifTest4",
                    "OnvifTest5",
                ] {
                    if level(d, name)?.is_some() {
                        d.call("tds:DeleteUsers", &names(&[name]))?;
                    }
                }
                return judged;
            }
            Reply::Fault(f) if f.chain().contains("Password") => said = f.chain(),
            Reply::Fault(f) if f.chain().contains("TooManyUsers") => {
                skip!("the device has its most users")
            }
            Reply::Fault(f) => fail!("tds:CreateUsers: fault {}: {}", f.chain(), f.reason),
            Reply::Unauthorized => fail!("tds:CreateUsers: HTTP 401"),
        }
    }
    fail!("tds:CreateUsers refuses every password of the tests: {said}")
}

/// Whether an answer lets nobody in.
pub(super) fn denied(reply: &Reply) -> bool {
    match reply {
        Reply::Unauthorized => true,
        Reply::Fault(f) => f.not_authorized(),
        Reply::Answer(..) => false,
    }
}

fn remote_user(d: &Device) -> Outcome {
    let body = "<tds:RemoteUser><tt:Username>ONVIFRemoteUser</tt:Username><tt:Password>ONVIFRemotePassword1</tt:Password><tt:UseDerivedPassword>false</tt:UseDerivedPassword></tds:RemoteUser>";
    d.call("tds:SetRemoteUser", body)?;
    let read = d.call("tds:GetRemoteUser", "");
    d.call("tds:SetRemoteUser", "")?;
    let read = read?;
    check!(
        read.text_of("RemoteUser/Username") == Some("ONVIFRemoteUser"),
        "the name was not kept"
    );
    check!(
        read.find("RemoteUser/Password").is_none(),
        "the password is told"
    );
    check!(
        d.call("tds:GetRemoteUser", "")?
            .find("RemoteUser")
            .is_none(),
        "still there after removal"
    );
    Ok(())
}

fn username_token(d: &Device) -> Outcome {
    let who = d.target().administrator.clone();
    for flaw in [
        Flaw::NoNonce,
        Flaw::NoCreated,
        Flaw::PlainText,
        Flaw::WrongDigest,
    ] {
        // Only the flawed ones without the right password count as failed logins; one does no harm.
        let reply = d.reply_as(&Auth::Token(who.clone(), flaw), "tds:GetUsers", "")?;
        check!(denied(&reply), "{flaw:?}: let in");
    }
    match d.reply_as(&Auth::Token(who, Flaw::None), "tds:GetUsers", "")? {
        Reply::Answer(..) => Ok(()),
        other => fail!("the right one is refused: {other:?}"),
    }
}

fn digest(d: &Device) -> Outcome {
    let url = d.address("tds")?;
    let text = crate::soap::envelope("", "<tds:GetUsers/>");
    let kind = "application/soap+xml; charset=utf-8";
    let answer = d.http(
        &Auth::None,
        "POST",
        &url,
        "tds:GetUsers",
        Some((text.as_bytes(), kind)),
    )?;
    check!(
        answer.status == 401,
        "HTTP {} without credentials",
        answer.status
    );
    let good = answer
        .challenges
        .iter()
        .any(|c| Challenge::parse(c).is_some_and(|c| !c.nonce.is_empty()));
    check!(good, "no Digest challenge: {:?}", answer.challenges);
    match d.reply_as(
        &Auth::Digest(d.target().administrator.clone()),
        "tds:GetUsers",
        "",
    )? {
        Reply::Answer(..) => Ok(()),
        other => fail!("refused with Digest: {other:?}"),
    }
}

fn replay(d: &Device) -> Outcome {
    let created = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let header = crate::auth::username_token(&d.target().administrator, &created, Flaw::None);
    let url = d.address("tds")?;
    let send = || {
        d.send_envelope(
            &Auth::None,
            &url,
            &header,
            "tds:GetUsers",
            "<tds:GetUsers/>",
        )
    };
    check!(
        matches!(send()?, Reply::Answer(..)),
        "refused the first time"
    );
    check!(denied(&send()?), "let in a second time");
    Ok(())
}
