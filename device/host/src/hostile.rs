//! What reads the answers of servers of others, for the targets in `fuzz/`: each takes any bytes.

use platecam_model::settings::MqttVersion;

use crate::{ddns, mqtt};

/// An answer of a server of dynamic DNS with its HTTP status: what it means, its first line as it is shown, and the
/// address in it.
#[must_use]
pub fn dynamic_dns(status: u16, body: &str) -> (String, String, Option<std::net::IpAddr>) {
    ddns::read_answer(status, body)
}

/// What an event broker sends, in pieces as they come, until it is no MQTT; the packets in words.
#[must_use]
pub fn broker<'a>(version: MqttVersion, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    mqtt::read_answers(version, pieces)
}
