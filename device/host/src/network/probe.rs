//! Whether another host has an address: probes of RFC 5227, sent by arping (iputils).

use std::net::Ipv4Addr;

use super::command::ask;

/// Hardware address of another host that uses `address`; takes up to three seconds. Our own use of it does not
/// count: the kernel does not answer its own questions.
pub(super) fn used_by(interface: &str, address: Ipv4Addr) -> Result<Option<String>, String> {
    let address = address.to_string();
    let words = ["-D", "-c", "3", "-w", "3", "-I", interface, &address];
    let said = ask("arping", &words)?;
    match (said.code, hardware(&said.out)) {
        (0, _) => Ok(None),
        (1, Some(hardware)) => Ok(Some(hardware)),
        _ => Err(format!("arping: {} {}", said.out.trim(), said.err.trim())),
    }
}

/// The address in `Unicast reply from 192.0.2.1 [02:00:5E:10:00:01]  0.6ms`.
fn hardware(text: &str) -> Option<String> {
    let reply = text.lines().find(|l| l.contains("reply from"))?;
    let (_, rest) = reply.split_once('[')?;
    let (hardware, _) = rest.split_once(']')?;
    Some(hardware.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_name_the_other_host() {
        let text = "ARPING 192.0.2.1 from 0.0.0.0 eth0\nUnicast reply from 192.0.2.1 [02:00:5E:10:00:01]  0.6ms\n";
        assert_eq!(hardware(text).as_deref(), Some("02:00:5e:10:00:01"));
        assert_eq!(hardware("Sent 3 probes\nReceived 0 response(s)\n"), None);
    }
}
