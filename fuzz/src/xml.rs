//! XML from the network before anybody has said who they are.

use onvif_xml::discovery::Envelope;

use crate::Target;

/// WS-Discovery datagrams; what can be read can be written and read again.
pub(crate) fn discovery() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        if let Ok(envelope) = Envelope::parse(input) {
            let written = envelope.write();
            assert!(
                Envelope::parse(&written).is_ok(),
                "what was read cannot be read again: {}",
                String::from_utf8_lossy(&written)
            );
        }
    })
}
