//! Mail to a real SMTP server on loopback: in the clear, with STARTTLS, with TLS from the first byte, and what
//! goes wrong (MAIL-2..5, MAIL-7, MAIL-9, SEC-10).

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use platecam_host::{Database, DeviceKey, SmtpMailer};
use platecam_model::{
    Actor, Error, EventBus, SystemClock,
    ports::{Mail, MailPicture, Mailer},
    settings::{NetMail, Section, SettingsStore, all_sections},
};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivatePkcs8KeyDer};
use serde_json::{Value, json};

const PASSWORD: &str = "Mail-2026-box";

/// What the server does to its one client.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Plain,
    StartTls,
    Tls,
    /// Does not know STARTTLS.
    Stripped,
    /// Refuses every recipient.
    Full,
}

/// A message as the server took it.
#[derive(Debug, Default)]
struct Taken {
    login: String,
    from: String,
    to: Vec<String>,
    data: String,
    encrypted: bool,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn certificate() -> (Arc<ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (Arc::new(config), certificate.pem())
}

/// Serves one client; what it took comes through the channel.
fn server(way: Way, config: Arc<ServerConfig>) -> (u16, mpsc::Receiver<Taken>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        let mut taken = Taken::default();
        // A client that leaves in the middle is what some tests are about.
        let _ = serve(way, tcp, &config, &mut taken);
        let _ = tx.send(taken);
    });
    (port, rx)
}

fn serve(
    way: Way,
    tcp: TcpStream,
    config: &Arc<ServerConfig>,
    taken: &mut Taken,
) -> io::Result<()> {
    let secure = |tcp: TcpStream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        StreamOwned::new(connection, tcp)
    };
    if way == Way::Tls {
        taken.encrypted = true;
        return talk(way, &mut secure(tcp), taken).map(drop);
    }
    let mut plain = tcp.try_clone()?;
    if talk(way, &mut plain, taken)? {
        taken.encrypted = true;
        talk(way, &mut secure(tcp), taken)?;
    }
    Ok(())
}

/// One dialogue; true when the client asked for STARTTLS.
fn talk(way: Way, wire: &mut dyn Wire, taken: &mut Taken) -> io::Result<bool> {
    let mut wire = BufReader::new(wire);
    if !taken.encrypted || way == Way::Tls {
        wire.get_mut().write_all(b"220 sink ESMTP\r\n")?;
    }
    let say = |wire: &mut BufReader<&mut dyn Wire>, text: &str| {
        wire.get_mut().write_all(format!("{text}\r\n").as_bytes())?;
        wire.get_mut().flush()
    };
    loop {
        let mut line = String::new();
        if wire.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let line = line.trim_end();
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            let offers = way == Way::StartTls && !taken.encrypted;
            let starttls = if offers { "250-STARTTLS\r\n" } else { "" };
            say(&mut wire, &format!("250-sink\r\n{starttls}250 AUTH PLAIN"))?;
        } else if upper.starts_with("STARTTLS") {
            say(&mut wire, "220 go")?;
            return Ok(true);
        } else if let Some(sent) = upper.strip_prefix("AUTH PLAIN ") {
            let sent = STANDARD.decode(&line[line.len() - sent.len()..]).unwrap();
            taken.login = String::from_utf8(sent).unwrap().replace('\0', "|");
            let right = taken.login == format!("|camera|{PASSWORD}");
            say(
                &mut wire,
                if right {
                    "235 welcome"
                } else {
                    "535 5.7.8 wrong password"
                },
            )?;
        } else if upper.starts_with("MAIL FROM") {
            taken.from = line.into();
            say(&mut wire, "250 ok")?;
        } else if upper.starts_with("RCPT TO") {
            taken.to.push(line.into());
            say(
                &mut wire,
                if way == Way::Full {
                    "552 5.2.2 mailbox full"
                } else {
                    "250 ok"
                },
            )?;
        } else if upper == "DATA" {
            say(&mut wire, "354 go on")?;
            loop {
                let mut line = String::new();
                wire.read_line(&mut line)?;
                if line == ".\r\n" {
                    break;
                }
                taken.data += &line;
            }
            say(&mut wire, "250 queued")?;
        } else if upper == "QUIT" {
            say(&mut wire, "221 bye")?;
            return Ok(false);
        } else {
            say(&mut wire, "250 ok")?;
        }
    }
}

/// A mailer whose section `net.mail` is `value` on top of what every test needs.
fn mailer(port: u16, value: &Value) -> (SmtpMailer, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let db = Arc::new(Database::open(&dir.path().join("platecam.db")).unwrap());
    let key = Arc::new(DeviceKey::open(&dir.path().join("device.key")).unwrap());
    let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
    let settings = SettingsStore::load(all_sections(), db, key, bus, clock).unwrap();
    let settings = Arc::new(settings);
    for value in [
        &json!({"enabled": true, "sender": "camera@example.org", "host": "127.0.0.1", "port": port,
            "username": "camera", "password": PASSWORD}),
        value,
    ] {
        let revision = settings
            .read(NetMail::KEY, &Actor::system())
            .unwrap()
            .revision;
        settings
            .patch(NetMail::KEY, value, Some(revision), &Actor::system())
            .unwrap();
    }
    (SmtpMailer::patient(settings, Duration::from_secs(5)), dir)
}

