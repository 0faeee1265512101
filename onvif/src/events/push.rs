//! Push delivery: notifications are sent to the consumer that a `Subscribe` named (WS-BaseNotification §4,
//! Core §11.3).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use onvif_contracts::{ports::notification_consumer::OPERATIONS, wsa, wsnt};
use onvif_xml::{
    Any, Value, Writer, ns,
    soap::{Reply, Version, envelope},
};
use platecam_model::{
    auth::{ProofFor, answer_challenge},
    settings::{RemoteUser, SettingsStore},
};
use url::{Host, Url};

use super::{notice::Notice, render, service::reference, subscriptions::Subscription};

/// Notifications in one message.
const BATCH: usize = 16;
/// First wait after a failure; doubled with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// A consumer must take a message and answer within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read before the connection is given up rather than used again.
const MAX_ANSWER: usize = 16 * 1024;
/// Longest address, bytes.
const MAX_ADDRESS: usize = 1024;
/// Most bytes of reference parameters that are sent back with each message.
const MAX_PARAMETERS: usize = 4096;

/// Who gets the notifications.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    url: Url,
    /// As the subscriber wrote it, for `wsa:To`.
    to: String,
    parameters: Vec<Any>,
    /// The subscriber is on this machine, so its consumer may be as well.
    near: bool,
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Path and query may hold secrets of the consumer.
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(0);
        write!(f, "{}://{host}:{port}", self.url.scheme())
    }
}

impl Consumer {
    /// Reads the reference of a `Subscribe`; `near` when it came from this machine.
    ///
    /// # Errors
    /// Why nothing is sent there, for the subscriber.
    pub(super) fn of(reference: wsa::EndpointReferenceType, near: bool) -> Result<Self, String> {
        let to = reference.address.value.trim().to_owned();
        if to.len() > MAX_ADDRESS {
            return Err(format!(
                "ConsumerReference of {} bytes; at most {MAX_ADDRESS}",
                to.len()
            ));
        }
        let url = Url::parse(&to)
            .map_err(|e| format!("ConsumerReference is no address to send to: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "ConsumerReference has the scheme {}; http and https are possible",
                url.scheme()
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("ConsumerReference must not hold credentials".to_owned());
        }
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err("ConsumerReference has no host".to_owned()),
        };
        if let Some(ip) = literal.filter(|ip| !may_reach(*ip, near)) {
            return Err(format!(
                "ConsumerReference: nothing is sent to {ip} for a subscriber elsewhere"
            ));
        }
        let parameters = reference
            .reference_parameters
            .map_or_else(Vec::new, |p| p.any);
        let bytes: usize = parameters.iter().map(|p| p.to_xml().len()).sum();
        if bytes > MAX_PARAMETERS {
            return Err(format!(
                "ReferenceParameters of {bytes} bytes; at most {MAX_PARAMETERS}"
            ));
        }
        Ok(Self {
            url,
            to,
            parameters,
            near,
        })
    }
}

/// Whether a notification may be sent to this address. The unit's own loopback is only for subscribers
/// that are on it themselves: whoever may subscribe must not reach services behind it.
fn may_reach(ip: IpAddr, near: bool) -> bool {
    let ip = ip.to_canonical();
    !(ip.is_unspecified()
        || ip.is_multicast()
        || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
        || ip.is_loopback() && !near)
}

/// Resolves names to addresses that may be reached.
struct Names {
    near: bool,
}

impl reqwest::dns::Resolve for Names {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let near = self.near;
        Box::pin(async move {
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = all.filter(|a| may_reach(a.ip(), near)).collect();
            if good.is_empty() {
                return Err("the name has no address that may be reached".into());
            }
            let good: reqwest::dns::Addrs = Box::new(good.into_iter());
            Ok(good)
        })
    }
}

/// The HTTP clients of all deliveries, made when the first is needed: each loads the machine's roots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Courier(Arc<[OnceLock<Option<reqwest::Client>>; 2]>);

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    /// It was read and refused: the same message again would be refused again.
    #[error("the consumer refuses the message: {0}")]
    Refused(reqwest::StatusCode),
    /// Worth another try.
    #[error("{0}")]
    Failed(String),
}

impl Courier {
    fn client(&self, near: bool) -> Option<&reqwest::Client> {
        self.0[usize::from(near)]
            .get_or_init(|| {
                // A second installation in one process is refused; the first is the same.
                let _ = rustls::crypto::ring::default_provider().install_default();
                reqwest::Client::builder()
                    .no_proxy()
                    .redirect(reqwest::redirect::Policy::none())
                    .connect_timeout(PATIENCE)
                    .timeout(PATIENCE)
                    .pool_max_idle_per_host(1)
                    .dns_resolver(Arc::new(Names { near }))
                    .user_agent(concat!("Platecam/", env!("CARGO_PKG_VERSION")))
                    .build()
                    .inspect_err(
                        |e| tracing::error!(error = %e, "no HTTP client for push delivery"),
                    )
                    .ok()
            })
            .as_ref()
    }

