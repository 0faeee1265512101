//! Platecam's one binary: wires the parts together and owns no logic.
#![deny(unsafe_code)]

mod check_picture;
mod check_video;
mod cli;
mod config;
mod doctor;
mod health;
mod launch;
mod local;
mod log;
mod memory;
mod package;
mod people;
#[cfg(test)]
mod permissions;
mod recognize;
mod recognize_video;
mod run;
mod secrecy;

use std::{fmt, process::ExitCode};

use clap::Parser;
use cli::{Cli, Command, exit};

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// No failure: the machine boots.
    pub(crate) fn done() -> Self {
        Self::new(0, "the machine boots")
    }

    pub(crate) fn new(code: u8, text: impl fmt::Display) -> Self {
        Self {
            code,
            text: text.to_string(),
        }
    }
}

fn main() -> ExitCode {
    memory::tame_allocator();
    let command = Cli::parse().command;
    let log = match command {
        Command::Run(_) | Command::Launch(_) => "info",
        Command::Doctor(_) => "off",
        Command::CheckPicture(_)
        | Command::CheckVideo(_)
        | Command::Config(_)
        | Command::Health(_)
        | Command::Legal
        | Command::Log(_)
        | Command::Package(_)
        | Command::Recognize(_)
        | Command::RecognizeVideo(_)
        | Command::User(_)
        | Command::ResetPassword(_)
        | Command::ResetKey { .. }
        | Command::ResetCode(_)
        | Command::Version => "warn",
    };
    init_log(log);
    secrecy::forbid_core_dumps();
    let result = match command {
        Command::Run(args) => run::run(args),
        Command::Launch(args) => Err(launch::launch(&args)),
        Command::Config(command) => config::config(&command),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Health(args) => health::health(&args),
        Command::Legal => {
            print!("{}", platecam_web::legal::notice());
            Ok(())
        }
        Command::Package(command) => package::package(&command),
        Command::Log(command) => log::log(&command),
        Command::User(command) => people::user(command),
        Command::ResetPassword(args) => people::reset_password(&args),
        Command::ResetKey { out } => people::reset_key(&out),
        Command::ResetCode(args) => people::reset_code(&args),
        Command::Recognize(args) => recognize::recognize(&args),
        Command::RecognizeVideo(args) => recognize_video::recognize(&args),
        Command::CheckPicture(args) => check_picture::check_pictures(&args),
        Command::CheckVideo(args) => check_video::check_videos(&args),
        Command::Version => {
            println!("platecam {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.code == 0 => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("platecam: {}", failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// Standard error, `PLATECAM_LOG` in the syntax of `tracing`'s filters.
fn init_log(default: &str) {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("PLATECAM_LOG")
        .try_from_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

impl From<platecam_model::Error> for Failure {
    fn from(e: platecam_model::Error) -> Self {
        match e {
            platecam_model::Error::Internal { detail } => Self::new(exit::STATE, detail),
            other => Self::new(exit::FAILED, other),
        }
    }
}
