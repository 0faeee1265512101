//! Device IO service: what is wired to the unit (Device IO Service Specification 21.06; HW-2, HW-3).

pub(crate) mod inputs;
pub(crate) mod relays;
mod serial;

use onvif_contracts::{ports::device_io_port::DeviceIOPort, tds, tmd};
use platecam_model::Device;

use crate::{
    call::{Answer, Call},
    fault,
    media::{
        SOURCE,
        audio::{AUDIO_SOURCE, is_present},
        check_source, configurations as media,
        loudspeaker::{self, AUDIO_OUTPUT},
    },
};

/// Counts of what there is.
pub(crate) fn capabilities(device: &Device) -> tmd::Capabilities {
    let count = |n: usize| i32::try_from(n).ok();
    tmd::Capabilities {
        video_sources: Some(1),
        video_outputs: Some(0),
        audio_sources: Some(i32::from(is_present(device))),
        audio_outputs: Some(i32::from(loudspeaker::is_present(device))),
        relay_outputs: count(device.io.outputs()),
        serial_ports: count(device.serial_ports().len()),
        digital_inputs: count(device.io.inputs()),
        digital_input_options: Some(device.io.inputs() > 0),
        ..Default::default()
    }
}

/// Operations that are not here (configurations of video outputs; those of audio sources are Media's) answer `ter:ActionNotSupported`.
impl DeviceIOPort for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: tmd::GetServiceCapabilities,
    ) -> Answer<tmd::GetServiceCapabilitiesResponse> {
        Ok(tmd::GetServiceCapabilitiesResponse {
            capabilities: capabilities(self.device()),
        })
    }

    fn get_video_sources(&self, _: tmd::Get) -> Answer<tmd::GetResponse> {
        Ok(tmd::GetResponse {
            token: vec![SOURCE.into()],
        })
    }

    fn get_video_outputs(&self, _: tmd::GetVideoOutputs) -> Answer<tmd::GetVideoOutputsResponse> {
        Ok(Default::default())
    }

    fn get_audio_sources(&self, _: tmd::Get) -> Answer<tmd::GetResponse> {
        let token = is_present(self.device()).then(|| AUDIO_SOURCE.into());
        Ok(tmd::GetResponse {
            token: token.into_iter().collect(),
        })
    }

    fn get_audio_outputs(&self, _: tmd::Get) -> Answer<tmd::GetResponse> {
        let output = loudspeaker::is_present(self.device()).then_some(AUDIO_OUTPUT);
        Ok(tmd::GetResponse {
            token: output.into_iter().map(Into::into).collect(),
        })
    }

    fn get_audio_output_configuration(
        &self,
        request: tmd::GetAudioOutputConfiguration,
    ) -> Answer<tmd::GetAudioOutputConfigurationResponse> {
        let token = &request.audio_output_token;
        loudspeaker::check_output(self.device(), token)?;
        Ok(tmd::GetAudioOutputConfigurationResponse {
            audio_output_configuration: loudspeaker::output(self.device())
                .ok_or_else(|| fault::no_config(token))?,
        })
    }

    fn get_audio_output_configuration_options(
        &self,
        request: tmd::GetAudioOutputConfigurationOptions,
    ) -> Answer<tmd::GetAudioOutputConfigurationOptionsResponse> {
        loudspeaker::check_output(self.device(), &request.audio_output_token)?;
        Ok(tmd::GetAudioOutputConfigurationOptionsResponse {
            audio_output_options: loudspeaker::output_options(self.device())?,
        })
    }

    fn set_audio_output_configuration(
        &self,
        request: tmd::SetAudioOutputConfiguration,
    ) -> Answer<tmd::SetAudioOutputConfigurationResponse> {
        loudspeaker::set_output(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_video_source_configuration(
        &self,
        request: tmd::GetVideoSourceConfiguration,
    ) -> Answer<tmd::GetVideoSourceConfigurationResponse> {
        check_source(&request.video_source_token)?;
        Ok(tmd::GetVideoSourceConfigurationResponse {
            video_source_configuration: media::source_config(self),
        })
    }

    fn get_video_source_configuration_options(
        &self,
        request: tmd::GetVideoSourceConfigurationOptions,
    ) -> Answer<tmd::GetVideoSourceConfigurationOptionsResponse> {
        check_source(&request.video_source_token)?;
        Ok(tmd::GetVideoSourceConfigurationOptionsResponse {
            video_source_configuration_options: media::source_options(self),
        })
    }

    fn set_video_source_configuration(
        &self,
        request: tmd::SetVideoSourceConfiguration,
    ) -> Answer<tmd::SetVideoSourceConfigurationResponse> {
        media::check_source_config(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_relay_outputs(&self, _: tds::GetRelayOutputs) -> Answer<tds::GetRelayOutputsResponse> {
        Ok(relays::all(self.device()))
    }

    fn get_relay_output_options(
        &self,
        request: tmd::GetRelayOutputOptions,
    ) -> Answer<tmd::GetRelayOutputOptionsResponse> {
        relays::options(self.device(), request.relay_output_token.as_deref())
    }

    fn set_relay_output_settings(
        &self,
        request: tmd::SetRelayOutputSettings,
    ) -> Answer<tmd::SetRelayOutputSettingsResponse> {
        let relay = &request.relay_output;
        relays::set(self, &relay.token, &relay.properties)?;
        Ok(Default::default())
    }

    fn set_relay_output_state(
        &self,
        request: tds::SetRelayOutputState,
    ) -> Answer<tds::SetRelayOutputStateResponse> {
        relays::switch(self, &request)?;
        Ok(Default::default())
    }

    fn get_serial_ports(&self, _: tmd::GetSerialPorts) -> Answer<tmd::GetSerialPortsResponse> {
        Ok(serial::all(self.device()))
    }

    fn get_serial_port_configuration(
        &self,
        request: tmd::GetSerialPortConfiguration,
    ) -> Answer<tmd::GetSerialPortConfigurationResponse> {
        Ok(tmd::GetSerialPortConfigurationResponse {
            serial_port_configuration: serial::get(self.device(), &request.serial_port_token)?,
        })
    }

    fn get_serial_port_configuration_options(
        &self,
        request: tmd::GetSerialPortConfigurationOptions,
    ) -> Answer<tmd::GetSerialPortConfigurationOptionsResponse> {
        Ok(tmd::GetSerialPortConfigurationOptionsResponse {
            serial_port_options: serial::options(self.device(), &request.serial_port_token)?,
        })
    }

    fn set_serial_port_configuration(
        &self,
        request: tmd::SetSerialPortConfiguration,
    ) -> Answer<tmd::SetSerialPortConfigurationResponse> {
        serial::set(self, &request.serial_port_configuration)?;
        Ok(Default::default())
    }

    fn send_receive_serial_command(
        &self,
        request: tmd::SendReceiveSerialCommand,
    ) -> Answer<tmd::SendReceiveSerialCommandResponse> {
        serial::exchange(self, &request)
    }

    fn get_digital_inputs(
        &self,
        _: tmd::GetDigitalInputs,
    ) -> Answer<tmd::GetDigitalInputsResponse> {
        Ok(inputs::all(self.device()))
    }

    fn get_digital_input_configuration_options(
        &self,
        request: tmd::GetDigitalInputConfigurationOptions,
    ) -> Answer<tmd::GetDigitalInputConfigurationOptionsResponse> {
        inputs::options(self.device(), request.token.as_deref())
    }

    fn set_digital_input_configurations(
        &self,
        request: tmd::SetDigitalInputConfigurations,
    ) -> Answer<tmd::SetDigitalInputConfigurationsResponse> {
        inputs::set(self, &request.digital_inputs)?;
        Ok(Default::default())
    }
}
