//! Event brokers: their operations, and what is published to them (Core §11.12).

use std::sync::Arc;

use lpr_core::UtcTime;
use onvif_contracts::{tev, wsnt};
use onvif_xml::{Mixed, ns, soap::Fault};
use platecam_model::{
    Device,
    ports::{BrokerMessage, BrokerState},
    settings::{
        BrokerConfig, BrokerPort, BrokerQos, BrokerTransport, EventBroker, MAX_BROKERS, SecretText,
        brokers,
    },
};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use url::{Host, Position, Url};

use super::{filter, json::message, notice::Notice, topic::CONCRETE_SET};
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes, shortened},
    service::Inner,
};

/// Schemes of broker addresses, as the capability lists them.
pub(super) fn protocols() -> String {
    BrokerTransport::ALL.map(BrokerTransport::scheme).join(" ")
}

fn invalid(subcode: &'static str, reason: impl Into<String>) -> Fault {
    Fault::sender(&["InvalidArgVal", subcode], reason)
}

/// Where a broker is.
struct Address {
    transport: BrokerTransport,
    host: String,
    port: u16,
    /// Of a WebSocket, with its query; `/` without.
    path: String,
}

impl Address {
    fn is_of(&self, broker: &BrokerConfig) -> bool {
        broker.transport == self.transport
            && broker.host == self.host
            && broker.port.get() == self.port
            && broker.resource() == self.path
    }
}

/// Reads `scheme://host[:port]`, for a WebSocket with a resource behind it (Core §11.12).
fn address(text: &str) -> Answer<Address> {
    let shown = shortened(text);
    let bad = |what: &str| invalid("InvalidAddress", format!("Address {shown}: {what}"));
    let url = Url::parse(text.trim()).map_err(|e| bad(&e.to_string()))?;
    let transport = BrokerTransport::ALL
        .into_iter()
        .find(|t| t.scheme() == url.scheme())
        .ok_or_else(|| {
            let reason = format!("Address {shown}: the protocols are {}", protocols());
            invalid("InvalidProtocol", reason)
        })?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let path = url[Position::BeforePath..Position::AfterQuery].to_owned();
    let path = if path.is_empty() { "/".into() } else { path };
    if !plain || (path != "/" && !transport.is_web_socket()) {
        return Err(bad(
            "must be scheme://host:port, with ws and wss also a path",
        ));
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        _ => return Err(bad("has no host")),
    };
    let port = url.port().unwrap_or(transport.default_port());
    if port == 0 {
        return Err(bad("has the port 0"));
    }
    Ok(Address {
        transport,
        host,
        port,
        path,
    })
}

/// A filter as it is stored: one topic expression; empty for everything.
fn publish_filter(
    device: &Device,
    given: Option<&wsnt::FilterType>,
    now: UtcTime,
) -> Answer<String> {
    let refused = |e: Fault| invalid("InvalidFilter", format!("PublishFilter: {}", e.reason));
    let (topic, content) = filter::texts(device, given, now).map_err(refused)?;
    if !content.is_empty() {
        let reason = "PublishFilter: content filters are not possible";
        return Err(invalid("InvalidFilter", reason));
    }
    Ok(topic)
}

