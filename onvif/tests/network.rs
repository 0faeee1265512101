//! The host's network over ONVIF (NET-1..10): what is set is read back, a new address is on trial until its user calls over it.

mod common;

use std::{net::IpAddr, time::Duration};

use common::{ADMIN, Answer, Bench, envelope};
use http::Method;
use onvif_contracts::{tds, tt};
use platecam_model::{
    Actor,
    ports::Network,
    settings::{Ipv4Mode, NetIp},
};

const DEVICE: &str = "/onvif/device_service";

fn serve(bench: &Bench) {
    for _ in 0..2 {
        bench.test.device.serve_network();
        bench.test.clock.advance(Duration::from_secs(1));
    }
}

fn bench() -> Bench {
    let bench = Bench::new();
    serve(&bench);
    bench
}

async fn call(bench: &Bench, body: &str) -> Answer {
    let answer = bench.call(DEVICE, body, ADMIN).await;
    serve(bench);
    answer
}

async fn first(bench: &Bench) -> tt::NetworkInterface {
    let answer = bench
        .call(DEVICE, "<tds:GetNetworkInterfaces/>", ADMIN)
        .await;
    let all: tds::GetNetworkInterfacesResponse = answer.read();
    all.network_interfaces.into_iter().next().unwrap()
}

fn set(token: &str, inner: &str) -> String {
    format!(
        "<tds:SetNetworkInterfaces><tds:InterfaceToken>{token}</tds:InterfaceToken><tds:NetworkInterface>{inner}</tds:NetworkInterface></tds:SetNetworkInterfaces>"
    )
}

fn fixed(address: &str, prefix: &str) -> String {
    format!(
        "<tt:IPv4><tt:Enabled>true</tt:Enabled><tt:Manual><tt:Address>{address}</tt:Address><tt:PrefixLength>{prefix}</tt:PrefixLength></tt:Manual><tt:DHCP>false</tt:DHCP></tt:IPv4>"
    )
}

/// The unit is reached at `local` by its administrator.
async fn reached(bench: &Bench, local: &str) {
    let mut request = Bench::request(Method::POST, DEVICE);
    request.local = Some(local.parse().unwrap());
    let body = envelope(
        &bench.token("admin", platecam_model::testing::PASSWORD),
        "<tds:GetUsers/>",
    );
    assert_eq!(bench.raw(request, body).await.status, 200);
    serve(bench);
}

