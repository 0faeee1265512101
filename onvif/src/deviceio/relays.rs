//! Relay outputs, the same in the device service and in Device IO: the settings section `io` and its outputs.

use onvif_contracts::{tds, tmd, tt};
use onvif_xml::{Duration, List, soap::Fault};
use platecam_model::{
    Device,
    io::OutputStatus,
    settings::{AlarmIo, IdleState, OutputDelay, OutputMode},
};

use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// Token of the output with this index.
pub(crate) fn token(index: usize) -> String {
    format!("relay_{}", index + 1)
}

fn index_of(device: &Device, wanted: &str) -> Answer<usize> {
    let found = (0..device.io.outputs()).find(|i| token(*i) == wanted);
    found.ok_or_else(|| {
        let text = format!("there is no relay output '{}'", shortened(wanted));
        Fault::sender(&["InvalidArgVal", "RelayToken"], text)
    })
}

fn output((index, status): (usize, OutputStatus)) -> tt::RelayOutput {
    let s = status.settings;
    tt::RelayOutput {
        token: token(index),
        properties: tt::RelayOutputSettings {
            mode: match s.mode {
                OutputMode::Monostable => tt::RelayMode::Monostable,
                OutputMode::Bistable => tt::RelayMode::Bistable,
            },
            delay_time: Duration::from_secs(u64::from(s.delay_seconds.get())),
            idle_state: match s.idle {
                IdleState::Open => tt::RelayIdleState::Open,
                IdleState::Closed => tt::RelayIdleState::Closed,
            },
        },
    }
}

/// `GetRelayOutputs`.
pub(crate) fn all(device: &Device) -> tds::GetRelayOutputsResponse {
    let outputs = device.outputs().into_iter().enumerate();
    tds::GetRelayOutputsResponse {
        relay_outputs: outputs.map(output).collect(),
    }
}

/// `GetRelayOutputOptions`, of one or of all.
pub(super) fn options(
    device: &Device,
    wanted: Option<&str>,
) -> Answer<tmd::GetRelayOutputOptionsResponse> {
    let only = wanted.map(|t| index_of(device, t)).transpose()?;
    let asked = (0..device.io.outputs()).filter(|i| only.is_none_or(|only| only == *i));
    let of = |index| tmd::RelayOutputOptions {
        mode: vec![tt::RelayMode::Monostable, tt::RelayMode::Bistable],
        delay_times: Some(List(vec![OutputDelay::MIN as f32, OutputDelay::MAX as f32])),
        discrete: Some(false),
        token: token(index),
        ..Default::default()
    };
    Ok(tmd::GetRelayOutputOptionsResponse {
        relay_output_options: asked.map(of).collect(),
    })
}

fn mode_error(text: String) -> Fault {
    Fault::sender(&["InvalidArgVal", "ModeError"], text)
}

/// Whole seconds, the nearest; nothing that is outside.
fn delay(given: &Duration) -> Answer<OutputDelay> {
    let outside = || {
        let (least, most) = (OutputDelay::MIN, OutputDelay::MAX);
        mode_error(format!("DelayTime: must be {least} to {most} s"))
    };
    let millis = given.to_std().as_millis();
    let seconds = i64::try_from((millis + 500) / 1000).map_err(|_| outside())?;
    OutputDelay::try_from(seconds).map_err(|_| outside())
}

/// `SetRelayOutputSettings`; the delay time of a bistable output has no meaning and stays.
pub(crate) fn set(call: &Call<'_>, token: &str, wanted: &tt::RelayOutputSettings) -> Answer<()> {
    let index = index_of(call.device(), token)?;
    let mode = match &wanted.mode {
        tt::RelayMode::Monostable => OutputMode::Monostable,
        tt::RelayMode::Bistable => OutputMode::Bistable,
        tt::RelayMode::Other(text) => {
            return Err(mode_error(format!("Mode {}: unknown", shortened(text))));
        }
    };
    let idle = match &wanted.idle_state {
        tt::RelayIdleState::Open => IdleState::Open,
        tt::RelayIdleState::Closed => IdleState::Closed,
        tt::RelayIdleState::Other(text) => {
            let text = format!("IdleState {}: must be open or closed", shortened(text));
            return Err(mode_error(text));
        }
    };
    let delay = match mode {
        OutputMode::Monostable => Some(delay(&wanted.delay_time)?),
        OutputMode::Bistable => None,
    };
    let change = |s: &mut AlarmIo| {
        if let Some(output) = s.output_mut(index) {
            (output.mode, output.idle) = (mode, idle);
            output.delay_seconds = delay.unwrap_or(output.delay_seconds);
        }
    };
    let done = call.device().settings.update(call.actor, change);
    done.map_err(fault::of)?;
    // The contact is idle as the settings now say before the caller hears of it.
    call.device().follow_io_settings();
    Ok(())
}

/// `SetRelayOutputState`.
pub(crate) fn switch(call: &Call<'_>, request: &tds::SetRelayOutputState) -> Answer<()> {
    let index = index_of(call.device(), &request.relay_output_token)?;
    let active = match &request.logical_state {
        tt::RelayLogicalState::Active => true,
        tt::RelayLogicalState::Inactive => false,
        tt::RelayLogicalState::Other(text) => {
            let text = format!(
                "LogicalState {}: must be active or inactive",
                shortened(text)
            );
            return Err(Fault::sender(&["InvalidArgVal"], text));
        }
    };
    let switched = call.device().switch_output(call.actor, index, active);
    switched.map_err(fault::of)
}
