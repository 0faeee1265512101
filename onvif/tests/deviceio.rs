//! Relay outputs and digital inputs, in Device IO and in the device service (test cases DEVICEIO-1..3,
//! DEVICE-5-1; HW-2, HW-3, ALARM-9..11).

mod common;

use std::time::Duration;

use common::{ADMIN, As, Bench};
use onvif_contracts::{tds, tmd, tt};
use platecam_model::{
    Actor, Secret, UserLevel,
    auth::NewUser,
    io::Io,
    settings::{AlarmIo, OutputMode},
    testing::{PASSWORD, customised},
};

const IO: &str = "/onvif/deviceio_service";
const EVENTS: &str = "/onvif/event_service";

async fn relays(bench: &Bench) -> Vec<tt::RelayOutput> {
    let answer = bench.call(IO, "<tds:GetRelayOutputs/>", ADMIN).await;
    answer.read::<tds::GetRelayOutputsResponse>().relay_outputs
}

async fn inputs(bench: &Bench) -> Vec<tt::DigitalInput> {
    let answer = bench.call(IO, "<tmd:GetDigitalInputs/>", ADMIN).await;
    answer
        .read::<tmd::GetDigitalInputsResponse>()
        .digital_inputs
}

async fn capabilities(bench: &Bench) -> tmd::Capabilities {
    let body = "<tmd:GetServiceCapabilities/>";
    let answer = bench.call(IO, body, As::Nobody).await;
    answer
        .read::<tmd::GetServiceCapabilitiesResponse>()
        .capabilities
}

fn settings(token: &str, mode: &str, delay: &str, idle: &str) -> String {
    format!(
        "<tmd:SetRelayOutputSettings><tmd:RelayOutput token=\"{token}\"><tt:Properties><tt:Mode>{mode}</tt:Mode>\
         <tt:DelayTime>{delay}</tt:DelayTime><tt:IdleState>{idle}</tt:IdleState></tt:Properties></tmd:RelayOutput></tmd:SetRelayOutputSettings>"
    )
}

fn state(token: &str, state: &str) -> String {
    format!(
        "<tds:SetRelayOutputState><tds:RelayOutputToken>{token}</tds:RelayOutputToken><tds:LogicalState>{state}</tds:LogicalState></tds:SetRelayOutputState>"
    )
}

fn idle(states: &[(&str, &str)]) -> String {
    let one = |(token, idle): &(&str, &str)| {
        format!("<tmd:DigitalInputs token=\"{token}\" IdleState=\"{idle}\"/>")
    };
    let all: String = states.iter().map(one).collect();
    format!("<tmd:SetDigitalInputConfigurations>{all}</tmd:SetDigitalInputConfigurations>")
}

async fn done(bench: &Bench, body: &str) {
    let answer = bench.call(IO, body, ADMIN).await;
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
}

#[tokio::test]
async fn counts_are_the_same_everywhere() {
    let bench = Bench::new();
    let said = capabilities(&bench).await;
    assert_eq!(said.relay_outputs, Some(2));
    assert_eq!(said.digital_inputs, Some(2));
    assert_eq!(relays(&bench).await.len(), 2);
    assert_eq!(inputs(&bench).await.len(), 2);
    let old = bench.call(IO, "<tds:GetCapabilities/>", As::Nobody).await;
    let old: tds::GetCapabilitiesResponse = old.read();
    let io = old.capabilities.device.unwrap().io.unwrap();
    assert_eq!((io.relay_outputs, io.input_connectors), (Some(2), Some(2)));
    let device_io = old.capabilities.extension.unwrap().device_io.unwrap();
    assert_eq!((device_io.relay_outputs, device_io.video_sources), (2, 1));
}

