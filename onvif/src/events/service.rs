//! Operations of the event service.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use onvif_contracts::{
    port,
    ports::{
        event_port_type::EventPortType, notification_producer::NotificationProducer,
        pull_point_subscription::PullPointSubscription, subscription_manager::SubscriptionManager,
    },
    tev, wsa, wsnt,
};
use onvif_xml::{
    AbsoluteOrRelative, Any, DateTime, Value, ns,
    soap::{Fault, Message},
};
use platecam_model::{Permission, UtcTime};

use super::{
    faults, filter, properties,
    push::{self, Consumer},
    render,
    subscriptions::{DEFAULT_LIFE, Delivery, MAX_LIFE, MAX_MESSAGES, MAX_WAIT, Subscription},
};
use crate::{
    answer,
    call::{Answer, Call},
    fault::{self, date_time},
    request::HttpRequest,
    service::{Inner, Ready, limits},
};

/// Path of subscriptions; the name of one follows.
const SUBSCRIPTION_PATH: &str = "/onvif/subscription/";

/// The part of a path or URL that names a subscription.
fn id_in(path: &str) -> Option<&str> {
    let at = path.find(SUBSCRIPTION_PATH)?;
    path[at + SUBSCRIPTION_PATH.len()..]
        .split(['/', '?'])
        .next()
        .filter(|id| !id.is_empty())
}

/// How long a subscription shall live, from the asked end of it.
fn life(asked: Option<AbsoluteOrRelative>, initial: bool, now: UtcTime) -> Result<Duration, Fault> {
    let asked = match asked {
        None => return Ok(DEFAULT_LIFE),
        Some(AbsoluteOrRelative::Relative(d)) => d.to_std(),
        Some(AbsoluteOrRelative::Absolute(at)) => {
            let millis = at.unix_millis().saturating_sub(now.as_millis());
            Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        }
    };
    let least = Duration::from_secs(1);
    if (least..=MAX_LIFE).contains(&asked) {
        return Ok(asked);
    }
    let reason = format!(
        "a subscription lasts {} s to {} s, not {} s",
        least.as_secs(),
        MAX_LIFE.as_secs(),
        asked.as_secs()
    );
    let bounds = (date_time(now + least), date_time(now + MAX_LIFE));
    Err(faults::unacceptable_time(initial, &reason, now, bounds))
}

/// Where a subscription is managed. Home Assistant sends no reference parameters back: the address
/// alone names it.
pub(super) fn reference(subscription: &Subscription) -> wsa::EndpointReferenceType {
    let path = format!("{SUBSCRIPTION_PATH}{}", subscription.id);
    wsa::EndpointReferenceType {
        address: wsa::AttributedURIType {
            value: subscription.base.url(&path),
        },
        ..Default::default()
    }
}

/// Now and the end of a subscription that has `left` to live.
fn times(now: UtcTime, left: Duration) -> (DateTime, DateTime) {
    // Rounded up to the millisecond that the wire has: never before the asked time.
    (
        date_time(now),
        date_time(now + left + Duration::from_micros(999)),
    )
}

impl Call<'_> {
    /// The subscription that the request is sent to.
    fn subscription(&self) -> Answer<Arc<Subscription>> {
        self.inner
            .subscription_of(self.path, self.to, self.actor.user.as_deref())
    }
}

impl Inner {
    /// The subscription named in the path, else in `wsa:To`; else, for clients that send everything to
    /// the event service (onvif-zeep 0.2.12), the only one that the user has.
    fn subscription_of(
        &self,
        path: &str,
        to: Option<&str>,
        user: Option<&str>,
    ) -> Answer<Arc<Subscription>> {
        let named = id_in(path).or_else(|| to.and_then(id_in));
        let found = match named {
            Some(id) => self.subscriptions.find(id),
            None => user
                .and_then(|u| self.subscriptions.only_one_of(u))
                .ok_or(super::Refused::Unknown),
        };
        found.map_err(|e| faults::refused(e, self.now()))
    }

    /// `PullMessages`: the one operation that waits.
    pub(crate) async fn pull_messages(
        &self,
        ready: &Ready,
        body: &[u8],
        request: &HttpRequest,
    ) -> Response<Bytes> {
        let prepared = self.prepare_pull(ready, body, request);
        let done = match prepared {
            Ok((subscription, wait, limit)) => self.pull(&subscription, wait, limit).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(response) => {
                let written =
                    port::written(&response, ns::TEV, "PullMessagesResponse").unwrap_or_default();
                let action = ready.operation.response_action;
                answer::soap(ready.version, &ready.header, action, written)
            }
            Err(fault) => answer::fault(ready.version, &ready.header, &fault),
        }
    }

