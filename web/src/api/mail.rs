//! The mail server (MAIL-9).

use axum::{Json, extract::State};
use platecam_model::{
    Error, LogKind, Permission, ports::Mail, product::Function, settings::NetMail,
};

use super::log::Tested;
use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let needs = Access::Needs(Permission::NetworkConfig);
    Routes::new()
        .post("/mail/test", needs, test)
        .of(Function::Email)
}

/// `POST /mail/test`: one message to the receivers of the stored settings (MAIL-9).
async fn test(State(app): State<App>, login: Login) -> Answer<Json<Tested>> {
    let device = app.device.clone();
    let tested = blocking(move || {
        let settings = device.settings.get::<NetMail>();
        if settings.receivers.is_empty() {
            let reason = "holds nobody who could get the test message";
            return Err(Error::invalid("/receivers", "", reason));
        }
        let identity = &device.identity;
        let mail = Mail {
            to: settings.receivers.clone(),
            subject: format!("Test message of {}", identity.serial),
            text: format!(
                "The {} {} can send e-mail.\n",
                identity.model, identity.serial
            ),
            pictures: Vec::new(),
        };
        let sent = device.mail.send(&mail);
        let outcome = if sent.is_ok() { "was sent" } else { "failed" };
        let what = format!("A test mail {outcome}.");
        device.audit(LogKind::System, &login.actor, what);
        match sent {
            Ok(took) => Ok(Tested::sent(took)),
            Err(Error::Unsupported(error)) => Ok(Tested::failed(error)),
            Err(other) => Err(other),
        }
    });
    Ok(Json(tested.await?))
}
