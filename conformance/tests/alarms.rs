//! Alarms of the running camera: from a simulated contact to the output, the events over ONVIF, the list and the mail.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, output};
use serde_json::{Value, json};

/// A wait for something that must happen; only a broken program waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

fn simulated(initialised: bool) -> Options {
    Options {
        source: QUIET.into(),
        initialised,
        args: ["--host", "simulated", "--no-discovery"]
            .map(String::from)
            .to_vec(),
        ..Options::default()
    }
}

/// Takes every mail at this port; each is told.
fn mail_server(listener: TcpListener) -> mpsc::Receiver<String> {
    let (tx, mails) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = take_mail(stream, &tx);
        }
    });
    mails
}

fn take_mail(stream: TcpStream, tx: &mpsc::Sender<String>) -> std::io::Result<()> {
    let mut wire = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut say = |text: &str| wire.write_all(format!("{text}\r\n").as_bytes());
    say("220 test")?;
    while let Some(line) = lines.next().transpose()? {
        match line.to_uppercase().as_str() {
            "DATA" => {
                say("354 go on")?;
                let mut mail = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                say("250 taken")?;
                let _ = tx.send(mail);
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 ok")?,
        }
    }
    Ok(())
}

/// Calls an operation of the event service over Digest.
fn call(camera: &Camera, body: &str) -> String {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:tev=\"http://www.onvif.org/ver10/events/wsdl\"><s:Body>{body}</s:Body></s:Envelope>"
    );
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", "--digest", "-u"])
        .arg(format!("admin:{PASSWORD}"))
        .args(["-H", "Content-Type: application/soap+xml", "-d", &envelope])
        .arg(camera.url("/onvif/event_service"));
    output(&mut curl, PATIENCE).unwrap()
}

async fn set(web: &Web, key: &str, value: Value) {
    let (status, answer) = web.change(key, value).await.unwrap();
    assert_eq!(status, 200, "{key}: {answer}");
}

