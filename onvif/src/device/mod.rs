//! Device service: what the unit is, where it is, who may use it.

mod addressing;
mod auxiliary;
pub(crate) mod backup;
pub(crate) mod capabilities;
mod dynamic_dns;
pub(crate) mod firmware;
mod geo;
mod ip_filter;
pub(crate) mod log;
mod network;
mod old_capabilities;
mod passwords;
mod profiles;
mod remote_user;
mod roles;
pub(crate) mod scopes;
mod storage;
mod system;
mod time;
mod users;

use onvif_contracts::{ports::device::Device, tds};

use crate::{
    call::{Answer, Call},
    deviceio::relays,
};

/// Each operation has its place in the module of its group. Operations that are not here answer
/// `ter:ActionNotSupported` and are not announced.
impl Device for Call<'_> {
    fn get_services(&self, request: tds::GetServices) -> Answer<tds::GetServicesResponse> {
        capabilities::services(self, request.include_capability)
    }

    fn get_service_capabilities(
        &self,
        _: tds::GetServiceCapabilities,
    ) -> Answer<tds::GetServiceCapabilitiesResponse> {
        Ok(tds::GetServiceCapabilitiesResponse {
            capabilities: capabilities::device(self),
        })
    }

    fn get_capabilities(
        &self,
        request: tds::GetCapabilities,
    ) -> Answer<tds::GetCapabilitiesResponse> {
        old_capabilities::by_category(self, &request.category)
    }

    fn get_wsdl_url(&self, _: tds::GetWsdlUrl) -> Answer<tds::GetWsdlUrlResponse> {
        Ok(tds::GetWsdlUrlResponse {
            wsdl_url: "https://www.onvif.org/ver10/device/wsdl/devicemgmt.wsdl".into(),
        })
    }

    fn get_device_information(
        &self,
        _: tds::GetDeviceInformation,
    ) -> Answer<tds::GetDeviceInformationResponse> {
        Ok(system::information(self))
    }

    fn get_system_date_and_time(
        &self,
        _: tds::GetSystemDateAndTime,
    ) -> Answer<tds::GetSystemDateAndTimeResponse> {
        Ok(time::get(self))
    }

    fn set_system_factory_default(
        &self,
        request: tds::SetSystemFactoryDefault,
    ) -> Answer<tds::SetSystemFactoryDefaultResponse> {
        system::factory_default(self, &request.factory_default)?;
        Ok(Default::default())
    }

    fn system_reboot(&self, _: tds::SystemReboot) -> Answer<tds::SystemRebootResponse> {
        system::reboot(self)
    }

    fn set_system_date_and_time(
        &self,
        request: tds::SetSystemDateAndTime,
    ) -> Answer<tds::SetSystemDateAndTimeResponse> {
        time::set(self, request)?;
        Ok(Default::default())
    }

    fn set_ntp(&self, request: tds::SetNTP) -> Answer<tds::SetNTPResponse> {
        time::set_ntp(self, request)?;
        Ok(Default::default())
    }

    fn get_system_support_information(
        &self,
        _: tds::GetSystemSupportInformation,
    ) -> Answer<tds::GetSystemSupportInformationResponse> {
        firmware::support(self)
    }

    fn start_firmware_upgrade(
        &self,
        _: tds::StartFirmwareUpgrade,
    ) -> Answer<tds::StartFirmwareUpgradeResponse> {
        firmware::start(self)
    }

    fn upgrade_system_firmware(
        &self,
        _: tds::UpgradeSystemFirmware,
    ) -> Answer<tds::UpgradeSystemFirmwareResponse> {
        Err(firmware::within_soap())
    }

    fn get_system_log(&self, request: tds::GetSystemLog) -> Answer<tds::GetSystemLogResponse> {
        log::get(self, &request.log_type)
    }

    fn get_system_uris(&self, _: tds::GetSystemUris) -> Answer<tds::GetSystemUrisResponse> {
        Ok(log::uris(self))
    }

    fn start_system_restore(
        &self,
        _: tds::StartSystemRestore,
    ) -> Answer<tds::StartSystemRestoreResponse> {
        backup::start_restore(self)
    }

    fn get_geo_location(&self, _: tds::GetGeoLocation) -> Answer<tds::GetGeoLocationResponse> {
        Ok(geo::get(self))
    }

    fn set_geo_location(
        &self,
        request: tds::SetGeoLocation,
    ) -> Answer<tds::SetGeoLocationResponse> {
        geo::set(self, &request.location)?;
        Ok(Default::default())
    }

    fn delete_geo_location(
        &self,
        request: tds::DeleteGeoLocation,
    ) -> Answer<tds::DeleteGeoLocationResponse> {
        geo::delete(self, &request.location)?;
        Ok(Default::default())
    }

    fn get_endpoint_reference(
        &self,
        _: tds::GetEndpointReference,
    ) -> Answer<tds::GetEndpointReferenceResponse> {
        Ok(tds::GetEndpointReferenceResponse {
            guid: self.device().identity.uuid.urn().to_string(),
        })
    }

    fn get_scopes(&self, _: tds::GetScopes) -> Answer<tds::GetScopesResponse> {
        Ok(scopes::get(self))
    }

    fn set_scopes(&self, request: tds::SetScopes) -> Answer<tds::SetScopesResponse> {
        scopes::set(self, request.scopes)?;
        Ok(Default::default())
    }

    fn add_scopes(&self, request: tds::AddScopes) -> Answer<tds::AddScopesResponse> {
        scopes::add(self, request.scope_item)?;
        Ok(Default::default())
    }

    fn remove_scopes(&self, request: tds::RemoveScopes) -> Answer<tds::RemoveScopesResponse> {
        let scope_item = scopes::remove(self, request.scope_item)?;
        Ok(tds::RemoveScopesResponse { scope_item })
    }

    fn get_discovery_mode(
        &self,
        _: tds::GetDiscoveryMode,
    ) -> Answer<tds::GetDiscoveryModeResponse> {
        Ok(scopes::discovery_mode(self))
    }

    fn set_discovery_mode(
        &self,
        request: tds::SetDiscoveryMode,
    ) -> Answer<tds::SetDiscoveryModeResponse> {
        scopes::set_discovery_mode(self, &request.discovery_mode)?;
        Ok(Default::default())
    }

    fn get_hostname(&self, _: tds::GetHostname) -> Answer<tds::GetHostnameResponse> {
        Ok(network::hostname(self))
    }

    fn set_hostname(&self, request: tds::SetHostname) -> Answer<tds::SetHostnameResponse> {
        addressing::set_hostname(self, &request.name)?;
        Ok(Default::default())
    }

    fn set_hostname_from_dhcp(
        &self,
        request: tds::SetHostnameFromDHCP,
    ) -> Answer<tds::SetHostnameFromDHCPResponse> {
        addressing::set_hostname_from_dhcp(self, request.from_dhcp)?;
        Ok(Default::default())
    }

    fn get_zero_configuration(
        &self,
        _: tds::GetZeroConfiguration,
    ) -> Answer<tds::GetZeroConfigurationResponse> {
        Ok(network::zero_configuration(self))
    }

    fn set_zero_configuration(
        &self,
        request: tds::SetZeroConfiguration,
    ) -> Answer<tds::SetZeroConfigurationResponse> {
        addressing::set_zero_configuration(self, &request)?;
        Ok(Default::default())
    }

    fn set_dns(&self, request: tds::SetDNS) -> Answer<tds::SetDNSResponse> {
        addressing::set_dns(self, &request)?;
        Ok(Default::default())
    }

    fn set_network_interfaces(
        &self,
        request: tds::SetNetworkInterfaces,
    ) -> Answer<tds::SetNetworkInterfacesResponse> {
        addressing::set_interface(self, &request)?;
        Ok(tds::SetNetworkInterfacesResponse {
            reboot_needed: false,
        })
    }

    fn set_network_default_gateway(
        &self,
        request: tds::SetNetworkDefaultGateway,
    ) -> Answer<tds::SetNetworkDefaultGatewayResponse> {
        addressing::set_gateway(self, &request)?;
        Ok(Default::default())
    }

    fn get_dns(&self, _: tds::GetDNS) -> Answer<tds::GetDNSResponse> {
        Ok(network::dns(self))
    }

    fn get_ntp(&self, _: tds::GetNTP) -> Answer<tds::GetNTPResponse> {
        Ok(time::ntp(self))
    }

    fn get_network_interfaces(
        &self,
        _: tds::GetNetworkInterfaces,
    ) -> Answer<tds::GetNetworkInterfacesResponse> {
        Ok(network::interfaces(self))
    }

    fn get_network_protocols(
        &self,
        _: tds::GetNetworkProtocols,
    ) -> Answer<tds::GetNetworkProtocolsResponse> {
        Ok(network::protocols(self))
    }

    fn set_network_protocols(
        &self,
        request: tds::SetNetworkProtocols,
    ) -> Answer<tds::SetNetworkProtocolsResponse> {
        network::set_protocols(self, &request.network_protocols)?;
        Ok(Default::default())
    }

    fn get_network_default_gateway(
        &self,
        _: tds::GetNetworkDefaultGateway,
    ) -> Answer<tds::GetNetworkDefaultGatewayResponse> {
        Ok(network::gateway(self))
    }

    fn get_ip_address_filter(
        &self,
        _: tds::GetIPAddressFilter,
    ) -> Answer<tds::GetIPAddressFilterResponse> {
        Ok(ip_filter::get(self))
    }

    fn set_ip_address_filter(
        &self,
        request: tds::SetIPAddressFilter,
    ) -> Answer<tds::SetIPAddressFilterResponse> {
        ip_filter::set(self, &request.ip_address_filter)?;
        Ok(Default::default())
    }

    fn add_ip_address_filter(
        &self,
        request: tds::AddIPAddressFilter,
    ) -> Answer<tds::AddIPAddressFilterResponse> {
        ip_filter::add(self, &request.ip_address_filter)?;
        Ok(Default::default())
    }

    fn remove_ip_address_filter(
        &self,
        request: tds::RemoveIPAddressFilter,
    ) -> Answer<tds::RemoveIPAddressFilterResponse> {
        ip_filter::remove(self, &request.ip_address_filter)?;
        Ok(Default::default())
    }

    fn send_auxiliary_command(
        &self,
        request: tds::SendAuxiliaryCommand,
    ) -> Answer<tds::SendAuxiliaryCommandResponse> {
        auxiliary::send(self, &request.auxiliary_command)?;
        Ok(Default::default())
    }

    fn get_relay_outputs(&self, _: tds::GetRelayOutputs) -> Answer<tds::GetRelayOutputsResponse> {
        Ok(relays::all(self.device()))
    }

    fn set_relay_output_settings(
        &self,
        request: tds::SetRelayOutputSettings,
    ) -> Answer<tds::SetRelayOutputSettingsResponse> {
        relays::set(self, &request.relay_output_token, &request.properties)?;
        Ok(Default::default())
    }

    fn set_relay_output_state(
        &self,
        request: tds::SetRelayOutputState,
    ) -> Answer<tds::SetRelayOutputStateResponse> {
        relays::switch(self, &request)?;
        Ok(Default::default())
    }

    fn get_user_roles(&self, request: tds::GetUserRoles) -> Answer<tds::GetUserRolesResponse> {
        roles::get(self, request.user_role.as_deref())
    }

    fn set_user_role(&self, request: tds::SetUserRole) -> Answer<tds::SetUserRoleResponse> {
        roles::set(self, request.user_role)?;
        Ok(Default::default())
    }

    fn delete_user_role(
        &self,
        request: tds::DeleteUserRole,
    ) -> Answer<tds::DeleteUserRoleResponse> {
        roles::delete(self, &request.user_role)?;
        Ok(Default::default())
    }

    fn get_storage_configurations(
        &self,
        _: tds::GetStorageConfigurations,
    ) -> Answer<tds::GetStorageConfigurationsResponse> {
        Ok(storage::get_all(self))
    }

    fn get_storage_configuration(
        &self,
        request: tds::GetStorageConfiguration,
    ) -> Answer<tds::GetStorageConfigurationResponse> {
        storage::get(self, &request.token)
    }

    fn create_storage_configuration(
        &self,
        request: tds::CreateStorageConfiguration,
    ) -> Answer<tds::CreateStorageConfigurationResponse> {
        storage::create(self, &request.storage_configuration)
    }

    fn set_storage_configuration(
        &self,
        request: tds::SetStorageConfiguration,
    ) -> Answer<tds::SetStorageConfigurationResponse> {
        storage::set(self, &request.storage_configuration)?;
        Ok(Default::default())
    }

    fn delete_storage_configuration(
        &self,
        request: tds::DeleteStorageConfiguration,
    ) -> Answer<tds::DeleteStorageConfigurationResponse> {
        storage::delete(self, &request.token)?;
        Ok(Default::default())
    }

    fn get_dynamic_dns(&self, _: tds::GetDynamicDNS) -> Answer<tds::GetDynamicDNSResponse> {
        Ok(dynamic_dns::get(self))
    }

    fn set_dynamic_dns(&self, request: tds::SetDynamicDNS) -> Answer<tds::SetDynamicDNSResponse> {
        dynamic_dns::set(self, &request)?;
        Ok(tds::SetDynamicDNSResponse::default())
    }

    fn get_remote_user(&self, _: tds::GetRemoteUser) -> Answer<tds::GetRemoteUserResponse> {
        Ok(remote_user::get(self))
    }

    fn set_remote_user(&self, request: tds::SetRemoteUser) -> Answer<tds::SetRemoteUserResponse> {
        remote_user::set(self, request.remote_user.as_deref())?;
        Ok(Default::default())
    }

    fn get_users(&self, _: tds::GetUsers) -> Answer<tds::GetUsersResponse> {
        users::get(self)
    }

    fn create_users(&self, request: tds::CreateUsers) -> Answer<tds::CreateUsersResponse> {
        users::create(self, request.user)?;
        Ok(Default::default())
    }

    fn set_user(&self, request: tds::SetUser) -> Answer<tds::SetUserResponse> {
        users::set(self, request.user)?;
        Ok(Default::default())
    }

    fn delete_users(&self, request: tds::DeleteUsers) -> Answer<tds::DeleteUsersResponse> {
        users::delete(self, &request.username)?;
        Ok(Default::default())
    }

    fn get_password_complexity_options(
        &self,
        _: tds::GetPasswordComplexityOptions,
    ) -> Answer<tds::GetPasswordComplexityOptionsResponse> {
        Ok(passwords::complexity_options())
    }

    fn get_password_complexity_configuration(
        &self,
        _: tds::GetPasswordComplexityConfiguration,
    ) -> Answer<tds::GetPasswordComplexityConfigurationResponse> {
        Ok(passwords::complexity(self))
    }

    fn set_password_complexity_configuration(
        &self,
        request: tds::SetPasswordComplexityConfiguration,
    ) -> Answer<tds::SetPasswordComplexityConfigurationResponse> {
        passwords::set_complexity(self, &request)?;
        Ok(Default::default())
    }

    fn get_password_history_configuration(
        &self,
        _: tds::GetPasswordHistoryConfiguration,
    ) -> Answer<tds::GetPasswordHistoryConfigurationResponse> {
        Ok(passwords::history(self))
    }

    fn set_password_history_configuration(
        &self,
        request: tds::SetPasswordHistoryConfiguration,
    ) -> Answer<tds::SetPasswordHistoryConfigurationResponse> {
        passwords::set_history(self, &request)?;
        Ok(Default::default())
    }

    fn get_auth_failure_warning_options(
        &self,
        _: tds::GetAuthFailureWarningOptions,
    ) -> Answer<tds::GetAuthFailureWarningOptionsResponse> {
        Ok(passwords::failure_options())
    }

    fn get_auth_failure_warning_configuration(
        &self,
        _: tds::GetAuthFailureWarningConfiguration,
    ) -> Answer<tds::GetAuthFailureWarningConfigurationResponse> {
        Ok(passwords::failures(self))
    }

    fn set_auth_failure_warning_configuration(
        &self,
        request: tds::SetAuthFailureWarningConfiguration,
    ) -> Answer<tds::SetAuthFailureWarningConfigurationResponse> {
        passwords::set_failures(self, &request)?;
        Ok(Default::default())
    }
}
