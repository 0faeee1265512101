use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{SerialAnswer, SerialKind, SerialPorts},
    settings::{SerialLines, SerialSettings},
};

/// What is remembered, at most.
const KEPT: usize = 64;

/// Serial ports with a plug that gives everything back; also `--host simulated`.
#[derive(Debug, Default)]
pub struct LoopbackSerial {
    sent: Mutex<VecDeque<(usize, Vec<u8>)>>,
    fail: Mutex<bool>,
}

impl LoopbackSerial {
    /// What was sent of late: the index of the port, and the bytes.
    pub fn sent(&self) -> Vec<(usize, Vec<u8>)> {
        self.sent.lock().iter().cloned().collect()
    }

    /// Pulls the adapters out, or puts them back.
    pub fn fail(&self, fail: bool) {
        *self.fail.lock() = fail;
    }
}

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
        if *self.fail.lock() {
            return Err(Error::internal("the adapter is gone"));
        }
        let mut sent = self.sent.lock();
        sent.push_back((index, send.to_vec()));
        if sent.len() > KEPT {
            sent.pop_front();
        }
        Ok(crate::io::whole(send, answer).to_vec())
    }
}
