//! SOAP as a client without a library sends it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::Camera;

/// One request to the device service with Digest, by curl, as `admin` with this password: status and body of the answer.
///
/// # Errors
/// When there is no answer.
pub fn soap(camera: &Camera, password: &str, body: &str) -> Result<(u16, String)> {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{body}</s:Body></s:Envelope>"
    );
    let out = Command::new("curl")
        .args(["-s", "--noproxy", "*", "--max-time", "60", "--digest"])
        .args(["-u", &format!("admin:{password}"), "-w", "\n%{http_code}"])
        .args(["-H", "Content-Type: application/soap+xml", "-d", &envelope])
        .arg(camera.url("/onvif/device_service"))
        .output()?;
    ensure!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout)?;
    let (answer, status) = text.rsplit_once('\n').context("no status")?;
    Ok((status.parse()?, answer.into()))
}
