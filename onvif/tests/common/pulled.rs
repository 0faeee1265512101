//! Pull points of the tests.

use onvif_contracts::{tev, tt, wsnt};

use super::{ADMIN, Answer, Bench};

pub const EVENTS: &str = "/onvif/event_service";

/// A bench whose events are translated.
pub async fn running() -> Bench {
    running_over(platecam_model::testing::initialised()).await
}

/// The same of a device that is not as it comes.
pub async fn running_over(test: platecam_model::testing::TestDevice) -> Bench {
    let bench = Bench::over(test);
    let service = bench.service.clone();
    tokio::spawn(async move { service.run(std::future::pending()).await });
    // Lets the task subscribe to the bus.
    tokio::task::yield_now().await;
    bench
}

pub async fn subscribe(
    bench: &Bench,
    inner: &str,
) -> (String, tev::CreatePullPointSubscriptionResponse) {
    let body =
        format!("<tev:CreatePullPointSubscription>{inner}</tev:CreatePullPointSubscription>");
    let answer = bench.call(EVENTS, &body, ADMIN).await;
    let response: tev::CreatePullPointSubscriptionResponse = answer.read();
    let address = &response.subscription_reference.address.value;
    let path = address
        .strip_prefix("http://192.0.2.10:8080")
        .unwrap_or_else(|| panic!("{address}"));
    (path.to_owned(), response)
}

pub async fn pull_raw(bench: &Bench, path: &str, timeout: &str, limit: i32) -> Answer {
    let body = format!(
        "<tev:PullMessages><tev:Timeout>{timeout}</tev:Timeout>\
         <tev:MessageLimit>{limit}</tev:MessageLimit></tev:PullMessages>"
    );
    bench.call(path, &body, ADMIN).await
}

/// Topic and message of each notification.
pub async fn pull(bench: &Bench, path: &str) -> Vec<(String, tt::Message)> {
    let answer = pull_raw(bench, path, "PT5S", 100).await;
    let response: tev::PullMessagesResponse = answer.read();
    assert!(response.termination_time > response.current_time);
    response
        .notification_message
        .iter()
        .map(taken_apart)
        .collect()
}

pub fn taken_apart(n: &wsnt::NotificationMessageHolderType) -> (String, tt::Message) {
    let topic = n.topic.as_ref().unwrap().content.text().to_owned();
    (topic, n.message.any[0].read_as().unwrap())
}

pub fn items(list: Option<&tt::ItemList>) -> Vec<(&str, &str)> {
    list.map_or_else(Vec::new, |l| {
        l.simple_item
            .iter()
            .map(|i| (i.name.as_str(), i.value.as_str()))
            .collect()
    })
}
