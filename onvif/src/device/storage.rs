//! Storage configurations (Core, device management: GetStorageConfigurations and its neighbours): the unit's own storage,
//! its memory card, which are as they are, and the upload server, which is the settings section `upload.server`.

use onvif_contracts::tds;
use onvif_xml::soap::Fault;
use platecam_model::settings::{StorageSpot, UploadProtocol, UploadServer};
use serde_json::{Value, json};

use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// What a new configuration may be.
pub(super) const TYPES: [&str; 1] = ["FTP"];

/// Token of the unit's own storage.
const LOCAL: &str = "local";
/// Token of the memory card.
const CARD: &str = "card";
/// Token of the upload server.
const SERVER: &str = "server";

/// The unit's own storage.
fn local() -> tds::StorageConfiguration {
    tds::StorageConfiguration {
        token: LOCAL.into(),
        data: tds::StorageConfigurationData {
            r#type: "LocalStorage".into(),
            local_path: Some("/".into()),
            ..Default::default()
        },
    }
}

/// The memory card, while one is in the unit and can be read.
fn card(call: &Call<'_>) -> Option<tds::StorageConfiguration> {
    call.device().card.status().id?;
    Some(tds::StorageConfiguration {
        token: CARD.into(),
        data: tds::StorageConfigurationData {
            r#type: "LocalStorage".into(),
            local_path: Some("/card".into()),
            ..Default::default()
        },
    })
}

/// The upload server, where one is set. Its password never comes back.
fn server(s: &UploadServer) -> Option<tds::StorageConfiguration> {
    if s.host.is_empty() {
        return None;
    }
    let user = || {
        Box::new(tds::UserCredential {
            user_name: s.username.clone(),
            ..Default::default()
        })
    };
    Some(tds::StorageConfiguration {
        token: SERVER.into(),
        data: tds::StorageConfigurationData {
            r#type: TYPES[0].into(),
            storage_uri: Some(s.address()),
            user: (!s.username.is_empty()).then(user),
            ..Default::default()
        },
    })
}

/// Configurations that there can be: nobody makes another one where a card could be.
pub(super) fn max(call: &Call<'_>) -> i32 {
    if card(call).is_some() { 3 } else { 2 }
}

fn all(call: &Call<'_>) -> Vec<tds::StorageConfiguration> {
    let s = call.device().settings.get::<UploadServer>();
    [Some(local()), card(call), server(&s)]
        .into_iter()
        .flatten()
        .collect()
}

/// `GetStorageConfigurations`.
pub(super) fn get_all(call: &Call<'_>) -> tds::GetStorageConfigurationsResponse {
    tds::GetStorageConfigurationsResponse {
        storage_configurations: all(call),
    }
}

/// `GetStorageConfiguration`.
pub(super) fn get(call: &Call<'_>, token: &str) -> Answer<tds::GetStorageConfigurationResponse> {
    let found = all(call).into_iter().find(|c| c.token == token);
    Ok(tds::GetStorageConfigurationResponse {
        storage_configuration: found.ok_or_else(|| fault::no_config(token))?,
    })
}

fn invalid(why: impl std::fmt::Display) -> Fault {
    Fault::sender(&["InvalidArgVal"], format!("StorageConfiguration: {why}"))
}

/// Parts of `sftp://host:port/folder`.
fn parts(uri: &str) -> Answer<(UploadProtocol, String, u16, String)> {
    let bad = || {
        invalid(format_args!(
            "StorageUri: '{}' is not like sftp://host:port/folder",
            shortened(uri)
        ))
    };
    let (scheme, rest) = uri.split_once("://").ok_or_else(bad)?;
    let protocol = match scheme {
        "sftp" => UploadProtocol::Sftp,
        "ftp" => UploadProtocol::Ftp,
        _ => return Err(invalid("StorageUri: allowed are ftp:// and sftp://")),
    };
    let (place, folder) = rest.split_once('/').unwrap_or((rest, ""));
    if place.contains('@') {
        return Err(invalid("StorageUri: name and password stand in User"));
    }
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => v6.split_once(']').ok_or_else(bad)?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(number) => number
            .parse::<u16>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(bad)?,
        None if port.is_empty() => 0,
        None => return Err(bad()),
    };
    if host.is_empty() {
        return Err(bad());
    }
    let port = if port == protocol.default_port() {
        0
    } else {
        port
    };
    Ok((protocol, host.to_owned(), port, folder.to_owned()))
}

