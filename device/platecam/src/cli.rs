//! The command line: a contract that other tools rely on.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};
use lpr_core::Region;
use platecam_host::HostMode;

/// Turns any Linux box with a picture source into an ONVIF licence-plate-recognition camera.
#[derive(Debug, Parser)]
#[command(name = "platecam", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or stopped by Ctrl-C or SIGTERM
  1  something failed at run time; of several files: at least one could not be read
  2  the command line is wrong
  3  the state directory cannot be used, or its content cannot be read
  4  a port cannot be opened";

/// Exit codes; see `--help`.
pub(crate) mod exit {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const STATE: u8 = 3;
    pub(crate) const LISTEN: u8 = 4;
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the camera until it is stopped.
    Run(RunArgs),
    /// Read the plates in still pictures (JPEG, PNG).
    Recognize(RecognizeArgs),
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Directory for settings, users, records and keys; made when missing.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0")]
    pub(crate) listen: IpAddr,
    /// Web and ONVIF port for this run; 0 takes a free one. Without it: the stored setting, 8080 at first.
    #[arg(long, value_name = "N")]
    pub(crate) http_port: Option<u16>,
    /// Web and ONVIF port over TLS; 0 takes a free one. Without it: the stored setting, 8443 at first.
    #[arg(long, value_name = "N")]
    pub(crate) https_port: Option<u16>,
    /// RTSP port; 0 takes a free one. Without it: the stored setting, 8554 at first.
    #[arg(long, value_name = "N")]
    pub(crate) rtsp_port: Option<u16>,
    /// Picture source: demo | file:PATH | rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH | v4l2:/dev/videoN | test:
    #[arg(long, value_name = "URI", default_value = "demo")]
    pub(crate) source: String,
    /// Most simultaneous RTSP sessions.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) max_sessions: u32,
    /// How much of this machine belongs to the camera: system (network, clock, services and reboot are really
    /// changed), observe (the machine is read, never changed), simulated (changes happen in memory).
    #[arg(long, value_name = "MODE", default_value = "observe", value_parser = HostMode::from_str)]
    pub(crate) host: HostMode,
    /// Do not announce the device in the network (WS-Discovery) in this run.
    #[arg(long)]
    pub(crate) no_discovery: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecognizeArgs {
    /// Print one JSON object a plate.
    #[arg(long, conflicts_with = "tsv")]
    pub(crate) json: bool,
    /// Print FILE, plate, confidence and x,y,w,h (pixels), separated by tabs; the default.
    #[arg(long)]
    pub(crate) tsv: bool,
    /// Plate formats preferred where a sign is doubtful: us, eu, br or any.
    #[arg(long, value_name = "REGION", default_value = "any", value_parser = Region::from_str)]
    pub(crate) region: Region,
    /// Processor threads.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// Pictures.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_values_are_named_with_their_bounds() {
        for (line, says) in [
            ("platecam run --max-sessions 0", "1..=4096"),
            ("platecam run --http-port 65536", "65536"),
            ("platecam run --listen nowhere", "nowhere"),
            ("platecam recognize", "FILE"),
            (
                "platecam recognize --region mars x.jpg",
                "one of us, eu, br, any",
            ),
            ("platecam recognize --threads 65 x.jpg", "1..=64"),
            ("platecam recognize --json --tsv x.jpg", "--tsv"),
            ("platecam fly", "fly"),
        ] {
            let e = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert!(e.to_string().contains(says), "{line}: {e}");
            assert_eq!(e.exit_code(), i32::from(exit::USAGE), "{line}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_manual_page() {
        let Command::Run(run) = Cli::try_parse_from(["platecam", "run"]).unwrap().command else {
            panic!()
        };
        assert_eq!(
            (run.source.as_str(), run.max_sessions, run.http_port),
            ("demo", 64, None)
        );
    }
}