    /// Sends a message; a consumer that wants a login gets the remote user's, where `login` knows one.
    async fn send(
        &self,
        consumer: &Consumer,
        message: Vec<u8>,
        login: Option<&SettingsStore>,
    ) -> Result<(), Undelivered> {
        let failed = |e: reqwest::Error| Undelivered::Failed(cause(&e));
        let client = self
            .client(consumer.near)
            .ok_or_else(|| Undelivered::Failed("no HTTP client".to_owned()))?;
        let post = |message: Vec<u8>| {
            client
                .post(consumer.url.clone())
                .header("content-type", content_type())
                .body(message)
        };
        let mut answer = post(message.clone()).send().await.map_err(failed)?;
        let proof = match (answer.status(), login) {
            (reqwest::StatusCode::UNAUTHORIZED, Some(settings)) => {
                proof(&answer, &consumer.url, settings)
            }
            _ => None,
        };
        if let Some(proof) = proof {
            let signed = post(message).header("authorization", proof);
            answer = signed.send().await.map_err(failed)?;
        }
        let status = answer.status();
        // Read to its end, so that the connection can be used again; but not for ever.
        let mut seen = 0;
        while let Ok(Some(bytes)) = answer.chunk().await {
            seen += bytes.len();
            if seen > MAX_ANSWER {
                break;
            }
        }
        match status.as_u16() {
            200..300 => Ok(()),
            400 => Err(Undelivered::Refused(status)),
            _ => Err(Undelivered::Failed(format!(
                "the consumer answers {status}"
            ))),
        }
    }
}

/// What proves the remote user to a consumer that challenged.
fn proof(challenge: &reqwest::Response, url: &Url, settings: &SettingsStore) -> Option<String> {
    let user = settings.get::<RemoteUser>();
    let (name, password) = user.plain_login()?;
    let all = challenge.headers().get_all("www-authenticate");
    let challenges: Vec<&str> = all.iter().filter_map(|v| v.to_str().ok()).collect();
    let uri = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let cnonce = uuid::Uuid::new_v4().simple().to_string();
    let what = ProofFor {
        method: "POST",
        uri: &uri,
        cnonce: &cnonce,
    };
    answer_challenge(&challenges, name, &password, what)
}

fn content_type() -> String {
    format!(
        "application/soap+xml; charset=utf-8; action=\"{}\"",
        OPERATIONS[0].action
    )
}

/// The innermost cause: reqwest's own texts say only "error sending request".
fn cause(e: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = e;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// The message of some notices.
fn notify(consumer: &Consumer, subscription: &Subscription, notices: &[Arc<Notice>]) -> Vec<u8> {
    let source = reference(subscription);
    let notify = wsnt::Notify {
        notification_message: notices
            .iter()
            .map(|n| wsnt::NotificationMessageHolderType {
                subscription_reference: Some(Box::new(source.clone())),
                ..render(n, &subscription.base)
            })
            .collect(),
        ..Default::default()
    };
    let id = format!("urn:uuid:{}", uuid::Uuid::new_v4());
    let reply = Reply {
        version: Version::Soap12,
        addressing: Some(ns::WSA),
        action: Some(OPERATIONS[0].action),
        message_id: Some(&id),
        to: Some(&consumer.to),
        extra: &consumer.parameters,
        relates_to: None,
    };
    let mut body = Writer::new();
    notify.write(&mut body, ns::WSNT, "Notify");
    envelope(&reply, body)
}

/// Sends what the subscription brings until it ends. A message that does not arrive is tried again, later
/// and later, with everything behind it in its order; what a dead consumer leaves goes with the subscription.
/// `login` holds the remote user, for a subscriber who may choose whom it is shown to.
pub(super) async fn deliver(
    courier: Courier,
    subscription: Arc<Subscription>,
    consumer: Consumer,
    login: Option<Arc<SettingsStore>>,
) {
    while let Some(notices) = subscription.next_batch(BATCH).await {
        let message = notify(&consumer, &subscription, &notices);
        let mut wait = FIRST_RETRY;
        let mut failures = 0u32;
        loop {
            let sent = tokio::select! {
                sent = courier.send(&consumer, message.clone(), login.as_deref()) => sent,
                () = subscription.over() => break,
            };
            let error = match sent {
                Ok(()) => break,
                Err(e @ Undelivered::Refused(_)) => {
                    tracing::warn!(subscription = %subscription.id, %consumer, lost = notices.len(), "{e}");
                    break;
                }
                Err(Undelivered::Failed(e)) => e,
            };
            failures += 1;
            if failures.is_power_of_two() {
                tracing::warn!(subscription = %subscription.id, %consumer, failures, "notification not delivered: {error}");
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = subscription.over() => break,
            }
            wait = (wait * 2).min(LONGEST_RETRY);
        }
    }
    tracing::debug!(subscription = %subscription.id, %consumer, "push delivery ended");
}
