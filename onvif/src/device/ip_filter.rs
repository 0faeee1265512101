//! Which addresses may connect (Core §10.2; SEC-12): the same setting as the web's (`security.access_filter`).

use std::net::IpAddr;

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::{AccessFilter, FilterMode, IpPrefix};

use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// The filter as ONVIF has it, which knows no "off": that is a list of refused addresses without any.
fn effective(filter: &AccessFilter) -> (FilterMode, Vec<IpPrefix>) {
    match filter.mode {
        FilterMode::Off => (FilterMode::Deny, Vec::new()),
        mode => (mode, filter.addresses.clone()),
    }
}

/// `GetIPAddressFilter`.
pub(super) fn get(call: &Call<'_>) -> tds::GetIPAddressFilterResponse {
    let (mode, all) = effective(&call.device().settings.get());
    let mut filter = tt::IPAddressFilter {
        r#type: match mode {
            FilterMode::Allow => tt::IPAddressFilterType::Allow,
            FilterMode::Deny | FilterMode::Off => tt::IPAddressFilterType::Deny,
        },
        ..Default::default()
    };
    for prefix in all {
        let (address, prefix_length) = (prefix.address().to_string(), prefix.length().into());
        match prefix.address() {
            IpAddr::V4(_) => filter.ipv4_address.push(tt::PrefixedIPv4Address {
                address,
                prefix_length,
            }),
            IpAddr::V6(_) => filter.ipv6_address.push(tt::PrefixedIPv6Address {
                address,
                prefix_length,
            }),
        }
    }
    tds::GetIPAddressFilterResponse {
        ip_address_filter: filter,
    }
}

/// `SetIPAddressFilter`.
pub(super) fn set(call: &Call<'_>, wanted: &tt::IPAddressFilter) -> Answer<()> {
    let mode = match &wanted.r#type {
        tt::IPAddressFilterType::Allow => FilterMode::Allow,
        tt::IPAddressFilterType::Deny => FilterMode::Deny,
        tt::IPAddressFilterType::Other(word) => {
            let text = format!("Type {}: must be Allow or Deny", shortened(word));
            return Err(Fault::sender(&["InvalidArgVal"], text));
        }
    };
    let mut all = Vec::new();
    for prefix in prefixes(wanted)? {
        if !all.contains(&prefix) {
            all.push(prefix);
        }
    }
    write(call, mode, all)
}

/// `AddIPAddressFilter`; its type is ignored.
pub(super) fn add(call: &Call<'_>, more: &tt::IPAddressFilter) -> Answer<()> {
    let (mode, mut all) = effective(&call.device().settings.get());
    for prefix in prefixes(more)? {
        if !all.contains(&prefix) {
            all.push(prefix);
        }
    }
    write(call, mode, all)
}

/// `RemoveIPAddressFilter`; its type is ignored.
pub(super) fn remove(call: &Call<'_>, less: &tt::IPAddressFilter) -> Answer<()> {
    let (mode, mut all) = effective(&call.device().settings.get());
    for prefix in prefixes(less)? {
        let Some(at) = all.iter().position(|p| *p == prefix) else {
            let subcode = if prefix.address().is_ipv4() {
                "NoIPv4Address"
            } else {
                "NoIPv6Address"
            };
            let text = format!("{prefix} is not in the filter");
            return Err(Fault::sender(&["InvalidArgVal", subcode], text));
        };
        all.remove(at);
    }
    write(call, mode, all)
}

fn prefixes(filter: &tt::IPAddressFilter) -> Answer<Vec<IpPrefix>> {
    let v4 = filter.ipv4_address.iter();
    let v4 = v4.map(|p| {
        prefix(
            &p.address,
            p.prefix_length,
            IpAddr::is_ipv4,
            "InvalidIPv4Address",
        )
    });
    let v6 = filter.ipv6_address.iter();
    let v6 = v6.map(|p| {
        prefix(
            &p.address,
            p.prefix_length,
            IpAddr::is_ipv6,
            "InvalidIPv6Address",
        )
    });
    v4.chain(v6).collect()
}

fn prefix(
    address: &str,
    length: i32,
    family: fn(&IpAddr) -> bool,
    subcode: &'static str,
) -> Answer<IpPrefix> {
    let wrong = |why: String| Fault::sender(&["InvalidArgVal", subcode], why);
    let ip = address.trim().parse().ok().filter(family);
    let ip = ip.ok_or_else(|| wrong(format!("{}: no such address", shortened(address))))?;
    let length = u8::try_from(length)
        .map_err(|_| wrong(format!("{ip}: the prefix length {length} is out of bounds")))?;
    IpPrefix::new(ip, length).map_err(|e| wrong(format!("{ip}: {e}")))
}

fn write(call: &Call<'_>, mode: FilterMode, addresses: Vec<IpPrefix>) -> Answer<()> {
    if addresses.len() > AccessFilter::MAX {
        let text = format!(
            "{} addresses; at most {}",
            addresses.len(),
            AccessFilter::MAX
        );
        return Err(Fault::sender(
            &["InvalidArgVal", "IPFilterListIsFull"],
            text,
        ));
    }
    let change = |filter: &mut AccessFilter| {
        filter.mode = mode;
        filter.addresses = addresses;
    };
    call.device()
        .settings
        .update(call.actor, change)
        .map(drop)
        .map_err(fault::of)
}