    fn prepare_pull(
        &self,
        ready: &Ready,
        body: &[u8],
        request: &HttpRequest,
    ) -> Answer<(Arc<Subscription>, Duration, usize)> {
        let text = request.decode(body);
        let message = Message::parse(&text, limits()).map_err(Fault::from)?;
        let pull: tev::PullMessages = port::parse(message.body)?;
        let subscription = self.subscription_of(
            request.uri.path(),
            ready.header.to.as_deref(),
            ready.actor.user.as_deref(),
        )?;
        let wait = pull.timeout.to_std();
        if wait > MAX_WAIT {
            let detail = tev::PullMessagesFaultResponse {
                max_timeout: MAX_WAIT.into(),
                max_message_limit: i32::try_from(MAX_MESSAGES).unwrap_or(i32::MAX),
            };
            let any = Any::written(|w| detail.write(w, ns::TEV, "PullMessagesFaultResponse"));
            let reason = format!(
                "Timeout of {} s; at most {} s",
                wait.as_secs(),
                MAX_WAIT.as_secs()
            );
            return Err(Fault::sender(&[], reason).with_detail(any));
        }
        let limit = usize::try_from(pull.message_limit)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| {
                let reason = format!("MessageLimit {}: must be at least 1", pull.message_limit);
                Fault::sender(&["InvalidArgVal"], reason)
            })?;
        Ok((subscription, wait, limit))
    }

    async fn pull(
        &self,
        subscription: &Arc<Subscription>,
        wait: Duration,
        limit: usize,
    ) -> Answer<tev::PullMessagesResponse> {
        let pulled = subscription
            .pull(wait, limit, (&self.history, self.now()))
            .await
            .map_err(|e| faults::refused(e, self.now()))?;
        let (current_time, termination_time) = times(self.now(), pulled.left);
        Ok(tev::PullMessagesResponse {
            current_time,
            termination_time,
            notification_message: pulled
                .notices
                .iter()
                .map(|n| render(n, &subscription.base))
                .collect(),
        })
    }
}

impl EventPortType for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: tev::GetServiceCapabilities,
    ) -> Answer<tev::GetServiceCapabilitiesResponse> {
        Ok(tev::GetServiceCapabilitiesResponse {
            capabilities: properties::capabilities(self.device()),
        })
    }

    fn get_event_properties(
        &self,
        _: tev::GetEventProperties,
    ) -> Answer<tev::GetEventPropertiesResponse> {
        Ok(properties::properties(self.device()))
    }

    fn add_event_broker(
        &self,
        request: tev::AddEventBroker,
    ) -> Answer<tev::AddEventBrokerResponse> {
        self.add_broker(request.event_broker)?;
        Ok(Default::default())
    }

    fn delete_event_broker(
        &self,
        request: tev::DeleteEventBroker,
    ) -> Answer<tev::DeleteEventBrokerResponse> {
        self.delete_broker(&request.address)?;
        Ok(Default::default())
    }

    fn get_event_brokers(
        &self,
        request: tev::GetEventBrokers,
    ) -> Answer<tev::GetEventBrokersResponse> {
        Ok(tev::GetEventBrokersResponse {
            event_broker: self.list_brokers(request.address.as_deref())?,
        })
    }

    fn create_pull_point_subscription(
        &self,
        request: tev::CreatePullPointSubscription,
    ) -> Answer<tev::CreatePullPointSubscriptionResponse> {
        let now = self.inner.now();
        let filter = filter::read(
            self.device(),
            request.filter.as_deref(),
            request.subscription_policy.as_deref().map(|p| &p.any[..]),
            now,
        )?;
        let life = life(request.initial_termination_time, true, now)?;
        let owner = (self.base.clone(), self.actor.user.clone(), Delivery::Pull);
        let subscription = self
            .inner
            .subscriptions
            .begin(owner, filter, life, now)
            .map_err(|e| faults::refused(e, now))?;
        tracing::debug!(subscription = %subscription.id, actor = %self.actor, "subscribed");
        let (current_time, termination_time) = times(now, life);
        Ok(tev::CreatePullPointSubscriptionResponse {
            subscription_reference: reference(&subscription),
            current_time,
            termination_time: Some(termination_time),
        })
    }
}