/// DEVICEIO-1-1-3, DEVICEIO-1-1-4, DEVICE-5-1-3.
#[tokio::test]
async fn settings_of_relays_are_read_back() {
    let bench = Bench::new();
    let one = "<tmd:GetRelayOutputOptions><tmd:RelayOutputToken>relay_2</tmd:RelayOutputToken></tmd:GetRelayOutputOptions>";
    let options: tmd::GetRelayOutputOptionsResponse = bench.call(IO, one, As::Nobody).await.read();
    let [options] = options.relay_output_options.as_slice() else {
        panic!("{options:?}")
    };
    assert_eq!(options.token, "relay_2");
    assert_eq!(options.mode.len(), 2);
    assert_eq!(options.delay_times.as_ref().unwrap().0, [1.0, 300.0]);
    for (mode, idle) in [
        ("Bistable", "open"),
        ("Bistable", "closed"),
        ("Monostable", "open"),
        ("Monostable", "closed"),
    ] {
        done(&bench, &settings("relay_2", mode, "PT5S", idle)).await;
        let told = &relays(&bench).await[1];
        assert_eq!(told.token, "relay_2");
        assert_eq!(told.properties.mode.as_str(), mode);
        assert_eq!(told.properties.idle_state.as_str(), idle);
        if mode == "Monostable" {
            assert_eq!(told.properties.delay_time.seconds, 5);
        }
    }
    // The device service has the same relays.
    let old = "<tds:SetRelayOutputSettings><tds:RelayOutputToken>relay_1</tds:RelayOutputToken><tds:Properties><tt:Mode>Monostable</tt:Mode>\
               <tt:DelayTime>PT2M</tt:DelayTime><tt:IdleState>open</tt:IdleState></tds:Properties></tds:SetRelayOutputSettings>";
    done(&bench, old).await;
    assert_eq!(relays(&bench).await[0].properties.delay_time.seconds, 120);
    let before = relays(&bench).await;
    for (body, subcodes) in [
        (
            settings("OnvifTest123", "Bistable", "PT5S", "open"),
            &["InvalidArgVal", "RelayToken"][..],
        ),
        (
            settings("relay_1", "Monostable", "PT0S", "open"),
            &["InvalidArgVal", "ModeError"],
        ),
        (
            settings("relay_1", "Monostable", "P1D", "open"),
            &["InvalidArgVal", "ModeError"],
        ),
        (
            settings("relay_1", "Monostable", "-PT5S", "open"),
            &["InvalidArgVal", "ModeError"],
        ),
        (
            settings("relay_1", "Tristable", "PT5S", "open"),
            &["InvalidArgVal", "ModeError"],
        ),
        (
            state("OnvifTest123", "active"),
            &["InvalidArgVal", "RelayToken"],
        ),
        (state("relay_3", "active"), &["InvalidArgVal", "RelayToken"]),
        (state("relay_1", "on"), &["InvalidArgVal"]),
    ] {
        let fault = bench.call(IO, &body, ADMIN).await.fault();
        assert_eq!(fault[0], "Sender", "{body}");
        assert_eq!(fault[1..], *subcodes, "{body}");
    }
    assert_eq!(relays(&bench).await, before);
}

/// DEVICE-5-1-5..9: contacts follow state, mode and idle state.
#[tokio::test]
async fn relays_are_switched() {
    let bench = Bench::new();
    for (idle, rest) in [("open", false), ("closed", true)] {
        done(&bench, &settings("relay_1", "Bistable", "PT5S", idle)).await;
        assert_eq!(bench.test.outputs.contacts()[0], rest);
        done(&bench, &state("relay_1", "active")).await;
        assert_eq!(bench.test.outputs.contacts()[0], !rest);
        done(&bench, &state("relay_1", "inactive")).await;
        assert_eq!(bench.test.outputs.contacts()[0], rest);
        done(&bench, &settings("relay_1", "Monostable", "PT5S", idle)).await;
        done(&bench, &state("relay_1", "active")).await;
        assert_eq!(bench.test.outputs.contacts()[0], !rest);
        bench.test.clock.advance(Duration::from_secs(5));
        bench.test.device.serve_outputs();
        assert_eq!(bench.test.outputs.contacts()[0], rest);
    }
    // Operators switch (ACTUATE), users do not.
    for (name, level, status) in [
        ("guard", UserLevel::Operator, 200),
        ("guest", UserLevel::User, 403),
    ] {
        let new = NewUser::new(name, Secret::new(PASSWORD), level);
        let accounts = &bench.test.device.accounts;
        accounts.create(vec![new], &Actor::system()).unwrap();
        let by = As::Digest(name, PASSWORD);
        let answer = bench.call(IO, &state("relay_1", "active"), by).await;
        assert_eq!(answer.status, status, "{name}");
        let set = settings("relay_1", "Bistable", "PT5S", "open");
        assert_eq!(bench.call(IO, &set, by).await.status, status, "{name}");
    }
    let stored = bench.test.device.settings.get::<AlarmIo>();
    assert_eq!(stored.output1.mode, OutputMode::Bistable);
}

