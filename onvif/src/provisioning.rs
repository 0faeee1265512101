//! Provisioning service: zoom and focus of a motorised lens (HW-11, LPRCFG-7..14). Only where there is one.

use onvif_contracts::{ports::provisioning_service::ProvisioningService, tpv};
use onvif_xml::{Duration, soap::Fault};
use platecam_model::{Device, Error, lens::LensMove, ports::Motor};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
    media::SOURCE,
};

/// A movement without a time of its own ends after this, in seconds.
const DEFAULT_TIMEOUT: u64 = 10;
/// Longest time of a movement, in seconds.
const MAX_TIMEOUT: u64 = 300;
/// The attribute must be there, and nobody says how long the motors last.
const NO_LIMIT: u64 = u32::MAX as u64;

/// Capabilities of the service.
pub(crate) fn capabilities(device: &Device) -> tpv::Capabilities {
    let lens = device.lens_status().ok();
    let focus = lens.as_ref().is_some_and(|l| l.focus.is_some());
    let zoom = lens.as_ref().is_some_and(|l| l.zoom.is_some());
    tpv::Capabilities {
        default_timeout: Duration::from_secs(DEFAULT_TIMEOUT),
        source: vec![tpv::SourceCapabilities {
            video_source_token: SOURCE.into(),
            maximum_zoom_moves: zoom.then_some(NO_LIMIT),
            maximum_focus_moves: focus.then_some(NO_LIMIT),
            auto_focus: focus.then_some(true),
            ..Default::default()
        }],
    }
}

fn check_source(token: &str) -> Answer<()> {
    if token == SOURCE {
        return Ok(());
    }
    Err(fault::of(Error::not_found(
        "video source",
        fault::shortened(token),
    )))
}

fn within(timeout: Option<Duration>) -> Answer<std::time::Duration> {
    let timeout = timeout.map_or(
        std::time::Duration::from_secs(DEFAULT_TIMEOUT),
        Duration::to_std,
    );
    if timeout.is_zero() || timeout.as_secs() > MAX_TIMEOUT {
        let seconds = timeout.as_secs();
        let why = format!("Timeout {seconds} s: must be above 0 and at most {MAX_TIMEOUT} s");
        return Err(Fault::sender(&["InvalidArgVal"], why));
    }
    Ok(timeout)
}

fn no_direction(word: &str) -> Fault {
    let why = format!("Direction {}: is unknown", fault::shortened(word));
    Fault::sender(&["InvalidArgVal"], why)
}

/// Moves are refused while an automatic focus runs.
pub(crate) fn refused(error: Error) -> Fault {
    let own = Subcodes {
        invalid: "SettingsInvalid",
        conflict: &["OperationProhibited"],
        ..Subcodes::default()
    };
    fault::of_operation(error, own)
}

impl Call<'_> {
    fn move_on(&self, motor: Motor, forward: bool, timeout: Option<Duration>) -> Answer<()> {
        let how = LensMove::On {
            forward,
            speed: None,
            within: Some(within(timeout)?),
        };
        let moved = self.device().move_lens(motor, how, self.actor);
        moved.map_err(refused)
    }
}

impl ProvisioningService for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: tpv::GetServiceCapabilities,
    ) -> Answer<tpv::GetServiceCapabilitiesResponse> {
        Ok(tpv::GetServiceCapabilitiesResponse {
            capabilities: capabilities(self.device()),
        })
    }

    fn zoom_move(&self, request: tpv::ZoomMove) -> Answer<tpv::ZoomMoveResponse> {
        check_source(&request.video_source)?;
        let forward = match &request.direction {
            tpv::ZoomDirection::Wide => false,
            tpv::ZoomDirection::Telephoto => true,
            tpv::ZoomDirection::Other(other) => return Err(no_direction(other)),
        };
        self.move_on(Motor::Zoom, forward, request.timeout)?;
        Ok(Default::default())
    }

    fn focus_move(&self, request: tpv::FocusMove) -> Answer<tpv::FocusMoveResponse> {
        check_source(&request.video_source)?;
        match &request.direction {
            tpv::FocusDirection::Near => self.move_on(Motor::Focus, false, request.timeout)?,
            tpv::FocusDirection::Far => self.move_on(Motor::Focus, true, request.timeout)?,
            tpv::FocusDirection::Auto => {
                let begun = self.device().auto_focus(None, self.actor);
                begun.map_err(refused)?;
            }
            tpv::FocusDirection::Other(other) => return Err(no_direction(other)),
        }
        Ok(Default::default())
    }

    fn stop(&self, request: tpv::Stop) -> Answer<tpv::StopResponse> {
        check_source(&request.video_source)?;
        let stopped = self.device().stop_lens(None, self.actor);
        stopped.map_err(refused)?;
        Ok(Default::default())
    }

    fn get_usage(&self, request: tpv::GetUsage) -> Answer<tpv::GetUsageResponse> {
        check_source(&request.video_source)?;
        let lens = self.device().lens_status().map_err(refused)?;
        // The contract knows no 0.
        let moves = |motor: Option<platecam_model::lens::MotorStatus>| {
            motor.map(|m| m.moves).filter(|moves| *moves > 0)
        };
        Ok(tpv::GetUsageResponse {
            usage: tpv::Usage {
                zoom: moves(lens.zoom),
                focus: moves(lens.focus),
                ..Default::default()
            },
        })
    }
}
