//! What is fetched by GET: snapshots, pictures of records, logs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use platecam_model::{
    Device, Error, EventKind, Permission, Picture, RecordId, Result, settings::LprRecognition,
};

use crate::{
    answer, auth,
    device::{
        backup::{self, BACKUP_PATH},
        firmware::SUPPORT_PATH,
        log::Log,
    },
    media,
    request::HttpRequest,
    service::Inner,
};

/// So long after the first picture the second is there, if it comes (SNAPRULE-4).
const SECOND_WAIT: Duration = Duration::from_secs(3);

/// What is fetched, by its path.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// `/onvif/snapshot/<profile token>`.
    Snapshot(String),
    /// `/onvif/record/<id>/{full,plate,second}.jpg`.
    Record(RecordId, Picture),
    /// `/onvif/log/{system,access}.txt`.
    Log(Log),
    /// `/onvif/support.zip`.
    Support,
    /// `/onvif/backup.json`.
    Backup,
}

/// Path of a profile's snapshot.
pub(crate) fn snapshot_path(profile: &str) -> String {
    format!("/onvif/snapshot/{profile}")
}

/// Path of a record's picture.
pub(crate) fn record_path(id: RecordId, which: Picture) -> String {
    let name = match which {
        Picture::Full => "full",
        Picture::Plate => "plate",
        Picture::Second => "second",
    };
    format!("/onvif/record/{}/{name}.jpg", id.0)
}

fn wanted(path: &str) -> Option<Wanted> {
    if let Some(log) = Log::of_path(path) {
        return Some(Wanted::Log(log));
    }
    match path {
        SUPPORT_PATH => return Some(Wanted::Support),
        BACKUP_PATH => return Some(Wanted::Backup),
        _ => {}
    }
    let rest = path.strip_prefix("/onvif/")?;
    match *rest.split('/').collect::<Vec<_>>().as_slice() {
        ["snapshot", profile] if !profile.is_empty() => Some(Wanted::Snapshot(profile.to_owned())),
        ["record", id, name] => {
            let which = match name {
                "full.jpg" => Picture::Full,
                "plate.jpg" => Picture::Plate,
                "second.jpg" => Picture::Second,
                _ => return None,
            };
            // Digits only: "+1" and " 1" are no numbers of ours.
            let digits = id.bytes().all(|b| b.is_ascii_digit());
            let id = id.parse().ok().filter(|_| digits)?;
            Some(Wanted::Record(RecordId(id), which))
        }
        _ => None,
    }
}