impl Call<'_> {
    fn brokers(&self) -> [BrokerConfig; MAX_BROKERS] {
        brokers(&self.device().settings.snapshot())
    }

    fn store_broker(&self, slot: usize, config: BrokerConfig) -> Answer<()> {
        let settings = &self.device().settings;
        let stored = match slot {
            0 => settings.update(self.actor, |b: &mut EventBroker<1>| b.0 = config),
            _ => settings.update(self.actor, |b: &mut EventBroker<2>| b.0 = config),
        };
        stored
            .map(drop)
            .map_err(|e| fault::of_operation(e, Subcodes::default()))
    }

    /// The place of the broker with this address.
    fn slot_of(&self, text: &str) -> Answer<Option<usize>> {
        let sought = address(text)?;
        Ok(self.brokers().iter().position(|b| sought.is_of(b)))
    }

    pub(super) fn add_broker(&self, new: tev::EventBrokerConfig) -> Answer<()> {
        let Address {
            transport,
            host,
            port,
            path,
        } = address(&new.address)?;
        let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
        if let Some(id) = given(&new.certificate_id) {
            let reason = format!(
                "CertificateID {}: the unit shows brokers no certificate",
                shortened(&id)
            );
            return Err(Fault::sender(&["InvalidArgVal"], reason));
        }
        let trusted = match given(&new.cert_path_validation_policy_id) {
            None => None,
            Some(id) if !transport.is_encrypted() => {
                let reason = format!(
                    "CertPathValidationPolicyID {}: {} shows no certificate",
                    shortened(&id),
                    transport.scheme()
                );
                return Err(Fault::sender(&["InvalidArgVal"], reason));
            }
            Some(id) => Some(self.device().policy_pem(self.actor, &id).map_err(|e| {
                let reason = format!("CertPathValidationPolicyID {}: {e}", shortened(&id));
                Fault::sender(&["InvalidArgVal", "CertPathValidationPolicyID"], reason)
            })?),
        };
        if new.metadata_filter.is_some_and(|f| !f.any.is_empty()) {
            let reason = "MetadataFilter: metadata is not published to brokers";
            return Err(invalid("InvalidFilter", reason));
        }
        let publish_filter = publish_filter(
            self.device(),
            new.publish_filter.as_deref(),
            self.inner.now(),
        )?;
        let known = self.slot_of(&new.address)?;
        let all = self.brokers();
        let free = || all.iter().position(|b| b.host.is_empty());
        let slot = known.or_else(free).ok_or_else(|| {
            let reason = format!("at most {MAX_BROKERS} event brokers");
            Fault::receiver(&["Action", "TooManyEventBrokers"], reason)
        })?;
        let qos = i64::from(new.qos.unwrap_or(0));
        let bad = |what: String| Fault::sender(&["InvalidArgVal"], what);
        let config = BrokerConfig {
            enabled: true,
            transport,
            host,
            port: BrokerPort::clamped(port.into()),
            path,
            topic_prefix: new.topic_prefix,
            user_name: new.user_name.unwrap_or_default(),
            password: secret(new.password).map_err(bad)?,
            qos: BrokerQos::try_from(qos).map_err(|e| bad(format!("QoS: {e}")))?,
            publish_filter,
            // Core §11.12: without a validation policy the certificate is not checked. A person may ask for it.
            verify_certificate: trusted.is_some()
                || known.is_some_and(|k| all[k].verify_certificate),
            ca_certificate: trusted
                .or_else(|| known.map(|k| all[k].ca_certificate.clone()))
                .unwrap_or_default(),
            version: known.map_or_else(|| BrokerConfig::default().version, |k| all[k].version),
        };
        self.store_broker(slot, config)
    }

    pub(super) fn delete_broker(&self, address: &str) -> Answer<()> {
        let slot = self.slot_of(address)?.ok_or_else(|| {
            invalid(
                "InvalidAddress",
                format!("no event broker at {}", shortened(address)),
            )
        })?;
        self.store_broker(slot, BrokerConfig::default())
    }

    pub(super) fn list_brokers(&self, only: Option<&str>) -> Answer<Vec<tev::EventBrokerConfig>> {
        let only = match only.filter(|a| !a.trim().is_empty()) {
            None => None,
            Some(address) => Some(self.slot_of(address)?.ok_or_else(|| {
                invalid(
                    "InvalidAddress",
                    format!("no event broker at {}", shortened(address)),
                )
            })?),
        };
        let all = self.brokers();
        let listed = all
            .iter()
            .enumerate()
            .filter(|(slot, b)| !b.host.is_empty() && only.is_none_or(|only| only == *slot));
        Ok(listed.map(|(slot, b)| self.described(slot, b)).collect())
    }

    /// A broker as it is told: never with its password.
    fn described(&self, slot: usize, b: &BrokerConfig) -> tev::EventBrokerConfig {
        let filter = (!b.publish_filter.is_empty()).then(|| {
            let expression = wsnt::TopicExpressionType {
                content: Mixed::new(b.publish_filter.clone(), &[ns::TNS1]),
                dialect: CONCRETE_SET.into(),
            };
            let any = onvif_xml::Any::written(|w| {
                onvif_xml::Value::write(&expression, w, ns::WSNT, "TopicExpression");
            });
            Box::new(wsnt::FilterType { any: vec![any] })
        });
        let status = match self.device().brokers.status(slot).state {
            BrokerState::Offline => "Offline",
            BrokerState::Connecting => "Connecting",
            BrokerState::Connected => "Connected",
        };
        tev::EventBrokerConfig {
            address: b.address(),
            topic_prefix: b.topic_prefix.clone(),
            user_name: Some(b.user_name.clone()).filter(|u| !u.is_empty()),
            publish_filter: filter,
            qos: Some(i32::from(b.qos.get())),
            status: Some(status.to_owned()),
            cert_path_validation_policy_id: self.policy_of(b),
            ..Default::default()
        }
    }
}

