//! One SOAP call: what every operation has at hand. The port traits are implemented for it.

use onvif_xml::soap::Fault;
use platecam_model::{Actor, Device};

use crate::{
    address::Base,
    model,
    service::{Inner, SERVICES, ServiceEntry},
};

/// The surroundings of one call.
pub(crate) struct Call<'a> {
    pub(crate) inner: &'a Inner,
    /// Who calls; anonymous for operations that are open to everybody.
    pub(crate) actor: &'a Actor,
    /// The address that the client used.
    pub(crate) base: &'a Base,
    /// Path that the request was sent to.
    pub(crate) path: &'a str,
    /// `wsa:To`, when the client addressed it.
    pub(crate) to: Option<&'a str>,
}

/// Result of an operation.
pub(crate) type Answer<T> = Result<T, Fault>;

impl Call<'_> {
    pub(crate) fn device(&self) -> &Device {
        &self.inner.device
    }

    /// The services of this model with their addresses.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&'static ServiceEntry, String)> {
        let there = |s: &&ServiceEntry| self.device().meets(model::of_service(s.ns));
        SERVICES
            .iter()
            .filter(there)
            .map(|s| (s, self.base.url(s.path)))
    }

    /// The address of the service with this path.
    pub(crate) fn url(&self, path: &str) -> String {
        self.base.url(path)
    }
}