/// DEVICE-2-1-17: a static address, confirmed by the next request over it.
#[tokio::test]
async fn a_new_address_is_kept_once_its_user_calls_over_it() {
    let bench = bench();
    let token = first(&bench).await.token;
    let answer = call(&bench, &set(&token, &fixed("192.0.2.77", "24"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let done: tds::SetNetworkInterfacesResponse = answer.read();
    assert!(!done.reboot_needed);
    let v4 = first(&bench).await.ipv4.unwrap().config;
    assert_eq!(
        (v4.dhcp, v4.manual[0].address.as_str()),
        (false, "192.0.2.77")
    );
    let admin = Actor::system();
    let trial = |bench: &Bench| {
        bench
            .test
            .device
            .network_report(&admin, None)
            .unwrap()
            .trial
    };
    assert!(
        trial(&bench).is_some(),
        "it came in at the old address: nothing is proven"
    );
    reached(&bench, "192.0.2.77:8080").await;
    assert!(trial(&bench).is_none());
    bench.test.clock.advance(Duration::from_secs(600));
    serve(&bench);
    assert_eq!(
        first(&bench).await.ipv4.unwrap().config.manual[0].address,
        "192.0.2.77"
    );
}

/// NET-10: nobody came, so everything is as it was.
#[tokio::test]
async fn an_address_over_which_nobody_comes_goes_back() {
    let bench = bench();
    let before = first(&bench).await;
    call(&bench, &set(&before.token, &fixed("198.51.100.7", "24"))).await;
    assert_ne!(first(&bench).await, before);
    bench.test.clock.advance(Duration::from_secs(600));
    serve(&bench);
    let address =
        |i: &tt::NetworkInterface| i.ipv4.as_ref().unwrap().config.manual[0].address.clone();
    assert_eq!(address(&first(&bench).await), address(&before));
}

/// NET-5..7, NET-4: each refusal has the fault of the contract and changes nothing.
#[tokio::test]
async fn what_is_refused_is_named() {
    let bench = bench();
    let token = first(&bench).await.token;
    let gateway = |ip: &str| {
        format!(
            "<tds:SetNetworkDefaultGateway><tds:IPv4Address>{ip}</tds:IPv4Address></tds:SetNetworkDefaultGateway>"
        )
    };
    let dns = |ip: &str| {
        format!(
            "<tds:SetDNS><tds:FromDHCP>false</tds:FromDHCP><tds:DNSManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>{ip}</tt:IPv4Address></tds:DNSManual></tds:SetDNS>"
        )
    };
    let before = bench.test.device.settings.get::<NetIp>();
    for (body, fault) in [
        (
            set("eth9", &fixed("192.0.2.77", "24")),
            "InvalidNetworkInterface",
        ),
        (
            set(&token, "<tt:Enabled>false</tt:Enabled>"),
            "InvalidNetworkInterface",
        ),
        (set(&token, "<tt:MTU>9000</tt:MTU>"), "SetMtuNotSupported"),
        (
            set(&token, &fixed("300.0.2.77", "24")),
            "InvalidIPv4Address",
        ),
        (set(&token, &fixed("224.0.0.1", "24")), "InvalidIPv4Address"),
        (
            set(&token, &fixed("192.0.2.255", "24")),
            "InvalidIPv4Address",
        ),
        (
            set(&token, &fixed("192.0.2.77", "33")),
            "InvalidIPv4Address",
        ),
        (gateway("224.0.0.1"), "InvalidGatewayAddress"),
        (gateway("gate"), "InvalidGatewayAddress"),
        (dns("ns.example"), "InvalidIPv4Address"),
        (
            "<tds:SetHostname><tds:Name>gate_1</tds:Name></tds:SetHostname>".into(),
            "InvalidHostname",
        ),
    ] {
        let answer = call(&bench, &body).await;
        assert!(
            answer.status == 400 && answer.text().contains(fault),
            "{body}: {}",
            answer.text()
        );
    }
    assert_eq!(*bench.test.device.settings.get::<NetIp>(), *before);
    bench.test.network.fix(true);
    let answer = call(&bench, &set(&token, &fixed("192.0.2.77", "24"))).await;
    assert!(
        answer.text().contains("ActionNotSupported"),
        "{}",
        answer.text()
    );
}

/// What can be set is announced, and what cannot is not.
#[tokio::test]
async fn it_is_announced_whether_the_host_can_be_changed() {
    let unsupported = async |bench: &Bench| {
        let answer = bench
            .call(DEVICE, "<tds:GetServiceCapabilities/>", ADMIN)
            .await;
        let all: tds::GetServiceCapabilitiesResponse = answer.read();
        all.capabilities.system.network_config_not_supported
    };
    let bench = bench();
    assert_eq!(unsupported(&bench).await, Some(false));
    bench.test.network.fix(true);
    bench.test.clock.advance(Duration::from_secs(120));
    serve(&bench);
    assert_eq!(unsupported(&bench).await, Some(true));
}

/// NET-3, NET-7..9: DHCP, servers and gateway by themselves leave the other parts as they are.
#[tokio::test]
async fn one_part_leaves_the_others() {
    let bench = bench();
    let token = first(&bench).await.token;
    call(&bench, &set(&token, &fixed("192.0.2.77", "24"))).await;
    reached(&bench, "192.0.2.77:8080").await;
    let body = "<tds:SetDNS><tds:FromDHCP>false</tds:FromDHCP><tds:DNSManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>192.0.2.53</tt:IPv4Address></tds:DNSManual></tds:SetDNS>";
    assert_eq!(call(&bench, body).await.status, 200);
    let body = "<tds:SetNetworkDefaultGateway><tds:IPv4Address>192.0.2.254</tds:IPv4Address></tds:SetNetworkDefaultGateway>";
    assert_eq!(call(&bench, body).await.status, 200);
    let body = "<tds:SetHostname><tds:Name>gate-1</tds:Name></tds:SetHostname>";
    assert_eq!(call(&bench, body).await.status, 200);
    let set_now = bench.test.device.settings.get::<NetIp>();
    assert_eq!(set_now.ipv4_mode, Ipv4Mode::Static);
    assert_eq!(set_now.ipv4_address.to_string(), "192.0.2.77");
    assert_eq!(set_now.ipv4_gateway.to_string(), "192.0.2.254");
    assert_eq!(set_now.dns_preferred.to_string(), "192.0.2.53");
    let dns: tds::GetDNSResponse = bench.call(DEVICE, "<tds:GetDNS/>", ADMIN).await.read();
    assert!(!dns.dns_information.from_dhcp);
    assert_eq!(
        dns.dns_information.dns_manual[0].ipv4_address.as_deref(),
        Some("192.0.2.53")
    );
    let name: tds::GetHostnameResponse =
        bench.call(DEVICE, "<tds:GetHostname/>", ADMIN).await.read();
    assert_eq!(name.hostname_information.name.as_deref(), Some("gate-1"));

    let dhcp = "<tt:IPv4><tt:Enabled>true</tt:Enabled><tt:DHCP>true</tt:DHCP></tt:IPv4>";
    assert_eq!(call(&bench, &set(&token, dhcp)).await.status, 200);
    assert!(first(&bench).await.ipv4.unwrap().config.dhcp);
}

/// NET-7, DEVICE-2-1-30: a gateway that comes before its address waits, is told, and is used with the address.
#[tokio::test]
async fn a_gateway_may_come_before_its_address() {
    let bench = bench();
    let token = first(&bench).await.token;
    call(&bench, &set(&token, &fixed("192.0.2.77", "24"))).await;
    reached(&bench, "192.0.2.77:8080").await;
    let body = |ip: &str| {
        format!(
            "<tds:SetNetworkDefaultGateway><tds:IPv4Address>{ip}</tds:IPv4Address></tds:SetNetworkDefaultGateway>"
        )
    };
    let told = async || {
        let body = "<tds:GetNetworkDefaultGateway/>";
        let all: tds::GetNetworkDefaultGatewayResponse =
            bench.call(DEVICE, body, ADMIN).await.read();
        all.network_gateway.ipv4_address
    };
    let used = || bench.test.network.gateways();
    assert_eq!(call(&bench, &body("192.0.2.1")).await.status, 200);
    reached(&bench, "192.0.2.77:8080").await;
    assert_eq!(used(), [IpAddr::from([192, 0, 2, 1])]);
    assert_eq!(call(&bench, &body("198.51.100.1")).await.status, 200);
    assert_eq!(told().await, ["198.51.100.1"]);
    assert_eq!(used(), [IpAddr::from([192, 0, 2, 1])]);
    let report = bench.test.device.network_report(&Actor::system(), None);
    let report = report.unwrap();
    assert!(report.trial.is_none(), "nothing that is in use changed");
    assert_eq!(report.waiting_gateways[0].segment, "192.0.2.77/24");
    // The one in use is wanted again.
    assert_eq!(call(&bench, &body("192.0.2.1")).await.status, 200);
    assert_eq!(told().await, ["192.0.2.1"]);

    assert_eq!(call(&bench, &body("198.51.100.1")).await.status, 200);
    call(&bench, &set(&token, &fixed("198.51.100.7", "24"))).await;
    reached(&bench, "198.51.100.7:8080").await;
    assert_eq!(used(), [IpAddr::from([198, 51, 100, 1])]);
    let net = bench.test.device.settings.get::<NetIp>();
    assert_eq!(net.ipv4_gateway.to_string(), "198.51.100.1");
    assert!(net.waiting_gateways().is_empty());

    assert_eq!(call(&bench, &body("192.0.2.1")).await.status, 200);
    let none = "<tds:SetNetworkDefaultGateway/>";
    assert_eq!(call(&bench, none).await.status, 200);
    assert!(told().await.is_empty());
}

/// DEVICE-2-1-5: domains are read back; what is none is refused.
#[tokio::test]
async fn search_domains_are_read_back() {
    let bench = bench();
    let body = |domains: &str| {
        format!("<tds:SetDNS><tds:FromDHCP>false</tds:FromDHCP>{domains}</tds:SetDNS>")
    };
    let domain = |name: &str| format!("<tds:SearchDomain>{name}</tds:SearchDomain>");
    let two = domain("site.example") + &domain("example");
    assert_eq!(call(&bench, &body(&two)).await.status, 200);
    let told = async || {
        let dns: tds::GetDNSResponse = bench.call(DEVICE, "<tds:GetDNS/>", ADMIN).await.read();
        dns.dns_information.search_domain
    };
    assert_eq!(told().await, ["site.example", "example"]);
    for bad in [domain("a b"), domain("192.0.2.1"), domain("a").repeat(7)] {
        let fault = call(&bench, &body(&bad)).await.fault();
        assert_eq!(
            fault,
            ["Sender", "InvalidArgVal", "InvalidDnsName"],
            "{bad}"
        );
    }
    assert_eq!(told().await, ["site.example", "example"]);
    assert_eq!(call(&bench, &body("")).await.status, 200);
    assert!(told().await.is_empty());
}

/// IPCONFIG-1-1-5: an address of the link beside the other one, on and off.
#[tokio::test]
async fn zero_configuration_is_switched() {
    let bench = bench();
    let token = first(&bench).await.token;
    let told = async || {
        let all: tds::GetZeroConfigurationResponse = bench
            .call(DEVICE, "<tds:GetZeroConfiguration/>", ADMIN)
            .await
            .read();
        all.zero_configuration
    };
    let set = |token: &str, on: bool| {
        format!(
            "<tds:SetZeroConfiguration><tds:InterfaceToken>{token}</tds:InterfaceToken><tds:Enabled>{on}</tds:Enabled></tds:SetZeroConfiguration>"
        )
    };
    let before = told().await;
    assert_eq!(
        (before.interface_token.as_str(), before.enabled),
        ("eth0", false)
    );
    assert!(before.addresses.is_empty());
    let fault = call(&bench, &set("eth9", true)).await.fault();
    assert_eq!(
        fault,
        ["Sender", "InvalidArgVal", "InvalidNetworkInterface"]
    );
    assert_eq!(call(&bench, &set(&token, true)).await.status, 200);
    let on = told().await;
    assert!(on.enabled);
    assert_eq!(on.addresses, ["169.254.7.8"]);
    let v4 = first(&bench).await.ipv4.unwrap().config;
    assert_eq!(v4.link_local.unwrap().address, "169.254.7.8");
    assert_eq!(v4.manual[0].address, "192.0.2.10", "the other stays");
    assert_eq!(call(&bench, &set(&token, false)).await.status, 200);
    let off = told().await;
    assert!(!off.enabled && off.addresses.is_empty(), "{off:?}");
}

/// NET-4: the name of the lease while the address comes from DHCP, the entered one again afterwards.
#[tokio::test]
async fn dhcp_names_the_unit_when_it_may() {
    let bench = bench();
    let token = first(&bench).await.token;
    let from_dhcp = |on: bool| {
        format!(
            "<tds:SetHostnameFromDHCP><tds:FromDHCP>{on}</tds:FromDHCP></tds:SetHostnameFromDHCP>"
        )
    };
    let name = async || {
        let told: tds::GetHostnameResponse =
            bench.call(DEVICE, "<tds:GetHostname/>", ADMIN).await.read();
        let told = told.hostname_information;
        (told.from_dhcp, told.name.unwrap())
    };
    let fault = call(&bench, &from_dhcp(true)).await.fault();
    assert_eq!(
        fault,
        ["Sender", "InvalidArgVal"],
        "the address is a static one"
    );
    let gate = "<tds:SetHostname><tds:Name>gate-1</tds:Name></tds:SetHostname>";
    assert_eq!(call(&bench, gate).await.status, 200);
    let dhcp = "<tt:IPv4><tt:Enabled>true</tt:Enabled><tt:DHCP>true</tt:DHCP></tt:IPv4>";
    assert_eq!(call(&bench, &set(&token, dhcp)).await.status, 200);
    reached(&bench, "192.0.2.100:8080").await;
    assert_eq!(name().await, (false, "gate-1".into()));
    let done: tds::SetHostnameFromDHCPResponse = call(&bench, &from_dhcp(true)).await.read();
    assert!(!done.reboot_needed);
    bench.test.clock.advance(Duration::from_secs(10));
    serve(&bench);
    assert_eq!(name().await, (true, "leased-1".into()));
    assert_eq!(call(&bench, &from_dhcp(false)).await.status, 200);
    serve(&bench);
    assert_eq!(name().await, (false, "gate-1".into()));
    assert_eq!(bench.test.device.network.hostname(), "gate-1");
}