impl Call<'_> {
    /// The policy by which a broker is trusted.
    fn policy_of(&self, b: &BrokerConfig) -> Option<String> {
        let checked = b.transport.is_encrypted() && b.verify_certificate;
        let found = checked.then(|| self.device().policy_of(&b.ca_certificate));
        found.and_then(Result::ok).flatten()
    }
}

fn secret(text: Option<String>) -> Result<SecretText, String> {
    // Its bounds are those of its serde form.
    serde_json::from_value(json!(text.unwrap_or_default())).map_err(|e| format!("Password: {e}"))
}

/// Publishes what happens to the brokers that want it, and all states to one that was just reached.
pub(crate) async fn publish(inner: &Arc<Inner>) {
    let mut notices = inner.notices.subscribe();
    let mut reached = inner.device.brokers.connections();
    for slot in 0..MAX_BROKERS {
        // Reached before anybody listened.
        if inner.device.brokers.status(slot).state == BrokerState::Connected {
            enqueue(inner, slot, &inner.subscriptions.states(inner.now())).await;
        }
    }
    loop {
        tokio::select! {
            notice = notices.recv() => match notice {
                Ok(notice) => {
                    for slot in 0..MAX_BROKERS {
                        enqueue(inner, slot, std::slice::from_ref(&*notice)).await;
                    }
                }
                Err(RecvError::Lagged(n)) => {
                    tracing::error!(lost = n, "event brokers lag behind: the oldest events were lost");
                }
                Err(RecvError::Closed) => return,
            },
            slot = reached.recv() => match slot {
                Ok(slot) => enqueue(inner, slot, &inner.subscriptions.states(inner.now())).await,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// Queues what the broker wants; the disk is waited for elsewhere.
async fn enqueue(inner: &Arc<Inner>, slot: usize, notices: &[Notice]) {
    let Some(config) = brokers(&inner.device.settings.snapshot())
        .into_iter()
        .nth(slot)
    else {
        return;
    };
    if !config.enabled {
        return;
    }
    let Some(wanted) = filter::stored(&config.publish_filter, "") else {
        let text = &config.publish_filter;
        tracing::warn!(broker = slot + 1, filter = %text, "the event filter cannot be read: nothing is published");
        return;
    };
    let base = inner.own_base();
    let messages: Vec<BrokerMessage> = notices
        .iter()
        .filter(|n| wanted.wants(n))
        .map(|n| message(n, &config.topic_prefix, &base))
        .collect();
    let brokers = inner.device.brokers.clone();
    let queued = tokio::task::spawn_blocking(move || brokers.publish(slot, &messages)).await;
    if !matches!(queued, Ok(Ok(()))) {
        tracing::error!(broker = slot + 1, ?queued, "an event for a broker was lost");
    }
}
