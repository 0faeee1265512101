//! Digital inputs: the settings section `io` and its inputs (ALARM-2, ALARM-9).

use onvif_contracts::{tmd, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    Device,
    settings::{AlarmIo, IdleState},
};

use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// Token of the input with this index.
pub(crate) fn token(index: usize) -> String {
    format!("input_{}", index + 1)
}

fn index_of(device: &Device, wanted: &str) -> Answer<usize> {
    let found = (0..device.io.inputs()).find(|i| token(*i) == wanted);
    found.ok_or_else(|| {
        let text = format!("there is no digital input '{}'", shortened(wanted));
        Fault::sender(&["InvalidArgVal", "NoConfig"], text)
    })
}

/// `GetDigitalInputs`.
pub(super) fn all(device: &Device) -> tmd::GetDigitalInputsResponse {
    let inputs = device.inputs().into_iter().enumerate();
    let input = inputs.map(|(index, status)| tt::DigitalInput {
        token: token(index),
        idle_state: Some(match status.settings.idle {
            IdleState::Open => tt::DigitalIdleState::Open,
            IdleState::Closed => tt::DigitalIdleState::Closed,
        }),
        ..Default::default()
    });
    tmd::GetDigitalInputsResponse {
        digital_inputs: input.collect(),
    }
}

/// `GetDigitalInputConfigurationOptions`: the same for all.
pub(super) fn options(
    device: &Device,
    wanted: Option<&str>,
) -> Answer<tmd::GetDigitalInputConfigurationOptionsResponse> {
    if let Some(wanted) = wanted {
        index_of(device, wanted)?;
    }
    Ok(tmd::GetDigitalInputConfigurationOptionsResponse {
        digital_input_options: tmd::DigitalInputConfigurationOptions {
            idle_state: vec![tt::DigitalIdleState::Closed, tt::DigitalIdleState::Open],
        },
    })
}

/// `SetDigitalInputConfigurations`: all or none; an input without an idle state keeps its own.
pub(super) fn set(call: &Call<'_>, wanted: &[tt::DigitalInput]) -> Answer<()> {
    let mut changes = Vec::with_capacity(wanted.len());
    for input in wanted {
        let index = index_of(call.device(), &input.token)?;
        let idle = match &input.idle_state {
            None => continue,
            Some(tt::DigitalIdleState::Open) => IdleState::Open,
            Some(tt::DigitalIdleState::Closed) => IdleState::Closed,
            Some(tt::DigitalIdleState::Other(text)) => {
                let (token, text) = (&input.token, shortened(text));
                let text = format!("{token}: IdleState {text}: must be open or closed");
                return Err(Fault::sender(&["InvalidArgVal", "SettingsInvalid"], text));
            }
        };
        changes.push((index, idle));
    }
    let change = |s: &mut AlarmIo| {
        for (index, idle) in changes {
            if let Some(input) = s.input_mut(index) {
                input.idle = idle;
            }
        }
    };
    let done = call.device().settings.update(call.actor, change);
    done.map_err(fault::of)?;
    call.device().follow_io_settings();
    Ok(())
}
