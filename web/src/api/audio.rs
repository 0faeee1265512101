//! Voice prompts (GEN-20, AUDIO-3, AUDIO-4).

use axum::{
    Json,
    body::Bytes,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{BytesRejection, JsonRejection, QueryRejection},
    },
    routing::post,
};
use http::{Method, StatusCode};
use platecam_model::{
    Error, Permission,
    broadcast::{MAX_CLIP_BYTES, NewClip, Playing},
    product::Function,
    settings::{AudioClip, AudioClips, ClipLanguage},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let change = Access::Needs(Permission::VideoConfig);
    let play = Access::Needs(Permission::BarrierControl);
    Routes::new()
        .get("/audio/clips", Access::Needs(Permission::ReadConfig), list)
        .post("/audio/texts", change, add_text)
        .route(
            Method::POST,
            "/audio/clips",
            change,
            post(upload).layer(DefaultBodyLimit::max(MAX_CLIP_BYTES + 1)),
        )
        .delete("/audio/clips/{token}", change, delete)
        .post("/audio/clips/{token}/play", play, begin)
        .post("/audio/stop", play, stop)
        .of(Function::Voice)
}

#[derive(Debug, Serialize)]
pub(crate) struct Clips {
    /// Why nothing can be heard.
    mute: Option<String>,
    /// The prompts, as in the section `audio.clips`.
    clips: Vec<AudioClip>,
    /// Tokens of those whose sounds are not there.
    missing: Vec<String>,
    playing: Option<Playing>,
}

/// `GET /audio/clips`.
pub(crate) async fn list(State(app): State<App>, _login: Login) -> Answer<Json<Clips>> {
    let device = app.device.clone();
    let clips = blocking(move || {
        Ok(Clips {
            mute: device.is_mute(),
            clips: device.settings.get::<AudioClips>().clips.clone(),
            missing: device.missing_sounds()?,
            playing: device.playing(),
        })
    });
    clips.await.map(Json)
}

#[derive(Debug, Serialize)]
pub(crate) struct Added {
    token: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewText {
    name: String,
    text: String,
    #[serde(default)]
    language: ClipLanguage,
}

/// `POST /audio/texts`: a text that is said.
pub(crate) async fn add_text(
    State(app): State<App>,
    login: Login,
    body: Result<Json<NewText>, JsonRejection>,
) -> Answer<(StatusCode, Json<Added>)> {
    let Json(body) = body?;
    let mut new = NewClip::named(&body.name);
    new.clip.text = body.text;
    new.clip.language = body.language;
    let device = app.device.clone();
    let token = blocking(move || device.add_clip(&login.actor, new)).await?;
    Ok((StatusCode::CREATED, Json(Added { token })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    name: String,
}

/// `POST /audio/clips?name=`: a WAV file.
pub(crate) async fn upload(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Named>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<(StatusCode, Json<Added>)> {
    let Query(Named { name }) = query?;
    let file = body.map_err(|_| Error::Malformed {
        what: "WAV file",
        reason: format!("is larger than {MAX_CLIP_BYTES} bytes, or did not come whole"),
    })?;
    let mut new = NewClip::named(&name);
    new.file = Some(file.to_vec());
    let device = app.device.clone();
    let token = blocking(move || device.add_clip(&login.actor, new)).await?;
    Ok((StatusCode::CREATED, Json(Added { token })))
}

/// `DELETE /audio/clips/{token}`.
pub(crate) async fn delete(
    State(app): State<App>,
    login: Login,
    Path(token): Path<String>,
) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.delete_clip(&login.actor, &token)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /audio/clips/{token}/play`: it begins when nothing else is heard.
pub(crate) async fn begin(
    State(app): State<App>,
    login: Login,
    Path(token): Path<String>,
) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.play_clip(&login.actor, &token, None)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /audio/stop`: everything that is heard and waits.
pub(crate) async fn stop(State(app): State<App>, login: Login) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.stop_sounds(&login.actor, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}