/// DEVICEIO-3-1-3, DEVICEIO-3-1-4: all or nothing.
#[tokio::test]
async fn idle_states_of_inputs_are_read_back() {
    let bench = Bench::new();
    for token in ["", "<tmd:Token>input_1</tmd:Token>"] {
        let body = format!(
            "<tmd:GetDigitalInputConfigurationOptions>{token}</tmd:GetDigitalInputConfigurationOptions>"
        );
        let options: tmd::GetDigitalInputConfigurationOptionsResponse =
            bench.call(IO, &body, ADMIN).await.read();
        assert_eq!(options.digital_input_options.idle_state.len(), 2);
    }
    done(&bench, &idle(&[("input_1", "closed"), ("input_2", "open")])).await;
    let states = |all: Vec<tt::DigitalInput>| -> Vec<String> {
        let state = |i: tt::DigitalInput| i.idle_state.unwrap().as_str().to_owned();
        all.into_iter().map(state).collect()
    };
    assert_eq!(states(inputs(&bench).await), ["closed", "open"]);
    for (wrong, subcode) in [
        (
            idle(&[("input_2", "closed"), ("input_9", "open")]),
            "NoConfig",
        ),
        (
            idle(&[("input_2", "closed"), ("input_1", "ajar")]),
            "SettingsInvalid",
        ),
    ] {
        let fault = bench.call(IO, &wrong, ADMIN).await.fault();
        assert_eq!(fault, ["Sender", "InvalidArgVal", subcode], "{wrong}");
        assert_eq!(states(inputs(&bench).await), ["closed", "open"]);
    }
}

/// DEVICEIO-1-2-1..4, DEVICEIO-2-1-1: the state at first, then each change.
#[tokio::test]
async fn changes_are_told_as_properties() {
    let bench = Bench::new();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = bench.service.clone();
    let run = tokio::spawn(async move {
        service
            .run(async {
                let _ = stopped.await;
            })
            .await;
    });
    let subscribe = "<tev:CreatePullPointSubscription><tev:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:Device/Trigger//.</wsnt:TopicExpression></tev:Filter></tev:CreatePullPointSubscription>";
    let made = bench.call(EVENTS, subscribe, ADMIN).await;
    let made: onvif_contracts::tev::CreatePullPointSubscriptionResponse = made.read();
    let (_, path) = made
        .subscription_reference
        .address
        .value
        .split_once(":8080")
        .unwrap();
    let mut told = String::new();
    let pull = "<tev:PullMessages><tev:Timeout>PT60S</tev:Timeout><tev:MessageLimit>20</tev:MessageLimit></tev:PullMessages>";
    let first = bench.call(path, pull, ADMIN).await;
    told.push_str(first.text());
    for token in ["relay_1", "relay_2", "input_1", "input_2"] {
        assert!(told.contains(&format!("Value=\"{token}\"")), "{told}");
    }
    assert_eq!(told.matches("PropertyOperation=\"Initialized\"").count(), 4);
    assert_eq!(
        told.matches("Name=\"LogicalState\" Value=\"inactive\"")
            .count(),
        2
    );
    assert_eq!(
        told.matches("Name=\"LogicalState\" Value=\"false\"")
            .count(),
        2
    );
    done(&bench, &state("relay_2", "active")).await;
    let changed = bench.call(path, pull, ADMIN).await;
    for part in [
        "Device/Trigger/Relay",
        "relay_2",
        "Value=\"active\"",
        "Changed",
    ] {
        assert!(changed.text().contains(part), "{part}: {}", changed.text());
    }
    bench.test.device.contact_seen(0, true);
    let changed = bench.call(path, pull, ADMIN).await;
    for part in ["Device/Trigger/DigitalInput", "input_1", "Value=\"true\""] {
        assert!(changed.text().contains(part), "{part}: {}", changed.text());
    }
    drop(stop);
    run.await.unwrap();
}

/// GEN-24: what is not there is not announced.
#[tokio::test]
async fn a_unit_without_lines_announces_none() {
    let none = customised(|parts| {
        struct None;
        impl platecam_model::ports::RelayOutputs for None {
            fn count(&self) -> usize {
                0
            }

            fn set(&self, index: usize, _: bool) -> platecam_model::Result<()> {
                let token = index.to_string();
                Err(platecam_model::Error::not_found("relay output", token))
            }
        }
        parts.io = std::sync::Arc::new(Io::new(std::sync::Arc::new(None), 0));
    });
    let by = Actor::system();
    let accounts = &none.device.accounts;
    accounts
        .initialise(Secret::new(PASSWORD), None, &by)
        .unwrap();
    let bench = Bench::over(none);
    let said = capabilities(&bench).await;
    assert_eq!(
        (said.relay_outputs, said.digital_inputs),
        (Some(0), Some(0))
    );
    assert_eq!(said.digital_input_options, Some(false));
    assert!(relays(&bench).await.is_empty() && inputs(&bench).await.is_empty());
    let topics = bench.call(EVENTS, "<tev:GetEventProperties/>", ADMIN).await;
    assert!(!topics.text().contains("Trigger"), "{}", topics.text());
    let with = Bench::new();
    let topics = with.call(EVENTS, "<tev:GetEventProperties/>", ADMIN).await;
    assert!(topics.text().contains("DigitalInput"));
}

