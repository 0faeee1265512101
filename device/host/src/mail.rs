//! Mail through the owner's server (MAIL-2..9; SMTP, RFC 5321, STARTTLS RFC 3207).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lettre::{
    Message, SmtpTransport, Transport,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    ports::{Mail, Mailer},
    settings::{MailEncryption, NetMail, SettingsStore},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// A server that is silent so long does not take the message.
const SILENCE: Duration = Duration::from_secs(15);

/// Sends by SMTP with the settings of the moment, one message at a time.
pub struct SmtpMailer {
    settings: Arc<SettingsStore>,
    under_way: Mutex<()>,
    silence: Duration,
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").finish_non_exhaustive()
    }
}

impl SmtpMailer {
    /// A sender that follows `settings`.
    pub fn new(settings: Arc<SettingsStore>) -> Self {
        Self::patient(settings, SILENCE)
    }

    /// The same, which gives a silent server up after `silence`.
    pub fn patient(settings: Arc<SettingsStore>, silence: Duration) -> Self {
        Self {
            settings,
            under_way: Mutex::new(()),
            silence,
        }
    }

    fn transport(&self, mail: &NetMail) -> Result<SmtpTransport> {
        let tls = match mail.encryption {
            MailEncryption::None => Tls::None,
            MailEncryption::Ssl => Tls::Wrapper(tls(mail)?),
            MailEncryption::Tls => Tls::Required(tls(mail)?),
        };
        let mut builder = SmtpTransport::builder_dangerous(&mail.host)
            .port(mail.port.get())
            .tls(tls)
            .timeout(Some(self.silence))
            // The unit's own name is nobody's business.
            .hello_name(ClientId::Domain("platecam".into()));
        if !mail.username.is_empty() {
            let password = mail.password.expose().to_owned();
            builder = builder.credentials(Credentials::new(mail.username.clone(), password));
        }
        Ok(builder.build())
    }
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: &Mail) -> Result<Duration> {
        let settings = self.settings.get::<NetMail>();
        if !settings.enabled {
            return Err(Error::Conflict("e-mail is switched off".into()));
        }
        let Some(_one_at_a_time) = self.under_way.try_lock() else {
            return Err(Error::Conflict("another message is under way".into()));
        };
        let message = message(&settings, mail)?;
        let started = Instant::now();
        let sent = self.transport(&settings)?.send(&message);
        sent.map_err(|e| failed(&e))?;
        Ok(started.elapsed())
    }
}

/// What went wrong with all its causes, on one line.
fn failed(e: &dyn std::error::Error) -> Error {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        let more = e.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = e.source();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Error::Unsupported(line.chars().take(300).collect())
}

fn message(settings: &NetMail, mail: &Mail) -> Result<Message> {
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|e| failed(&e));
    let mut builder = Message::builder()
        .from(mailbox(&settings.sender)?)
        .subject(&mail.subject);
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    if mail.pictures.is_empty() {
        let builder = builder.header(ContentType::TEXT_PLAIN);
        return builder.body(mail.text.clone()).map_err(|e| failed(&e));
    }
    let jpeg = ContentType::parse("image/jpeg").map_err(|e| failed(&e))?;
    let text = MultiPart::mixed().singlepart(SinglePart::plain(mail.text.clone()));
    let parts = mail.pictures.iter().fold(text, |parts, picture| {
        let file = Attachment::new(picture.name.clone());
        parts.singlepart(file.body(picture.jpeg.to_vec(), jpeg.clone()))
    });
    builder.multipart(parts).map_err(|e| failed(&e))
}

/// The server's certificate must be of its host and signed by the CA of the settings, or by a root of the machine.
fn tls(mail: &NetMail) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(mail.host.clone());
    if !mail.ca_certificate.trim().is_empty() {
        let pem = mail.ca_certificate.as_bytes();
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let der = certificate.map_err(|e| failed(&e))?.to_vec();
            let root = Certificate::from_der(der).map_err(|e| failed(&e))?;
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build().map_err(|e| failed(&e))
}
