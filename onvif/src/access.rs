//! Access classes of ONVIF's default policy and the model's permissions (Core §7.9.4).

use onvif_contracts::port::{AccessClass, Operation};
use platecam_model::{Permission, Permissions};

/// What a caller needs for an operation; `None` is open to everybody.
///
/// The class comes from the contract's table; what a class means in permissions is decided here, so
/// that each class is met by exactly the user levels of ONVIF's default policy. Model calls check
/// their own permission in addition.
pub fn needed(operation: &Operation) -> Option<Permission> {
    match operation.access {
        AccessClass::PreAuth => None,
        AccessClass::ReadSystem => Some(Permission::ReadConfig),
        // Operators and administrators.
        AccessClass::ReadSystemSensitive => Some(Permission::EventConfig),
        AccessClass::ReadSystemSecret => Some(Permission::UserManagement),
        AccessClass::WriteSystem => Some(Permission::SystemConfig),
        AccessClass::Unrecoverable => Some(Permission::Maintenance),
        AccessClass::ReadMedia => Some(Permission::LiveView),
        AccessClass::Actuate => Some(Permission::VideoConfig),
    }
}

/// What everybody may do while login verification is off (ONVIF-3, C-60): read what reveals no secret and watch.
/// No setting, no user, no contact.
pub(crate) fn without_login() -> Permissions {
    Permissions::of(&[Permission::ReadConfig, Permission::LiveView])
}

#[cfg(test)]
mod tests {
    use platecam_model::UserLevel::{Administrator, Operator, User};

    use super::*;

    /// Core §7.9.4, default access policy: which level may call which class.
    #[test]
    fn classes_are_met_by_the_levels_of_the_default_policy() {
        use AccessClass as C;
        for (class, levels) in [
            (C::ReadSystem, &[Administrator, Operator, User][..]),
            (C::ReadSystemSensitive, &[Administrator, Operator]),
            (C::ReadSystemSecret, &[Administrator]),
            (C::WriteSystem, &[Administrator]),
            (C::Unrecoverable, &[Administrator]),
            (C::ReadMedia, &[Administrator, Operator, User]),
            (C::Actuate, &[Administrator, Operator]),
        ] {
            let operation = Operation {
                access: class,
                ..onvif_contracts::ports::device::OPERATIONS[0]
            };
            let permission = needed(&operation).expect("not open");
            for level in [Administrator, Operator, User] {
                assert_eq!(
                    level.permissions().has(permission),
                    levels.contains(&level),
                    "{class:?} {level:?}"
                );
            }
        }
    }
}
