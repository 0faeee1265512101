use crate::{
    Error, Result,
    ports::{SerialAnswer, SerialKind, SerialPorts},
    settings::{SerialLines, SerialSettings},
};

/// Serial ports with a plug that gives everything back; also `--host simulated`.
#[derive(Debug, Default)]
pub struct LoopbackSerial;

impl SerialPorts for LoopbackSerial {
    fn kinds(&self) -> Vec<SerialKind> {
        vec![SerialKind::Rs485HalfDuplex, SerialKind::Rs232]
    }

    fn exchange(
        &self,
        index: usize,
        _: &SerialSettings,
        send: &[u8],
        answer: &SerialAnswer,
    ) -> Result<Vec<u8>> {
        if index >= SerialLines::MAX {
            return Err(Error::not_found("serial port", (index + 1).to_string()));
        }
        Ok(crate::io::whole(send, answer).to_vec())
    }
}
