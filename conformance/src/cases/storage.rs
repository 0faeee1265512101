//! Storage configurations (Core, device management). ONVIF's public specifications have no cases of them: these are the
//! runner's own.

use crate::{
    case::{Case, Need, Outcome, Present, case},
    check,
    device::Device,
    skip,
    xml::{Element, escape},
};

const NEEDS: &[Need] = &[Need::Flag("tds", "System@StorageConfiguration")];
/// Pictures would go nowhere for a moment: only where interruptions are allowed.
const CHANGES: &[Need] = &[
    Need::Flag("tds", "System@StorageConfiguration"),
    Need::Lists("tds", "System@StorageTypesSupported", "FTP"),
    Need::Disruptive,
];
const UNKNOWN: &str = "<tds:Token>conformance-unknown</tds:Token>";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "X-STORAGE-GET",
            "GetStorageConfigurations and GetStorageConfiguration say the same",
            "STG",
            NEEDS,
            same,
        ),
        case(
            "X-STORAGE-UNKNOWN",
            "GetStorageConfiguration and DeleteStorageConfiguration of a token that is none",
            "STG",
            NEEDS,
            |d| {
                for operation in [
                    "tds:GetStorageConfiguration",
                    "tds:DeleteStorageConfiguration",
                ] {
                    d.refused(operation, UNKNOWN, "Sender/InvalidArgVal")?;
                }
                Ok(())
            },
        ),
        case(
            "X-STORAGE-CHANGE",
            "CreateStorageConfiguration, read back, changed, deleted",
            "STG",
            CHANGES,
            change,
        ),
    ]
}

fn all(d: &Device) -> Outcome<Element> {
    d.call("tds:GetStorageConfigurations", "")
}

fn same(d: &Device) -> Outcome {
    let all = all(d)?;
    for one in all.all("StorageConfigurations") {
        let token = one.attr("token").present("token")?;
        let body = format!("<tds:Token>{}</tds:Token>", escape(token));
        let again = d.call("tds:GetStorageConfiguration", &body)?;
        let again = again
            .find("StorageConfiguration")
            .present("StorageConfiguration")?;
        check!(
            again.attr("token") == Some(token),
            "another token than {token}"
        );
        for path in ["Data/StorageUri", "Data/LocalPath", "Data/User/UserName"] {
            check!(
                again.text_of(path) == one.text_of(path),
                "{token}: {path} differs"
            );
        }
        check!(
            one.find("Data/User/Password").is_none(),
            "{token}: the password comes back"
        );
    }
    Ok(())
}

fn data(uri: &str) -> String {
    format!(
        "<tds:StorageUri>{uri}</tds:StorageUri><tds:User><tds:UserName>conformance</tds:UserName><tds:Password>Conf-2026</tds:Password></tds:User>"
    )
}

fn change(d: &Device) -> Outcome {
    let is_ftp = |c: &&Element| c.find("Data").and_then(|data| data.attr("type")) == Some("FTP");
    if all(d)?.all("StorageConfigurations").iter().any(is_ftp) {
        skip!("there is a server already, which is not the runner's");
    }
    let uri = "ftp://192.0.2.99/conformance";
    let body = format!(
        "<tds:StorageConfiguration type=\"FTP\">{}</tds:StorageConfiguration>",
        data(uri)
    );
    let made = d.call("tds:CreateStorageConfiguration", &body)?;
    let token = escape(made.text_of("Token").present("Token")?);
    let by_token = format!("<tds:Token>{token}</tds:Token>");
    let read = |d: &Device| -> Outcome<String> {
        let a = d.call("tds:GetStorageConfiguration", &by_token)?;
        let uri = a
            .text_of("StorageConfiguration/Data/StorageUri")
            .present("StorageUri")?;
        Ok(uri.to_owned())
    };
    let first = read(d);
    let body = format!(
        "<tds:StorageConfiguration token=\"{token}\"><tds:Data type=\"FTP\">{}</tds:Data></tds:StorageConfiguration>",
        data("ftp://192.0.2.98/conformance")
    );
    let changed = d.call("tds:SetStorageConfiguration", &body);
    let second = read(d);
    d.call("tds:DeleteStorageConfiguration", &by_token)?;
    let (first, second) = (first?, second?);
    changed?;
    check!(
        first.contains("192.0.2.99") && first.starts_with("ftp://"),
        "read back as {first}"
    );
    check!(
        second.contains("192.0.2.98"),
        "changed, but read back as {second}"
    );
    d.refused(
        "tds:GetStorageConfiguration",
        &by_token,
        "Sender/InvalidArgVal",
    )
}