/// Asks until it holds.
async fn until(web: &Web, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = web.get(path).await.unwrap();
        if holds(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{path}: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The log has it; it writes beside what happens.
async fn logged(web: &Web, text: &str) {
    until(web, "/api/v1/log?kind=alarm", |log| {
        log.to_string().contains(text)
    })
    .await;
}

/// Closes or opens the contact of an input, and waits until the camera saw it.
async fn contact(web: &Web, state: &Path, input: usize, closed: bool) {
    let text = if closed { "1" } else { "0" };
    fs::create_dir_all(state.join("simulated")).unwrap();
    fs::write(state.join(format!("simulated/input{input}")), text).unwrap();
    until(web, "/api/v1/io", |io| {
        io["inputs"][input - 1]["active"] == closed
    })
    .await;
}

fn mail_settings(port: u16) -> Value {
    json!({"enabled": true, "sender": "camera@example.org", "host": "127.0.0.1", "port": port, "encryption": "None",
        "receivers": ["guard@example.org"], "attachments": true})
}

const ALARMS: &str = "/api/v1/alarms";

/// GEN-18, GEN-19, ALARM-1..11, MAIL-6, MAIL-10: one edge, and everything that follows from it.
#[tokio::test(flavor = "multi_thread")]
async fn an_edge_becomes_an_alarm_with_all_that_is_linked() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mails = mail_server(listener);
    let camera = Camera::start_in(&simulated(true), &state).unwrap();
    let web = Web::login(&camera).await.unwrap();
    until(&web, "/api/v1/status", |s| {
        s["source_state"]["state"] == "running"
    })
    .await;
    // What was never seen has no edge.
    for input in [1, 2] {
        for closed in [true, false] {
            contact(&web, &state, input, closed).await;
        }
    }
    set(&web, "net.mail", mail_settings(port)).await;
    let linked = json!({"enabled": true, "interval_seconds": 100, "output1": true, "duration_seconds": 2,
        "send_email": true, "snapshot": true});
    set(&web, "event.alarm_inputs", json!({"input1": linked})).await;
    set(&web, "io", json!({"input1": {"name": "Loop"}})).await;
    call(
        &camera,
        "<tev:CreatePullPointSubscription><tev:InitialTerminationTime>PT60S</tev:InitialTerminationTime></tev:CreatePullPointSubscription>",
    );
    contact(&web, &state, 1, true).await;

    // Over ONVIF: the input, then the output, then the output's end.
    let (mut told, end) = (String::new(), Instant::now() + PATIENCE);
    let wanted = [
        r#"Name="LogicalState" Value="true""#,
        r#"Name="LogicalState" Value="active""#,
    ];
    while !wanted.iter().all(|w| told.contains(w)) {
        assert!(Instant::now() < end, "{told}");
        told += &call(
            &camera,
            "<tev:PullMessages><tev:Timeout>PT2S</tev:Timeout><tev:MessageLimit>64</tev:MessageLimit></tev:PullMessages>",
        );
    }
    assert!(told.contains("tns1:Device/Trigger/DigitalInput"), "{told}");
    assert!(told.contains("tns1:Device/Trigger/Relay"), "{told}");
    until(&web, "/api/v1/io", |io| io["outputs"][0]["active"] == false).await;

    let mail = mails.recv_timeout(PATIENCE).expect("a mail");
    for part in [
        "guard@example.org",
        "alarm input 1",
        "Loop",
        "image/jpeg",
        "alarm-1.jpg",
    ] {
        assert!(mail.contains(part), "{part}: {mail:.2000}");
    }
    let list = until(&web, ALARMS, |l| l["items"][0]["mail"]["state"] == "sent").await;
    assert_eq!(list["total"], 1);
    let alarm = &list["items"][0];
    assert_eq!(
        (&alarm["channel"], &alarm["name"], &alarm["outputs"]),
        (&json!(1), &json!("Loop"), &json!([1]))
    );
    let picture = web
        .raw(
            "GET",
            &format!("{ALARMS}/{}/picture.jpg", alarm["id"]),
            None,
            &[],
        )
        .await
        .unwrap();
    assert_eq!(picture.status(), 200);
    assert_eq!(picture.bytes().await.unwrap()[..2], [0xFF, 0xD8]);

    // ALARM-8: within the interval the output is driven anew, and that is all.
    contact(&web, &state, 1, false).await;
    contact(&web, &state, 1, true).await;
    until(&web, "/api/v1/io", |io| io["outputs"][0]["active"] == true).await;

    // ALARM-7: outside of its schedule an input has events only. What comes after shows that nothing came before.
    let days = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    let week: serde_json::Map<_, _> = days
        .map(|d| (d.to_owned(), json!([])))
        .into_iter()
        .collect();
    let never = json!({"schedules": [{"name": "Never", "week": week}]});
    set(&web, "event.schedules", never).await;
    let input2 =
        json!({"enabled": true, "schedule": "Never", "output2": true, "interval_seconds": 1});
    set(&web, "event.alarm_inputs", json!({"input2": input2})).await;
    contact(&web, &state, 2, true).await;
    let io = web.get("/api/v1/io").await.unwrap();
    assert_eq!(io["outputs"][1]["active"], false, "{io}");
    contact(&web, &state, 2, false).await;
    set(
        &web,
        "event.alarm_inputs",
        json!({"input2": {"schedule": ""}}),
    )
    .await;
    contact(&web, &state, 2, true).await;
    let list = until(&web, ALARMS, |l| l["items"][0]["channel"] == 2).await;
    assert_eq!(list["total"], 2, "{list}");
    logged(&web, "Alarm input 2 raised an alarm.").await;

    // ALARM-14, ALARM-15: a test goes back by itself.
    set(&web, "io", json!({"output2": {"delay_seconds": 1}})).await;
    until(&web, "/api/v1/io", |io| io["outputs"][1]["active"] == false).await;
    let test = json!({"outputs": [2]});
    let (status, answer) = web
        .send("POST", "/api/v1/io/outputs/test", Some(test))
        .await
        .unwrap();
    assert_eq!(status, 204, "{answer}");
    logged(&web, "Alarm outputs were tested: NO2.").await;
    until(&web, "/api/v1/io", |io| io["outputs"][1]["active"] == false).await;

    // A power cut: all is there, and inputs that are still active are no alarm.
    camera.kill().unwrap();
    let camera = Camera::start_in(&simulated(false), &state).unwrap();
    let web = Web::login(&camera).await.unwrap();
    until(&web, "/api/v1/io", |io| {
        io["inputs"][0]["active"] == true && io["inputs"][1]["active"] == true
    })
    .await;
    let after = web.get(ALARMS).await.unwrap();
    assert_eq!(after, list);
    let io = web.get("/api/v1/io").await.unwrap();
    assert_eq!(io["outputs"][0]["active"], false, "{io}");
    assert_eq!(io["outputs"][1]["active"], false, "{io}");
    let settings = web
        .get("/api/v1/settings/event.alarm_inputs")
        .await
        .unwrap();
    assert_eq!(settings["value"]["input1"]["duration_seconds"], 2);
}

/// MAIL-11: a message that waits for its server survives kill -9.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_survives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    // Bound, so that nobody else gets the port; nobody takes anything there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let refusing = std::thread::spawn(move || {
        // The first one is turned away.
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"421 not now\r\n");
        }
        listener
    });
    let camera = Camera::start_in(&simulated(true), &state).unwrap();
    let web = Web::login(&camera).await.unwrap();
    for closed in [true, false] {
        contact(&web, &state, 1, closed).await;
    }
    set(&web, "net.mail", mail_settings(port)).await;
    let linked = json!({"input1": {"enabled": true, "send_email": true}});
    set(&web, "event.alarm_inputs", linked).await;
    contact(&web, &state, 1, true).await;
    until(&web, ALARMS, |l| l["items"][0]["mail"]["tries"] == 1).await;
    camera.kill().unwrap();
    let mails = mail_server(refusing.join().unwrap());
    let camera = Camera::start_in(&simulated(false), &state).unwrap();
    let mail = mails.recv_timeout(PATIENCE).expect("the mail of before");
    assert!(mail.contains("alarm input 1"), "{mail:.2000}");
    let web = Web::login(&camera).await.unwrap();
    until(&web, ALARMS, |l| l["items"][0]["mail"]["state"] == "sent").await;
}
