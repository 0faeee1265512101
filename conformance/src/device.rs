//! The device under test: calls it, judges the form of every answer, remembers what was said.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::blocking::{Client, Response};

use crate::{
    auth::{Challenge, Credentials, Flaw, message_id, username_token},
    case::{Outcome, Stop},
    fail,
    features::Features,
    schema::Schemas,
    soap::{self, ENVELOPE, Fault},
    xml::{self, Element, MAX_DOCUMENT},
};

/// Where the device is and who the administrator is.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address of the device service.
    pub device_service: url::Url,
    /// An administrator.
    pub administrator: Credentials,
}

impl Target {
    /// Whether the device is spoken to over IPv6.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        matches!(self.device_service.host(), Some(url::Host::Ipv6(_)))
    }

    /// Host without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.device_service.host_str().unwrap_or_default();
        host.trim_matches(['[', ']']).to_owned()
    }

    /// Port of the device service.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.device_service.port_or_known_default().unwrap_or(80)
    }
}

/// What the operator allows and how long things may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time for one answer.
    pub message_timeout: Duration,
    /// Time for an effect to show: an event, a state ("Operation Delay").
    pub operation_delay: Duration,
    /// Time for a restart.
    pub reboot_timeout: Duration,
    /// Restarts, factory default, restore and upgrades are allowed.
    pub disruptive: bool,
    /// Changes of the device's address and name are allowed.
    pub network: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            message_timeout: Duration::from_secs(15),
            operation_delay: Duration::from_secs(10),
            reboot_timeout: Duration::from_secs(90),
            disruptive: false,
            network: false,
        }
    }
}

/// How a request is signed.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Not at all.
    None,
    /// HTTP Digest, once the device asks for it.
    Digest(Credentials),
    /// WS-UsernameToken.
    Token(Credentials, Flaw),
}

/// One request and its answer.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Exchange {
    /// Operation, or method and path.
    pub what: String,
    /// Address.
    pub url: String,
    /// What was sent.
    pub request: String,
    /// HTTP status; 0 without an answer.
    pub status: u16,
    /// What came back.
    pub answer: String,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// `WWW-Authenticate` headers.
    pub challenges: Vec<String>,
    /// `Content-Type`.
    pub content_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// A SOAP answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The first element of the body, and the whole envelope.
    Answer(Element, Element),
    /// A fault.
    Fault(Fault),
    /// HTTP 401 without a SOAP fault.
    Unauthorized,
}

/// Longest text of an exchange that is kept.
const MAX_KEPT: usize = 32 * 1024;

/// The device under test.
#[derive(Debug)]
pub struct Device {
    target: Target,
    options: Options,
    schemas: Rc<Schemas>,
    client: Client,
    challenges: RefCell<BTreeMap<String, (Challenge, u32)>>,
    features: RefCell<Features>,
    by_token: Cell<bool>,
    helpers: Cell<bool>,
    deadline: Cell<Instant>,
    log: RefCell<Vec<Exchange>>,
    judged: RefCell<BTreeMap<String, Judged>>,
}

/// What the schemas said about the answers of one service.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Answers and faults that were judged.
    pub answers: usize,
    /// Operation and violation.
    pub violations: Vec<(String, String)>,
}

impl Device {
    /// A device that has not been spoken to.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(target: Target, options: Options, schemas: Rc<Schemas>) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            target,
            options,
            schemas,
            client,
            challenges: RefCell::default(),
            features: RefCell::default(),
            by_token: Cell::new(false),
            helpers: Cell::new(false),
            deadline: Cell::new(Instant::now() + Duration::from_secs(60)),
            log: RefCell::default(),
            judged: RefCell::default(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What is allowed.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// ONVIF's schemas.
    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// What it has.
    #[must_use]
    pub fn features(&self) -> std::cell::Ref<'_, Features> {
        self.features.borrow()
    }

    /// Remembers what it has.
    pub fn know(&self, features: &Features) {
        *self.features.borrow_mut() = features.clone();
    }

    /// Starts a case: its time runs, its exchanges are kept.
    pub fn begin(&self, limit: Duration) {
        self.deadline.set(Instant::now() + limit);
        self.log.borrow_mut().clear();
    }