/// The change of the section that makes it hold `data`.
fn change(before: &UploadServer, data: &tds::StorageConfigurationData) -> Answer<Value> {
    if !TYPES.contains(&data.r#type.as_str()) {
        return Err(invalid(format_args!(
            "the type '{}' is not supported; allowed is FTP",
            shortened(&data.r#type)
        )));
    }
    for (name, there) in [
        (
            "LocalPath",
            data.local_path.as_deref().is_some_and(|p| !p.is_empty()),
        ),
        (
            "CertPathValidationPolicyID",
            data.cert_path_validation_policy_id.is_some(),
        ),
        ("ConfigurationRenewal", data.configuration_renewal.is_some()),
        ("Region", data.region.is_some()),
        (
            "Token",
            data.user.as_ref().is_some_and(|u| u.token.is_some()),
        ),
    ] {
        if there {
            return Err(invalid(format_args!("{name} is not supported")));
        }
    }
    let uri = data.storage_uri.as_deref().unwrap_or_default();
    let (protocol, host, port, directory) = parts(uri)?;
    let username = data
        .user
        .as_ref()
        .map(|u| u.user_name.clone())
        .unwrap_or_default();
    let mut value = json!({
        "protocol": protocol, "host": host, "port": port, "directory": directory, "username": username,
    });
    let same = before.host == host && before.username == username;
    match data.user.as_ref().and_then(|u| u.password.as_ref()) {
        Some(password) => value["password"] = json!(password),
        // Another server must not learn the password of this one.
        None if !same => value["password"] = json!(null),
        None => {}
    }
    if before.host != host {
        value["host_key"] = json!("");
    }
    Ok(value)
}

fn patch(call: &Call<'_>, value: &Value) -> Answer<()> {
    let done = call
        .device()
        .settings
        .patch("upload.server", value, None, call.actor);
    done.map(drop).map_err(fault::of)
}

/// `CreateStorageConfiguration`: pictures go there at once; there is one server.
pub(super) fn create(
    call: &Call<'_>,
    data: &tds::StorageConfigurationData,
) -> Answer<tds::CreateStorageConfigurationResponse> {
    let before = call.device().settings.get::<UploadServer>();
    if !before.host.is_empty() {
        let why = "there is one server already; SetStorageConfiguration changes it";
        return Err(Fault::receiver(
            &["Action", "MaxStorageConfigurations"],
            why,
        ));
    }
    let mut value = change(&before, data)?;
    value["enabled"] = json!(true);
    value["spot"] = json!(StorageSpot::Both);
    patch(call, &value)?;
    Ok(tds::CreateStorageConfigurationResponse {
        token: SERVER.into(),
    })
}

/// Whether the token is the server's, and there is one.
fn is_server(call: &Call<'_>, token: &str) -> Answer<UploadServer> {
    let s = call.device().settings.get::<UploadServer>();
    match token {
        LOCAL | CARD => Err(invalid("the unit's own storage cannot be changed")),
        SERVER if !s.host.is_empty() => Ok((*s).clone()),
        other => Err(fault::no_config(other)),
    }
}

/// `SetStorageConfiguration`.
pub(super) fn set(call: &Call<'_>, wanted: &tds::StorageConfiguration) -> Answer<()> {
    let before = is_server(call, &wanted.token)?;
    let value = change(&before, &wanted.data)?;
    patch(call, &value)
}

/// `DeleteStorageConfiguration`: the server, its account and its key are forgotten; the rule of names stays.
pub(super) fn delete(call: &Call<'_>, token: &str) -> Answer<()> {
    is_server(call, token)?;
    let value = json!({
        "enabled": false, "spot": StorageSpot::Local, "host": "", "port": 0, "directory": "", "username": "",
        "password": null, "host_key": "",
    });
    patch(call, &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_bad_ones_refused() {
        use UploadProtocol::{Ftp, Sftp};
        for (uri, protocol, host, port, folder) in [
            ("sftp://nas/pictures", Sftp, "nas", 0, "pictures"),
            ("sftp://nas:22//srv/x", Sftp, "nas", 0, "/srv/x"),
            ("ftp://192.0.2.1:2121", Ftp, "192.0.2.1", 2121, ""),
            ("ftp://[2001:db8::1]:22/", Ftp, "2001:db8::1", 22, ""),
        ] {
            let expect = (protocol, host.to_owned(), port, folder.to_owned());
            assert_eq!(parts(uri).unwrap(), expect, "{uri}");
        }
        for bad in [
            "",
            "nas",
            "http://nas/",
            "ftps://nas/",
            "sftp://",
            "sftp://:22/",
            "sftp://u:p@nas/",
            "ftp://[::1/",
            "ftp://[::1]x/",
            "ftp://nas:0/",
            "ftp://nas:x/",
            "ftp://nas:/",
            "ftp://nas:70000/",
        ] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }
}