/// DEVICEIO-6-1-2, -3, -5, -8; HW-4: what is set is the section; what is outside the options changes nothing; bytes go
/// and come back, up to length or delimiter.
#[tokio::test]
async fn serial_ports_are_set_and_spoken_to() {
    use platecam_model::settings::{Parity, SerialLines};
    const IO: &str = "/onvif/deviceio_service";
    let bench = Bench::new();
    let set = |kind: &str, baud: &str, parity: &str, bits: &str, stop: &str| {
        format!(
            "<tmd:SetSerialPortConfiguration><tmd:SerialPortConfiguration token='serial_2' type='{kind}'>\
             <tmd:BaudRate>{baud}</tmd:BaudRate><tmd:ParityBit>{parity}</tmd:ParityBit>\
             <tmd:CharacterLength>{bits}</tmd:CharacterLength><tmd:StopBit>{stop}</tmd:StopBit>\
             </tmd:SerialPortConfiguration><tmd:ForcePersistance>true</tmd:ForcePersistance>\
             </tmd:SetSerialPortConfiguration>"
        )
    };
    let good = set("RS232", "115200", "Odd", "7", "2");
    let answer = bench.call(IO, &good, ADMIN).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stored = || {
        bench
            .test
            .device
            .settings
            .get::<SerialLines>()
            .port2
            .clone()
    };
    let before = stored();
    assert_eq!(
        (
            before.baud_rate.get(),
            before.parity,
            before.character_length.get(),
            before.stop_bits.get()
        ),
        (115_200, Parity::Odd, 7, 2)
    );
    for bad in [
        set("RS485HalfDuplex", "9600", "Odd", "7", "2"),
        set("RS232", "9601", "Odd", "7", "2"),
        set("RS232", "-1", "Odd", "7", "2"),
        set("RS232", "9600", "Mark", "7", "2"),
        set("RS232", "9600", "Odd", "9", "2"),
        set("RS232", "9600", "Odd", "7", "1.5"),
        set("RS232", "9600", "Odd", "7", "3"),
    ] {
        let answer = bench.call(IO, &bad, ADMIN).await;
        assert_eq!(
            answer.fault(),
            ["Sender", "InvalidArgVal", "ConfigModify"],
            "{bad}"
        );
    }
    assert_eq!(stored(), before);
    let send = |data: &str, rest: &str| {
        format!(
            "<tmd:SendReceiveSerialCommand><tmd:SerialData>{data}</tmd:SerialData>{rest}</tmd:SendReceiveSerialCommand>"
        )
    };
    let text = "<tmd:String>a;b</tmd:String>";
    for (data, rest, expect) in [
        (text, "", "String>a;b<"),
        (text, "<tmd:Delimiter>;</tmd:Delimiter>", "String>a;<"),
        (text, "<tmd:DataLength>1</tmd:DataLength>", "String>a<"),
        (
            text,
            "<tmd:TimeOut>-PT1S</tmd:TimeOut><tmd:Delimiter>;</tmd:Delimiter>",
            "String>a;<",
        ),
        ("<tmd:Binary>AP8=</tmd:Binary>", "", "Binary>AP8=<"),
    ] {
        let answer = bench.call(IO, &send(data, rest), ADMIN).await;
        assert!(
            answer.text().contains(expect),
            "{expect}: {}",
            answer.text()
        );
    }
    let long = format!("<tmd:Delimiter>{}</tmd:Delimiter>", ";".repeat(4097));
    for (rest, subcodes) in [
        (
            "<tmd:DataLength>-1</tmd:DataLength>",
            &["InvalidArgVal"][..],
        ),
        ("<tmd:TimeOut>-PT2S</tmd:TimeOut>", &["InvalidArgVal"]),
        (
            "<tmd:DataLength>4097</tmd:DataLength>",
            &["OperationProhibited", "DataLengthOver"],
        ),
        (&long, &["OperationProhibited", "DelimiterNotSupported"]),
    ] {
        let answer = bench.call(IO, &send(text, rest), ADMIN).await;
        assert_eq!(answer.fault()[1..], *subcodes, "{}", answer.text());
    }
}
