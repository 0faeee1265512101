//! `platecam check-picture`: whether pictures were changed since a unit took them (GEN-21).

use std::fs;

use platecam_model::watermark::{PublicKey, check};

use crate::{
    Failure,
    cli::{CheckPictureArgs, exit},
};

/// One line a file: name, `Normal` with serial number and time, or `Error` with the reason (FILE-12).
pub(crate) fn check_pictures(args: &CheckPictureArgs) -> Result<(), Failure> {
    let key: PublicKey = args
        .key
        .parse()
        .map_err(|e| Failure::new(exit::USAGE, format!("--key: {e}")))?;
    let mut errors = 0;
    for file in &args.files {
        let name = file.display();
        let looked = fs::read(file)
            .map_err(|e| e.to_string())
            .and_then(|bytes| check(&bytes, &key).map_err(|fault| fault.to_string()));
        match looked {
            Ok(claim) => println!("{name}\tNormal\t{}\t{}", claim.serial, claim.taken_at),
            Err(reason) => {
                println!("{name}\tError\t{reason}");
                errors += 1;
            }
        }
    }
    if errors == 0 {
        return Ok(());
    }
    let all = args.files.len();
    Err(Failure::new(
        exit::FAILED,
        format!("{errors} of {all} pictures are not as the unit took them"),
    ))
}
