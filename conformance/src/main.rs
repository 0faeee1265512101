//! `conformance`: judges any ONVIF device over the network. See the README beside this crate.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use conformance::{
    auth::Credentials,
    case::Profile,
    device::{Options, Target},
    report::{self, Verdict},
    runner::{self, Selection},
};

/// Runs test cases named after ONVIF's public Device Test Specification against a device.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, max_term_width = 100, after_help = EXIT_CODES)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
struct Cli {
    /// The device: HOST, HOST:PORT, or the URL of its device service.
    #[arg(long, value_name = "HOST", required_unless_present = "list")]
    host: Option<String>,
    /// An administrator.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    user: String,
    /// Its password.
    #[arg(
        long,
        env = "CONFORMANCE_PASSWORD",
        value_name = "WORD",
        default_value = "",
        hide_env_values = true
    )]
    password: String,
    /// Only the cases of a profile: S, T, M or G; may be given more than once.
    #[arg(long, value_name = "LETTER")]
    profile: Vec<Profile>,
    /// Only cases whose identifier contains the text; may be given more than once.
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// List the cases, do not run them.
    #[arg(long)]
    list: bool,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results as JSON, with requests and answers of what failed.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Allow what interrupts the device: restart, factory default, restore.
    #[arg(long)]
    disruptive: bool,
    /// Allow changes of the device's address, gateway, name and of who may connect.
    #[arg(long)]
    network: bool,
    /// Seconds for one answer.
    #[arg(long, value_name = "S", default_value_t = 15)]
    message_timeout: u64,
    /// Seconds for an effect to show: an event, a state.
    #[arg(long, value_name = "S", default_value_t = 10)]
    operation_delay: u64,
    /// Seconds for a restart.
    #[arg(long, value_name = "S", default_value_t = 90)]
    reboot_timeout: u64,
    /// ONVIF's contracts, as `make setup` obtains them.
    #[arg(long, value_name = "DIR", default_value = ".cache/wsdl/onvif/wsdl")]
    contracts: PathBuf,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  no case failed
  1  at least one case failed
  2  the command line is wrong
  3  the device does not answer, or the contracts are not there";

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(failed) => ExitCode::from(u8::from(failed)),
        Err(e) => {
            eprintln!("conformance: {e:#}");
            ExitCode::from(3)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<bool> {
    let selection = Selection {
        profiles: cli.profile.clone(),
        filters: cli.filter.clone(),
    };
    if cli.list {
        let cases = selection.cases();
        for case in &cases {
            println!("{:26} {:4} {}", case.id, case.profiles, case.title);
        }
        println!("{} cases", cases.len());
        return Ok(false);
    }
    let host = cli.host.clone().unwrap_or_default();
    let url = if host.contains("://") {
        host
    } else {
        let bare = host.matches(':').count() > 1 && !host.starts_with('[');
        let host = if bare { format!("[{host}]") } else { host };
        format!("http://{host}/onvif/device_service")
    };
    let target = Target {
        device_service: url.parse()?,
        administrator: Credentials::new(&cli.user, &cli.password),
    };
    let options = Options {
        message_timeout: Duration::from_secs(cli.message_timeout),
        operation_delay: Duration::from_secs(cli.operation_delay),
        reboot_timeout: Duration::from_secs(cli.reboot_timeout),
        disruptive: cli.disruptive,
        network: cli.network,
    };
    let report = runner::run(target, options, &cli.contracts, &selection, |result| {
        println!("{}", report::line(result));
    })?;
    println!("{}", report.failures());
    println!(
        "{} ({})\n{}",
        report.device,
        report.identity,
        report.summary()
    );
    if let Some(path) = &cli.junit {
        std::fs::write(path, report.junit())?;
    }
    if let Some(path) = &cli.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(report.count(Verdict::Fail) > 0)
}
