//! The command line: a contract that other tools rely on.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};
use lpr_core::Region;
use platecam_host::{CardSlot, GpioLine, HostMode, SerialLine, TpmChoice, WiegandLines};
use platecam_model::{LogKind, Permission, ports::FirmwareVersion};

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
    /// Pick the installed version to start, and start it with the arguments of `run`; used by the systemd unit.
    Launch(LaunchArgs),
    /// Check whether this machine is fit to be a camera.
    Doctor(DoctorArgs),
    /// Ask a running camera whether it works.
    Health(HealthArgs),
    /// Print licences: this program's, and those of everything in it.
    Legal,
    /// Make and check upgrade packages.
    #[command(subcommand)]
    Package(PackageCommand),
    /// Read and change the settings of a camera on this machine, whether it runs or not.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Read system log and audit trail of a camera that is not running; check audit trails.
    #[command(subcommand)]
    Log(LogCommand),
    /// Users and groups of a camera on this machine, whether it runs or not.
    #[command(subcommand)]
    User(UserCommand),
    /// Set the password of `admin` on the device itself, whether the camera runs or not. Reads it from standard input.
    ResetPassword(ResetPasswordArgs),
    /// Make the pair of keys for answering password resets; prints the public key.
    ResetKey {
        /// File for the private key; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read the security code out of the text of a password reset, for the holder of the private key.
    ResetCode(ResetCodeArgs),
    /// Read the plates in still pictures (JPEG, PNG). A plate that is found but cannot be read has its box and no text.
    Recognize(RecognizeArgs),
    /// Read the plates in video files: one line for each pass of a vehicle, as the camera would record it.
    RecognizeVideo(RecognizeVideoArgs),
    /// Tell of pictures whether they are as the camera took them, by the watermark in each.
    CheckPicture(CheckPictureArgs),
    /// Say which seconds of video files are as the camera signed them; one line a file, then one a stretch.
    ///
    /// Files are MP4, Matroska, MPEG-TS, or bare streams of H.264 or H.265 (.h264, .h265). Exits with 1 unless everything up to the last signature is genuine.
    CheckVideo(CheckVideoArgs),
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
    /// Most simultaneous RTSP sessions in this run, whatever the setting Maximum Viewers says.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) max_sessions: u32,
    /// How much of this machine belongs to the camera: system (network, clock, services and reboot are really
    /// changed), observe (the machine is read, never changed), simulated (changes happen in memory).
    #[arg(long, value_name = "MODE", default_value = "observe", value_parser = HostMode::from_str)]
    pub(crate) host: HostMode,
    /// GPIO line of an alarm output, such as /dev/gpiochip0:17; the first is NO1 (opens a barrier), the second NO2.
    #[arg(long = "relay", value_name = "CHIP:LINE", value_parser = GpioLine::from_str)]
    pub(crate) relays: Vec<GpioLine>,
    /// GPIO line of an alarm input; the closed contact pulls it low. At most two outputs and two inputs.
    #[arg(long = "input", value_name = "CHIP:LINE", value_parser = GpioLine::from_str)]
    pub(crate) inputs: Vec<GpioLine>,
    /// Serial port of a peripheral, such as /dev/ttyS1:rs485 (or :rs232, the default); at most two, and never one with
    /// a console.
    #[arg(long = "serial", value_name = "PATH[:KIND]", value_parser = SerialLine::from_str)]
    pub(crate) serial: Vec<SerialLine>,
    /// GPIO lines D0 and D1 of a Wiegand output, such as /dev/gpiochip0:23,24; with :inverted behind where transistors
    /// turn them round.
    #[arg(long, value_name = "CHIP:D0,D1", value_parser = WiegandLines::from_str)]
    pub(crate) wiegand: Option<WiegandLines>,
    /// ALSA device of the loudspeaker, such as plughw:1,0. Without it ALSA's default, where the machine has any output.
    #[arg(long, value_name = "DEVICE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) speaker: Option<String>,
    /// The memory card: auto (the first SD card or removable disk that nobody else uses, with --host system; otherwise
    /// none, and with --host simulated the folder simulated/card of the state directory, while it is there), off, a block
    /// device such as /dev/mmcblk1, or a folder that is there while the card is, such as a mount point.
    #[arg(long, value_name = "CARD", default_value = "auto", value_parser = CardSlot::from_str)]
    pub(crate) card: CardSlot,
    /// Keys whose upgrade packages are taken: one a line, 64 hexadecimal digits. Without the file no package is.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/platecam/upgrade.keys"
    )]
    pub(crate) upgrade_keys: PathBuf,
    /// Where the device key is kept: auto (the machine's TPM 2.0, if --host is system, it has one and tpm2-tools are
    /// there; otherwise a file), off (a file), or a TPM by the name that tpm2-tools give it, such as device:/dev/tpmrm0.
    #[arg(long, value_name = "TPM", default_value = "auto", value_parser = TpmChoice::from_str)]
    pub(crate) tpm: TpmChoice,
    /// What this model of the camera has, a JSON file (docs/reference/models.md). Without it: /etc/platecam/model.json,
    /// and without that everything.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// Do not announce the device in the network (WS-Discovery) in this run.
    #[arg(long)]
    pub(crate) no_discovery: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// One JSON object instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
    /// The state directory that will be used.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// The address that will be listened on.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0")]
    pub(crate) listen: IpAddr,
    /// Web and ONVIF port.
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) http_port: u16,
    /// Web and ONVIF port over TLS.
    #[arg(long, value_name = "N", default_value_t = 8443)]
    pub(crate) https_port: u16,
    /// RTSP port.
    #[arg(long, value_name = "N", default_value_t = 8554)]
    pub(crate) rtsp_port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Its address.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Its web port.
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) http_port: u16,
    /// Ask whether pictures flow and recognition runs, too.
    #[arg(long)]
    pub(crate) ready: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LaunchArgs {
    /// Directory of the two slots; without it `slots` in the state directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) slots: Option<PathBuf>,
    /// A new version has to prove itself within so many seconds, or the old one comes back.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(3..=3600))]
    pub(crate) trial_seconds: u32,
    /// Arguments of `run`.
    #[arg(last = true, value_name = "RUN ARGUMENT")]
    pub(crate) run: Vec<std::ffi::OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Make a key: FILE is secret, FILE.pub goes into the units' trust file.
    Keygen {
        /// The new file; an existing one is never overwritten.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a signed package of a directory that holds bin/platecam.
    Build(BuildArgs),
    /// Check a package and print its manifest.
    Verify(VerifyArgs),
    /// Print the signed list of versions for an upgrade server.
    Announce(AnnounceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The secret key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The package's version.
    #[arg(long, value_name = "X.Y.Z", value_parser = FirmwareVersion::from_str)]
    pub(crate) version: FirmwareVersion,
    /// The oldest version that can be upgraded to it.
    #[arg(long, value_name = "X.Y.Z", default_value = "0.1.0", value_parser = FirmwareVersion::from_str)]
    pub(crate) min_version: FirmwareVersion,
    /// Model that it is for.
    #[arg(long, default_value = "Platecam")]
    pub(crate) model: String,
    /// Processor that it is for.
    #[arg(long, default_value = std::env::consts::ARCH)]
    pub(crate) arch: String,
    /// What is new, one or two sentences.
    #[arg(long, default_value = "")]
    pub(crate) notes: String,
    /// The directory.
    #[arg(value_name = "DIR")]
    pub(crate) root: PathBuf,
    /// The package.
    #[arg(value_name = "PACKAGE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Trusted keys, as on a unit.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    /// The package.
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AnnounceArgs {
    /// The secret key that the packages were signed with.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The packages; on the server they lie beside the list.
    #[arg(required = true, value_name = "PACKAGE")]
    pub(crate) packages: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Print all users: name, group, second factor, permissions, remark, lock, separated by tabs; with --json one
    /// object a line.
    List(LocalArgs),
    /// Add a user; the password is read from standard input.
    Add(UserAddArgs),
    /// Set a user's password, read from standard input; the user's sessions end.
    #[command(alias = "passwd")]
    SetPassword {
        /// State directory of the camera.
        #[arg(long, value_name = "DIR", default_value = "var")]
        state_dir: PathBuf,
        /// User name.
        name: String,
    },
    /// Let a user log in again at once after failed logins.
    Unlock {
        /// State directory of the camera.
        #[arg(long, value_name = "DIR", default_value = "var")]
        state_dir: PathBuf,
        /// All users and addresses.
        #[arg(long)]
        all: bool,
        /// User name.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
    },
    /// Delete a user.
    Delete {
        /// State directory of the camera.
        #[arg(long, value_name = "DIR", default_value = "var")]
        state_dir: PathBuf,
        /// User name.
        name: String,
    },
    /// Groups.
    #[command(subcommand)]
    Group(GroupCommand),
}

#[derive(Debug, Args)]
pub(crate) struct UserAddArgs {
    /// State directory of the camera.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// User name.
    pub(crate) name: String,
    /// Group.
    #[arg(long, value_name = "GROUP", default_value = "user")]
    pub(crate) group: String,
    /// Exactly these permissions, separated by commas. Without it: all that the group has.
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',', value_parser = Permission::from_str)]
    pub(crate) permission: Vec<Permission>,
    /// Free text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) remark: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Print all groups: name, ONVIF level, members, permissions, remark, separated by tabs; with --json one object
    /// a line.
    List(LocalArgs),
    /// Add a group.
    Add(GroupArgs),
    /// Change a group.
    Set(GroupArgs),
    /// Delete a group without members.
    Delete {
        /// State directory of the camera.
        #[arg(long, value_name = "DIR", default_value = "var")]
        state_dir: PathBuf,
        /// Group name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    /// State directory of the camera.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// Group name.
    pub(crate) name: String,
    /// Permissions, separated by commas.
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',', value_parser = Permission::from_str)]
    pub(crate) permission: Vec<Permission>,
    /// Free text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) remark: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ResetPasswordArgs {
    /// State directory of the camera.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// Says that this is meant: the password is set here, not asked for by the camera.
    #[arg(long, required = true)]
    pub(crate) local: bool,
    /// Remove the second factor of `admin` too.
    #[arg(long)]
    pub(crate) without_second_factor: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResetCodeArgs {
    /// File with the private key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The text that the QR code carried, beginning with PCR1.; - reads it from standard input.
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Print the system log, oldest entry first, times as the camera shows them.
    Show(LogShowArgs),
    /// Print the audit trail with its hashes, one JSON object a line.
    Audit {
        /// State directory of the camera.
        #[arg(long, value_name = "DIR", default_value = "var")]
        state_dir: PathBuf,
    },
    /// Check the audit trail; exit code 1 when it is not intact.
    Verify {
        /// State directory of the camera.
        #[arg(long, value_name = "DIR", default_value = "var")]
        state_dir: PathBuf,
        /// Check an exported trail instead; needs no camera.
        #[arg(value_name = "EXPORT", conflicts_with = "state_dir")]
        export: Option<PathBuf>,
    },
}

/// Which camera is meant, and how its answer is printed.
#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    /// State directory of the camera.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print settings: all, a section or one value.
    Get {
        #[command(flatten)]
        local: LocalArgs,
        /// For example video.main or video.main/bit_rate.
        #[arg(value_name = "KEY[/POINTER]")]
        target: Option<String>,
    },
    /// Change settings, all or none, at once also where the camera runs.
    Set(ConfigSetArgs),
    /// Print who changed a section, when, and what.
    History {
        #[command(flatten)]
        local: LocalArgs,
        /// The newest N changes.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        /// For example video.main.
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Write all settings, or some sections, to a file. Secrets travel only in an encrypted one; users, keys and
    /// certificates never do.
    Export(ConfigExportArgs),
    /// Take over an exported file, all of it or nothing, and print what changes.
    Import(ConfigImportArgs),
    /// Put all settings back to their defaults but address, ports and HTTPS; users stay.
    Restore {
        #[command(flatten)]
        local: LocalArgs,
        /// Really do it.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Delete settings and users: the unit is as it was before its initialisation.
    FactoryReset {
        #[command(flatten)]
        local: LocalArgs,
        /// Delete records and pictures too.
        #[arg(long)]
        records: bool,
        /// Really do it.
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigExportArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// Only this section; may be given several times.
    #[arg(long = "section", value_name = "KEY")]
    pub(crate) sections: Vec<String>,
    /// Encrypt with the password on the file's first line.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The new file, readable by its owner only; without it standard output.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigImportArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// Only print what would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The password of an encrypted file, on the first line of this one.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The exported file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigSetArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// For example: video.main/bit_rate 2048 video.main/codec H.265
    #[arg(required = true, num_args = 2.., value_names = ["KEY/POINTER", "VALUE"], allow_hyphen_values = true)]
    pub(crate) pairs: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LogShowArgs {
    /// State directory of the camera.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) state_dir: PathBuf,
    /// Kinds of entries, separated by commas: login, logout, save-config, system, configuration, storage, alarm,
    /// account, record, upgrade, clear.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = log_kind)]
    pub(crate) kind: Vec<LogKind>,
    /// Entries of this user only.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The newest N entries; 0 for none, to see only what follows.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub(crate) limit: u32,
    /// Print one JSON object an entry.
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on with new entries as they come, until interrupted; the camera must run.
    #[arg(long, short)]
    pub(crate) follow: bool,
}

fn log_kind(word: &str) -> Result<LogKind, String> {
    let words = LogKind::ALL.map(LogKind::word).join(", ");
    LogKind::of_word(word).ok_or_else(|| format!("must be one of {words}"))
}

#[derive(Debug, Args)]
pub(crate) struct RecognizeArgs {
    /// Print one JSON object a plate, with up to five likely texts and their likelihoods (n_best).
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

#[derive(Debug, Args)]
pub(crate) struct CheckPictureArgs {
    /// Public key of the camera: 130 hexadecimal digits, as `GET /api/v1/watermark` and the page Local Image tell it.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// JPEG files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("trust").required(true))]
pub(crate) struct CheckVideoArgs {
    /// Public key of the camera: 130 hexadecimal digits, as `GET /api/v1/watermark` and the page Local Image tell it.
    #[arg(long, value_name = "KEY", group = "trust")]
    pub(crate) key: Option<String>,
    /// Root certificate (PEM) of the camera, as the page HTTPS gives it; also one of another maker's cameras.
    #[arg(long, value_name = "FILE", group = "trust")]
    pub(crate) root: Option<PathBuf>,
    /// Video files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RecognizeVideoArgs {
    /// Print one JSON object a pass, with up to five likely texts and their likelihoods (n_best) and the colours.
    #[arg(long, conflicts_with = "tsv")]
    pub(crate) json: bool,
    /// Print FILE, first and last second in sight, second of the best frame, plate, confidence, direction and x,y,w,h in the best frame (pixels), separated
    /// by tabs; the default.
    #[arg(long)]
    pub(crate) tsv: bool,
    /// Plate formats preferred where a sign is doubtful: us, eu, br or any.
    #[arg(long, value_name = "REGION", default_value = "any", value_parser = Region::from_str)]
    pub(crate) region: Region,
    /// Analysed frames a second of the film at most.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub(crate) rate: u16,
    /// Processor threads.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// Video files, in any format that GStreamer decodes.
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
            ("platecam recognize-video", "FILE"),
            ("platecam recognize-video --rate 61 x.mp4", "1..=60"),
            ("platecam log show --kind login,all", "one of login, logout"),
            ("platecam log show --limit 1025", "0..=1024"),
            ("platecam config set video.main/bit_rate", "2 values"),
            ("platecam config history video.main --limit 201", "1..=200"),
            ("platecam config factory-reset", "--yes"),
            ("platecam config restore", "--yes"),
            ("platecam user unlock", "NAME"),
            ("platecam user unlock --all guard", "cannot be used with"),
            ("platecam log verify --state-dir a b", "cannot be used with"),
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
            ("demo", 4096, None)
        );
    }
}