    /// The exchanges since [`Device::begin`].
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.log.borrow().clone()
    }

    /// What the schemas said so far, by prefix.
    #[must_use]
    pub fn judged(&self) -> BTreeMap<String, Judged> {
        self.judged.borrow().clone()
    }

    /// Time left for the case.
    ///
    /// # Errors
    /// When there is none.
    pub fn left(&self) -> Outcome<Duration> {
        let left = self
            .deadline
            .get()
            .saturating_duration_since(Instant::now());
        if left.is_zero() {
            fail!("the time for the case is over");
        }
        Ok(left)
    }

    /// Waits, at most until the case's time is over.
    ///
    /// # Errors
    /// When it is.
    pub fn wait(&self, duration: Duration) -> Outcome {
        std::thread::sleep(duration.min(self.left()?));
        Ok(())
    }

    /// The administrator, by the way the device announces.
    #[must_use]
    pub fn administrator(&self) -> Auth {
        self.sign(&self.target.administrator)
    }

    /// Signs for a user by the way the device announces.
    #[must_use]
    pub fn sign(&self, who: &Credentials) -> Auth {
        if self.by_token.get() {
            Auth::Token(who.clone(), Flaw::None)
        } else {
            Auth::Digest(who.clone())
        }
    }

    /// Uses WS-UsernameToken instead of HTTP Digest from now on.
    pub fn use_token(&self, yes: bool) {
        self.by_token.set(yes);
    }

    /// Whether the helpers of the access cases exist.
    #[must_use]
    pub fn has_helpers(&self) -> bool {
        self.helpers.get()
    }

    /// Remembers whether they exist.
    pub fn set_helpers(&self, yes: bool) {
        self.helpers.set(yes);
    }

    /// Address of the service of a prefix.
    ///
    /// # Errors
    /// When the device does not list it.
    pub fn address(&self, prefix: &str) -> Outcome<String> {
        let prefix = if prefix == "wsnt" { "tev" } else { prefix };
        if let Some(service) = self.features.borrow().services.get(prefix) {
            return Ok(service.address.clone());
        }
        if prefix == "tds" {
            return Ok(self.target.device_service.to_string());
        }
        Err(Stop::NotApplicable(format!(
            "GetServices does not list {}",
            soap::ns(prefix)
        )))
    }

    /// Calls an operation as administrator and expects its answer.
    ///
    /// # Errors
    /// A fault, no answer, or one that breaks the schemas.
    pub fn call(&self, operation: &str, body: &str) -> Outcome<Element> {
        match self.reply(operation, body)? {
            Reply::Answer(answer, _) => Ok(answer),
            Reply::Fault(fault) => Err(Stop::Fail(format!(
                "{operation}: fault {}: {}",
                fault.chain(),
                fault.reason
            ))),
            Reply::Unauthorized => Err(Stop::Fail(format!("{operation}: HTTP 401"))),
        }
    }

    /// Calls an operation and expects exactly the fault of this chain: `Sender/InvalidArgVal/NoConfig`.
    ///
    /// # Errors
    /// A normal answer, or another fault.
    pub fn refused(&self, operation: &str, body: &str, chain: &str) -> Outcome {
        let fault = self.fault(operation, body)?;
        // What a device adds below the demanded code is its own business.
        if fault.chain() == chain || fault.chain().starts_with(&format!("{chain}/")) {
            return Ok(());
        }
        Err(Stop::Fail(format!(
            "{operation}: fault {} where {chain} is due",
            fault.chain()
        )))
    }

    /// Calls an operation and expects a fault.
    ///
    /// # Errors
    /// A normal answer.
    pub fn fault(&self, operation: &str, body: &str) -> Outcome<Fault> {
        match self.reply(operation, body)? {
            Reply::Fault(fault) => Ok(fault),
            Reply::Answer(..) => Err(Stop::Fail(format!(
                "{operation}: answered where a fault is due"
            ))),
            Reply::Unauthorized => Err(Stop::Fail(format!("{operation}: HTTP 401"))),
        }
    }

    /// Calls an operation as administrator.
    ///
    /// # Errors
    /// No answer, or one that is malformed.
    pub fn reply(&self, operation: &str, body: &str) -> Outcome<Reply> {
        self.reply_as(&self.administrator(), operation, body)
    }

    /// Calls an operation as somebody.
    ///
    /// # Errors
    /// As [`Device::reply`].
    pub fn reply_as(&self, auth: &Auth, operation: &str, body: &str) -> Outcome<Reply> {
        let (prefix, _) = operation.split_once(':').unwrap_or(("tds", operation));
        let url = self.address(prefix)?;
        self.reply_at(auth, &url, "", operation, body)
    }

    /// Calls an operation at an address of its own, such as a subscription's; `header` is further XML.
    ///
    /// # Errors
    /// As [`Device::reply`].
    pub fn reply_at(
        &self,
        auth: &Auth,
        url: &str,
        header: &str,
        operation: &str,
        body: &str,
    ) -> Outcome<Reply> {
        let element = format!("<{operation}>{body}</{operation}>");
        let header = if operation.starts_with("tev:") || operation.starts_with("wsnt:") {
            format!(
                "<wsa:Action>{}</wsa:Action><wsa:MessageID>{}</wsa:MessageID><wsa:To>{}</wsa:To>{header}",
                soap::action(operation),
                message_id(),
                xml::escape(url)
            )
        } else {
            header.to_owned()
        };
        self.send_envelope(auth, url, &header, operation, &element)
    }

    /// Sends a request element that the case has written itself.
    ///
    /// # Errors
    /// As [`Device::reply`].
    pub fn send_envelope(
        &self,
        auth: &Auth,
        url: &str,
        header: &str,
        operation: &str,
        element: &str,
    ) -> Outcome<Reply> {
        let mut header = header.to_owned();
        if let Auth::Token(who, flaw) = auth {
            let created = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
            header += &username_token(who, &created, *flaw);
        }
        let text = soap::envelope(&header, element);
        self.send_text(auth, url, operation, &text)
    }

    /// Sends a whole envelope as it is.
    ///
    /// # Errors
    /// As [`Device::reply`].
    pub fn send_text(&self, auth: &Auth, url: &str, operation: &str, text: &str) -> Outcome<Reply> {
        let kind = format!(
            "application/soap+xml; charset=utf-8; action=\"{}\"",
            soap::action(operation)
        );
        let answer = self.http(auth, "POST", url, operation, Some((text.as_bytes(), &kind)))?;
        self.judge(operation, &answer)
    }

    fn judge(&self, operation: &str, answer: &HttpAnswer) -> Outcome<Reply> {
        let bad = |what: String| Err(Stop::Fail(format!("{operation}: {what}")));
        if answer.body.is_empty() && answer.status == 401 {
            return Ok(Reply::Unauthorized);
        }
        let Ok(text) = std::str::from_utf8(&answer.body) else {
            return bad(format!("HTTP {}: the answer is not UTF-8", answer.status));
        };
        let envelope = match xml::parse(text) {
            Ok(envelope) => envelope,
            Err(_) if answer.status == 401 => return Ok(Reply::Unauthorized),
            Err(e) => return bad(format!("HTTP {}: {e:#}", answer.status)),
        };
        if envelope.name.ns != ENVELOPE {
            return bad(format!(
                "HTTP {}: {} is no SOAP 1.2 envelope",
                answer.status, envelope.name
            ));
        }
        self.judge_schema(operation, &envelope)?;
        let Some(content) = envelope.find("Body").and_then(|b| b.children.first()) else {
            return bad("an empty body".into());
        };
        if content.name.ns == ENVELOPE && content.name.name == "Fault" {
            return match Fault::read(content) {
                Ok(fault) => Ok(Reply::Fault(fault)),
                Err(why) => bad(why),
            };
        }
        if answer.status != 200 {
            return bad(format!("HTTP {} with {}", answer.status, content.name));
        }
        let mut due = soap::operation(operation);
        due.name += "Response";
        if content.name != due {
            return bad(format!("{} where {due} is due", content.name));
        }
        Ok(Reply::Answer(content.clone(), envelope.clone()))
    }

    fn judge_schema(&self, operation: &str, envelope: &Element) -> Outcome {
        let violations = self.schemas.violations(envelope);
        let (prefix, _) = operation.split_once(':').unwrap_or(("tds", operation));
        let prefix = if prefix == "wsnt" { "tev" } else { prefix };
        let mut judged = self.judged.borrow_mut();
        let entry = judged.entry(prefix.to_owned()).or_default();
        entry.answers += 1;
        if violations.is_empty() {
            return Ok(());
        }
        let text = format!("{operation}: breaks the schemas: {}", violations.join("; "));
        for violation in violations {
            let found = (operation.to_owned(), violation);
            if !entry.violations.contains(&found) {
                entry.violations.push(found);
            }
        }
        Err(Stop::Fail(text))
    }

    /// One HTTP request; Digest answers a challenge once.
    ///
    /// # Errors
    /// No answer in time, or one that is too long.
    pub fn http(
        &self,
        auth: &Auth,
        method: &str,
        url: &str,
        what: &str,
        body: Option<(&[u8], &str)>,
    ) -> Outcome<HttpAnswer> {
        let parsed = url::Url::parse(url)
            .map_err(|e| Stop::Fail(format!("{what}: the address {url:?} is no URL: {e}")))?;
        let origin = format!("{}{}", parsed.authority(), parsed.scheme());
        let uri = match parsed.query() {
            Some(query) => format!("{}?{query}", parsed.path()),
            None => parsed.path().to_owned(),
        };
        let known = |who: &Credentials| {
            let mut challenges = self.challenges.borrow_mut();
            challenges.get_mut(&origin).map(|(challenge, count)| {
                *count += 1;
                challenge.answer(who, method, &uri, *count)
            })
        };
        let authorization = match auth {
            Auth::Digest(who) => known(who),
            _ => None,
        };
        let answer = self.once(method, parsed.clone(), what, body, authorization)?;
        let Auth::Digest(who) = auth else {
            return Ok(answer);
        };
        if answer.status != 401 {
            return Ok(answer);
        }
        let found: Vec<Challenge> = answer
            .challenges
            .iter()
            .filter_map(|c| Challenge::parse(c))
            .collect();
        let Some(challenge) = found.into_iter().next() else {
            return Ok(answer);
        };
        self.challenges
            .borrow_mut()
            .insert(origin.clone(), (challenge, 0));
        self.once(method, parsed, what, body, known(who))
    }

    fn once(
        &self,
        method: &str,
        url: url::Url,
        what: &str,
        body: Option<(&[u8], &str)>,
        authorization: Option<String>,
    ) -> Outcome<HttpAnswer> {
        let text = url.to_string();
        // A long poll may take its own time on top of the usual.
        let timeout = self
            .left()?
            .min(self.options.message_timeout + Duration::from_secs(60));
        let method = method
            .parse::<reqwest::Method>()
            .map_err(|e| Stop::NotRun(e.to_string()))?;
        let mut request = self.client.request(method, url).timeout(timeout);
        if let Some(header) = authorization {
            request = request.header("Authorization", header);
        }
        if let Some((bytes, kind)) = body {
            request = request.header("Content-Type", kind).body(bytes.to_vec());
        }
        let result = request.send().and_then(read);
        let sent = body.map(|(b, _)| kept(b)).unwrap_or_default();
        let (status, answer) = match &result {
            Ok(answer) => (answer.status, kept(&answer.body)),
            Err(e) => (0, format!("{e:?}")),
        };
        self.log.borrow_mut().push(Exchange {
            what: what.to_owned(),
            url: text,
            request: sent,
            status,
            answer,
        });
        match result {
            Ok(answer) if answer.body.len() > MAX_DOCUMENT => Err(Stop::Fail(format!(
                "{what}: the answer has {} bytes",
                answer.body.len()
            ))),
            Ok(answer) => Ok(answer),
            Err(e) => Err(Stop::Fail(format!("{what}: no answer: {e}"))),
        }
    }

    /// Keeps an exchange of another protocol.
    pub fn note(&self, what: &str, url: &str, request: &str, answer: &str) {
        self.log.borrow_mut().push(Exchange {
            what: what.to_owned(),
            url: url.to_owned(),
            request: kept(request.as_bytes()),
            status: 0,
            answer: kept(answer.as_bytes()),
        });
    }
}

fn read(response: Response) -> Result<HttpAnswer, reqwest::Error> {
    let header = |name: &str| {
        response
            .headers()
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let (challenges, kind) = (header("www-authenticate"), header("content-type"));
    Ok(HttpAnswer {
        status: response.status().as_u16(),
        challenges,
        content_type: kind.first().cloned().unwrap_or_default(),
        body: response.bytes()?.to_vec(),
    })
}

fn kept(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(MAX_KEPT)];
    let text = String::from_utf8_lossy(shown).into_owned();
    if bytes.len() > MAX_KEPT {
        format!("{text}… ({} bytes)", bytes.len())
    } else {
        text
    }
}