/// Waits for a second picture that is on its way: the event of its vehicle names it, and is told when the first is there.
async fn await_second(device: &Device, id: RecordId) {
    let mut news = device.bus.subscribe();
    let asked = device.clone();
    let left = tokio::task::spawn_blocking(move || time_left(&asked, id)).await;
    let Ok(Ok(Some(left))) = left else { return };
    let came = async {
        // Whoever missed some looks.
        while let Ok(event) = news.recv().await {
            if matches!(&event.kind, EventKind::SecondStored(r) if r.id == id) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(left, came).await;
}

/// How long the second picture of a record may still take; `None` when it is there, or none is to come.
fn time_left(device: &Device, id: RecordId) -> Result<Option<Duration>> {
    let record = device.records.get(id)?;
    let twice = device.settings.get::<LprRecognition>().snapshot_quantity;
    if record.second_at.is_some() || twice.get() < 2 {
        return Ok(None);
    }
    let age = device.clock.now().saturating_since(record.captured_at);
    Ok(SECOND_WAIT.checked_sub(age))
}

/// Answers a GET.
pub(crate) async fn get(inner: &Arc<Inner>, request: HttpRequest) -> Response<Bytes> {
    let Some(wanted) = wanted(request.uri.path()) else {
        return answer::text(
            StatusCode::OK,
            "This is an ONVIF device. Send SOAP requests by POST to /onvif/device_service.\n",
        );
    };
    let permission = match wanted {
        Wanted::Snapshot(_) => Permission::LiveView,
        Wanted::Record(..) => Permission::SearchRecords,
        Wanted::Log(_) => Permission::ReadLog,
        Wanted::Support | Wanted::Backup => Permission::Maintenance,
    };
    let actor = match auth::plain(&inner.device, &request, permission) {
        Ok(actor) => actor,
        Err(denied) => return answer::denied_plain(&inner.device, denied),
    };
    let kind = match wanted {
        Wanted::Snapshot(_) | Wanted::Record(..) => "image/jpeg",
        Wanted::Log(_) => "text/plain; charset=utf-8",
        Wanted::Support => "application/zip",
        Wanted::Backup => "application/json",
    };
    if let Wanted::Record(id, Picture::Second) = wanted {
        await_second(&inner.device, id).await;
    }
    let of = inner.clone();
    // Encoding a snapshot and reading a record take milliseconds.
    let picture = tokio::task::spawn_blocking(move || match wanted {
        Wanted::Snapshot(profile) => {
            let target = media::profile_stream(&profile)
                .ok_or_else(|| Error::not_found("profile", crate::fault::shortened(&profile)))?;
            of.device.media.snapshot(target).map(|s| s.jpeg)
        }
        Wanted::Record(id, which) => of.device.records.picture(id, which),
        Wanted::Log(log) => log.text(&of.device, &actor).map(Bytes::from),
        Wanted::Support => of.device.support_bundle(&actor, &[], None),
        Wanted::Backup => backup::backup(&of.device, &actor),
    });
    let picture = picture
        .await
        .unwrap_or_else(|e| Err(Error::internal(format!("picture: {e}"))));
    match picture {
        Ok(content) if request.method == Method::HEAD => {
            let mut r = answer::with(StatusCode::OK, kind, Bytes::new());
            r.headers_mut()
                .insert(http::header::CONTENT_LENGTH, content.len().into());
            r
        }
        Ok(content) => answer::with(StatusCode::OK, kind, content),
        Err(e @ Error::NotFound { .. }) => answer::text(StatusCode::NOT_FOUND, format!("{e}\n")),
        Err(e @ Error::Unsupported(_)) => {
            answer::text(StatusCode::SERVICE_UNAVAILABLE, format!("{e}\n"))
        }
        Err(Error::Internal { detail }) => {
            tracing::error!("picture: {detail}");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
        }
        Err(e) => answer::text(StatusCode::BAD_REQUEST, format!("{e}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_pictures() {
        for (path, want) in [
            (
                "/onvif/snapshot/profile_main",
                Some(Wanted::Snapshot("profile_main".into())),
            ),
            (
                "/onvif/record/7/full.jpg",
                Some(Wanted::Record(RecordId(7), Picture::Full)),
            ),
            (
                "/onvif/record/7/plate.jpg",
                Some(Wanted::Record(RecordId(7), Picture::Plate)),
            ),
            ("/onvif/record/-7/plate.jpg", None),
            ("/onvif/record/+7/plate.jpg", None),
            ("/onvif/record/99999999999999999999/plate.jpg", None),
            ("/onvif/record//plate.jpg", None),
            ("/onvif/record/7/../plate.jpg", None),
            ("/onvif/record/7/other.jpg", None),
            ("/onvif/log/access.txt", Some(Wanted::Log(Log::Access))),
            ("/onvif/log/system.txt", Some(Wanted::Log(Log::System))),
            ("/onvif/log/other.txt", None),
            ("/onvif/snapshot/", None),
            ("/onvif/snapshot", None),
            ("/snapshot/profile_main", None),
        ] {
            assert_eq!(wanted(path), want, "{path}");
        }
        for which in Picture::ALL {
            let path = record_path(RecordId(41), which);
            assert_eq!(wanted(&path), Some(Wanted::Record(RecordId(41), which)));
        }
        assert!(wanted(&snapshot_path("profile_sub")).is_some());
    }
}
