//! HTTP responses.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use onvif_xml::{
    Writer,
    soap::{Fault, Header, Reply, Version, envelope, fault_envelope},
};
use platecam_model::{Device, Error};

use crate::{
    auth::{Denied, How},
    fault,
};

/// An answer with a body.
pub(crate) fn with(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A text for people.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response<Bytes> {
    with(status, "text/plain; charset=utf-8", text.into())
}

/// The answer to a SOAP request.
pub(crate) fn soap(
    version: Version,
    header: &Header,
    action: &str,
    body: Writer,
) -> Response<Bytes> {
    let reply = Reply::to_header(version, header, action);
    with(
        StatusCode::OK,
        version.content_type(),
        envelope(&reply, body),
    )
}

/// A fault with the HTTP status that belongs to it. Who is asked for credentials is answered by
/// [`denied`]; here the caller is known, so a missing right is 403.
pub(crate) fn fault(version: Version, header: &Header, fault: &Fault) -> Response<Bytes> {
    let status = match StatusCode::from_u16(fault.http_status()) {
        Ok(StatusCode::UNAUTHORIZED) => StatusCode::FORBIDDEN,
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    fault_as(status, version, header, fault)
}

fn fault_as(
    status: StatusCode,
    version: Version,
    header: &Header,
    fault: &Fault,
) -> Response<Bytes> {
    let reply = Reply::to_header(version, header, Fault::ACTION);
    with(
        status,
        version.content_type(),
        fault_envelope(&reply, fault),
    )
}

/// Tells that somebody is not let in (interop trap 3): 401 with challenges, or 400 when the
/// credentials were in the SOAP header, or 403 for missing rights.
pub(crate) fn denied(
    device: &Device,
    version: Version,
    header: &Header,
    denied: Denied,
) -> Response<Bytes> {
    let status = status_of(&denied);
    let (how, retry) = (denied.how, retry_after(&denied.error));
    let mut response = fault_as(status, version, header, &fault::of(denied.error));
    add_challenges(device, &mut response, how, retry);
    response
}

/// As [`denied`] for a plain GET.
pub(crate) fn denied_plain(device: &Device, denied: Denied) -> Response<Bytes> {
    let (how, retry) = (denied.how, retry_after(&denied.error));
    let mut response = text(status_of(&denied), format!("{}\n", denied.error));
    add_challenges(device, &mut response, how, retry);
    response
}

fn status_of(denied: &Denied) -> StatusCode {
    match denied.how {
        How::Challenge { .. } => StatusCode::UNAUTHORIZED,
        How::Fault => StatusCode::BAD_REQUEST,
        How::Forbidden => StatusCode::FORBIDDEN,
    }
}

fn retry_after(error: &Error) -> Option<u64> {
    match error {
        Error::Locked { retry_after } => Some(retry_after.as_secs().max(1)),
        _ => None,
    }
}

fn add_challenges(device: &Device, response: &mut Response<Bytes>, how: How, retry: Option<u64>) {
    if let How::Challenge { stale } = how {
        for challenge in device.accounts.challenges(stale) {
            if let Ok(value) = HeaderValue::from_str(&challenge) {
                response.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        }
    }
    if let Some(seconds) = retry {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}