impl NotificationProducer for Call<'_> {
    fn subscribe(&self, request: wsnt::Subscribe) -> Answer<wsnt::SubscribeResponse> {
        let now = self.inner.now();
        let filter = filter::read(
            self.device(),
            request.filter.as_deref(),
            request.subscription_policy.as_deref().map(|p| &p.any[..]),
            now,
        )?;
        let near = self
            .actor
            .peer
            .is_some_and(|p| p.to_canonical().is_loopback());
        let consumer = Consumer::of(request.consumer_reference, near)
            .map_err(|e| faults::creation_failed(&e, now))?;
        // Whoever could set the remote user may say where it is shown; anybody else could gather proofs of it.
        let login = self.actor.require(Permission::SystemConfig).is_ok();
        let login = login.then(|| self.device().settings.clone());
        let life = life(request.initial_termination_time, true, now)?;
        let owner = (self.base.clone(), self.actor.user.clone(), Delivery::Push);
        let subscription = self
            .inner
            .subscriptions
            .begin(owner, filter, life, now)
            .map_err(|e| faults::refused(e, now))?;
        tracing::info!(subscription = %subscription.id, actor = %self.actor, %consumer, "pushes events");
        tokio::spawn(push::deliver(
            self.inner.courier.clone(),
            subscription.clone(),
            consumer,
            login,
        ));
        let (current_time, termination_time) = times(now, life);
        Ok(wsnt::SubscribeResponse {
            subscription_reference: reference(&subscription),
            current_time: Some(current_time),
            termination_time: Some(termination_time),
            ..Default::default()
        })
    }
}

impl PullPointSubscription for Call<'_> {
    fn seek(&self, request: tev::Seek) -> Answer<tev::SeekResponse> {
        let subscription = self.subscription()?;
        let at = UtcTime::from_millis(request.utc_time.unix_millis());
        let done = self.inner.subscriptions.seek(
            &subscription.id,
            &self.inner.history,
            at,
            request.reverse.unwrap_or(false),
        );
        done.map_err(fault::of)?
            .map_err(|e| faults::refused(e, self.inner.now()))?;
        Ok(Default::default())
    }

    fn set_synchronization_point(
        &self,
        _: tev::SetSynchronizationPoint,
    ) -> Answer<tev::SetSynchronizationPointResponse> {
        let now = self.inner.now();
        let subscription = self.subscription()?;
        self.inner
            .subscriptions
            .synchronize(&subscription.id, now)
            .map_err(|e| faults::refused(e, now))?;
        Ok(Default::default())
    }

    fn unsubscribe(&self, _: wsnt::Unsubscribe) -> Answer<wsnt::UnsubscribeResponse> {
        let subscription = self.subscription()?;
        self.inner
            .subscriptions
            .end(&subscription.id)
            .map_err(|e| faults::refused(e, self.inner.now()))?;
        Ok(Default::default())
    }
}

impl SubscriptionManager for Call<'_> {
    fn renew(&self, request: wsnt::Renew) -> Answer<wsnt::RenewResponse> {
        let now = self.inner.now();
        let subscription = self.subscription()?;
        let life = life(request.termination_time, false, now)?;
        subscription.renew(life);
        let (current_time, termination_time) = times(now, life);
        Ok(wsnt::RenewResponse {
            termination_time: Some(termination_time),
            current_time: Some(current_time),
            ..Default::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_named_by_their_path() {
        for (path, id) in [
            ("/onvif/subscription/abc", Some("abc")),
            ("http://192.0.2.1:8080/onvif/subscription/abc", Some("abc")),
            ("/onvif/subscription/abc/", Some("abc")),
            ("/onvif/subscription/abc?x=1", Some("abc")),
            ("/onvif/subscription/", None),
            ("/onvif/event_service", None),
        ] {
            assert_eq!(id_in(path), id, "{path}");
        }
    }

    /// EVENT-2-1-12: durations and dates are both ends; outside the bounds the fault names them.
    #[test]
    fn lives_are_durations_or_dates() {
        let now = UtcTime::from_millis(1_795_000_000_000);
        let relative =
            |text| AbsoluteOrRelative::Relative(onvif_xml::Duration::parse(text).unwrap());
        let absolute =
            |s: u64| AbsoluteOrRelative::Absolute(date_time(now + Duration::from_secs(s)));
        for (asked, seconds) in [
            (None, Some(60)),
            (Some(relative("PT10S")), Some(10)),
            (Some(relative("P1D")), Some(86_400)),
            (Some(absolute(30)), Some(30)),
            (Some(relative("PT0S")), None),
            (Some(relative("-PT5S")), None),
            (Some(relative("P2D")), None),
            (Some(absolute(0)), None),
            (
                Some(AbsoluteOrRelative::Absolute(date_time(UtcTime::EPOCH))),
                None,
            ),
        ] {
            match life(asked, true, now) {
                Ok(d) => assert_eq!(Some(d.as_secs()), seconds, "{asked:?}"),
                Err(f) => {
                    assert_eq!(seconds, None, "{asked:?}");
                    assert_eq!(
                        f.detail[0].name().1,
                        "UnacceptableInitialTerminationTimeFault"
                    );
                }
            }
        }
    }
}
