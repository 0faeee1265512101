//! The two questions to a server of dynamic DNS, over HTTP.

use std::{net::IpAddr, time::Duration};

use platecam_model::settings::{DdnsService, NetDdns};
use reqwest::{Certificate, Client, RequestBuilder, redirect::Policy};

use super::protocol::{Verdict, address_in, shown, verdict};
use crate::http::{self, cause};

/// Longest answer that is read, bytes.
const MAX_ANSWER: usize = 16 * 1024;
/// A server that is silent so long has not answered.
const SILENCE: Duration = Duration::from_secs(20);

/// An answer to an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    /// Its first line.
    pub(super) text: String,
}

/// Asks from which address the unit is seen.
///
/// # Errors
/// Why it is not known, for people.
pub(super) async fn seen_from(settings: &NetDdns) -> Result<IpAddr, String> {
    let url = settings.check_url();
    let (status, body) = ask(client(settings)?.get(url)).await?;
    let found = address_in(&body).filter(|_| status == 200);
    found.ok_or_else(|| {
        format!(
            "{url} does not tell the address: HTTP {status}, '{}'",
            shown(&body)
        )
    })
}

/// Sends an update. Redirects are not followed: the password is for this server alone.
///
/// # Errors
/// Why there was no answer, for people.
pub(super) async fn update(settings: &NetDdns, address: IpAddr) -> Result<Answer, String> {
    let request = client(settings)?
        .get(settings.update_url())
        .query(&[
            ("hostname", settings.domain.as_str()),
            ("myip", &address.to_string()),
        ])
        .basic_auth(&settings.username, Some(settings.password.expose()));
    let (status, body) = ask(request).await?;
    let text = match (status, shown(&body)) {
        (200, text) => text,
        (_, text) => format!("HTTP {status} {text}").trim_end().to_owned(),
    };
    Ok(Answer {
        verdict: verdict(status, &body),
        text,
    })
}

fn client(settings: &NetDdns) -> Result<Client, String> {
    let mut builder = http::client()
        .timeout(SILENCE)
        .redirect(Policy::none())
        .no_proxy();
    let ca = settings.ca_certificate.trim();
    if settings.service == DdnsService::Custom && !ca.is_empty() {
        builder = builder.tls_built_in_root_certs(false);
        for certificate in Certificate::from_pem_bundle(ca.as_bytes()).map_err(|e| cause(&e))? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|e| cause(&e))
}

async fn ask(request: RequestBuilder) -> Result<(u16, String), String> {
    let mut answer = request.send().await.map_err(|e| cause(&e))?;
    let mut body = Vec::new();
    while let Some(bytes) = answer.chunk().await.map_err(|e| cause(&e))? {
        body.extend_from_slice(&bytes);
        if body.len() > MAX_ANSWER {
            return Err(format!("the answer has more than {MAX_ANSWER} bytes"));
        }
    }
    Ok((
        answer.status().as_u16(),
        String::from_utf8_lossy(&body).into_owned(),
    ))
}