fn mail() -> Mail {
    Mail {
        to: vec!["owner@example.org".into()],
        subject: "Security code".into(),
        text: "Security code: ABCDE-FGHIJ\n.\nend\n".into(),
        pictures: Vec::new(),
    }
}

#[test]
fn mail_is_taken_in_every_encryption() {
    let (config, pem) = certificate();
    for (way, encryption) in [
        (Way::Plain, "None"),
        (Way::StartTls, "TLS"),
        (Way::Tls, "SSL"),
    ] {
        let (port, taken) = server(way, config.clone());
        let value = json!({"encryption": encryption, "ca_certificate": pem});
        let (mailer, _dir) = mailer(port, &value);
        mailer
            .send(&mail())
            .unwrap_or_else(|e| panic!("{encryption}: {e}"));
        let taken = taken.recv().unwrap();
        assert_eq!(taken.encrypted, way != Way::Plain, "{encryption}");
        assert_eq!(taken.login, format!("|camera|{PASSWORD}"));
        assert!(
            taken.from.contains("<camera@example.org>"),
            "{}",
            taken.from
        );
        assert_eq!(taken.to.len(), 1);
        assert!(taken.to[0].contains("<owner@example.org>"));
        // A line with one dot does not end the message (RFC 5321 §4.5.2).
        assert!(
            taken.data.contains("ABCDE-FGHIJ") && taken.data.contains("end"),
            "{}",
            taken.data
        );
        assert!(taken.data.contains("Subject: Security code"));
    }
}

/// MAIL-6.
#[test]
fn pictures_go_as_attachments() {
    let (config, _) = certificate();
    let (port, taken) = server(Way::Plain, config);
    let (mailer, _dir) = mailer(port, &json!({"encryption": "None"}));
    let picture = MailPicture {
        name: "alarm-7.jpg".into(),
        jpeg: vec![0xFF, 0xD8, 0xFF, 0xD9].into(),
    };
    let with_picture = Mail {
        pictures: vec![picture],
        ..mail()
    };
    mailer.send(&with_picture).unwrap();
    let data = taken.recv().unwrap().data;
    for part in [
        "multipart/mixed",
        "ABCDE-FGHIJ",
        "image/jpeg",
        "attachment; filename=\"alarm-7.jpg\"",
        "/9j/2Q==",
    ] {
        assert!(data.contains(part), "{part}: {data}");
    }
}

#[test]
fn what_goes_wrong_is_said_and_nothing_travels_in_the_clear() {
    let (config, pem) = certificate();
    let (_, other) = certificate();
    for (way, value, says) in [
        // Somebody in between takes the offer of STARTTLS away.
        (
            Way::Stripped,
            json!({"encryption": "TLS", "ca_certificate": pem}),
            "STARTTLS",
        ),
        (
            Way::StartTls,
            json!({"encryption": "TLS", "ca_certificate": other}),
            "certificate",
        ),
        (
            Way::Tls,
            json!({"encryption": "SSL", "ca_certificate": other}),
            "certificate",
        ),
        (
            Way::Plain,
            json!({"encryption": "None", "password": "Wrong-2026"}),
            "wrong password",
        ),
        (Way::Full, json!({"encryption": "None"}), "mailbox full"),
    ] {
        let (port, taken) = server(way, config.clone());
        let (mailer, _dir) = mailer(port, &value);
        let Err(Error::Unsupported(why)) = mailer.send(&mail()) else {
            panic!("{value} was sent");
        };
        assert!(
            why.to_lowercase().contains(&says.to_lowercase()),
            "{value}: {why}"
        );
        assert!(
            !why.contains(PASSWORD) && !why.contains("Wrong-2026"),
            "{why}"
        );
        drop(mailer);
        let taken = taken.recv().unwrap();
        assert_eq!(taken.data, "", "{value}");
        if value["encryption"] != "None" {
            assert_eq!(taken.login, "", "the password went out: {value}");
        }
    }
    let (off, _dir) = mailer(1, &json!({"enabled": false}));
    assert!(matches!(off.send(&mail()), Err(Error::Conflict(_))));
    // Nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (alone, _dir) = mailer(port, &json!({"encryption": "None"}));
    assert!(matches!(alone.send(&mail()), Err(Error::Unsupported(_))));
}

/// A server that says nothing keeps nobody waiting for ever.
#[test]
fn a_silent_server_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (mailer, dir) = mailer(port, &json!({"encryption": "None"}));
    drop(mailer);
    let db = Arc::new(Database::open(&dir.path().join("platecam.db")).unwrap());
    let key = Arc::new(DeviceKey::open(&dir.path().join("device.key")).unwrap());
    let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
    let settings = SettingsStore::load(all_sections(), db, key, bus, clock).unwrap();
    let mailer = SmtpMailer::patient(Arc::new(settings), Duration::from_millis(100));
    assert!(matches!(mailer.send(&mail()), Err(Error::Unsupported(_))));
}
