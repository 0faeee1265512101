//! Whom the TLS server of the unit trusts (HTTPS-8): a validation policy that is assigned, of which the section of
//! HTTPS holds the trust anchors.

use serde_json::json;

use super::policies::{trust_of_clients, written};
use crate::{
    Actor, Device, Error, Result,
    settings::{NetHttps, Section},
};

impl Device {
    /// The policy by which clients are verified; `None` where there is none, or a person entered another CA.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn client_policy(&self, by: &Actor) -> Result<Option<String>> {
        self.keystore(by)?;
        self.policy_of_clients()
    }

    /// Verifies clients by a policy, instead of `old` if that is named. What a person entered on the page is replaced.
    ///
    /// # Errors
    /// [`Error::NotFound`] (`old validation policy` or `validation policy`), [`Error::Exhausted`] while another one is
    /// assigned and not named, [`Error::Forbidden`].
    pub fn assign_client_policy(&self, by: &Actor, old: Option<&str>, new: &str) -> Result<()> {
        let now = self.client_policy(by)?;
        if let Some(old) = old
            && now.as_deref() != Some(old)
        {
            return Err(Error::not_found("old validation policy", old));
        }
        let policy = self.policy(new)?;
        match now {
            Some(now) if now == new => return Ok(()),
            Some(_) if old.is_none() => {
                return Err(Error::Exhausted {
                    what: "assigned validation policies",
                    limit: 1,
                });
            }
            _ => {}
        }
        let pem = written(new, &self.anchors(&policy)?);
        let value = trust_of_clients(&pem, policy.client_usage);
        self.settings.patch(NetHttps::KEY, &value, None, by)?;
        Ok(())
    }

    /// Verifies clients by a policy no more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] while client certificates are required, [`Error::Forbidden`].
    pub fn unassign_client_policy(&self, by: &Actor, id: &str) -> Result<()> {
        if self.client_policy(by)?.as_deref() != Some(id) {
            return Err(Error::not_found("validation policy", id));
        }
        if self.settings.get::<NetHttps>().client_certificates {
            let why =
                "client certificates are required by it: replace it, or require none any more";
            return Err(Error::Conflict(why.into()));
        }
        let value = trust_of_clients("", false);
        self.settings.patch(NetHttps::KEY, &value, None, by)?;
        Ok(())
    }

    /// Lets HTTPS and RTSPS take only clients with a certificate, or all again.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/client_ca` while nobody is trusted, [`Error::Forbidden`].
    pub fn require_client_certificates(&self, by: &Actor, required: bool) -> Result<()> {
        let value = json!({"client_certificates": required});
        self.settings.patch(NetHttps::KEY, &value, None, by)?;
        Ok(())
    }

    pub(super) fn policy_of_clients(&self) -> Result<Option<String>> {
        let on = self.settings.get::<NetHttps>();
        self.found_policy(&on.client_ca, on.client_usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::{CertificateUpload, ValidationPolicy},
        settings::trust::tests::CA,
        testing::initialised,
    };

    /// Security Service §5.3.3: the assigned policy is what the page shows, and nobody is locked out by taking it away.
    #[test]
    fn clients_are_verified_by_one_policy() {
        let t = initialised();
        let (device, by) = (&t.device, Actor::system());
        let der = x509_parser::pem::parse_x509_pem(CA.as_bytes())
            .unwrap()
            .1
            .contents;
        let upload = |der: Vec<u8>| {
            let upload = CertificateUpload {
                der,
                ..Default::default()
            };
            device.certificates.upload_der(&upload).unwrap().0
        };
        let ca = upload(der);
        let policy = |usage| {
            device
                .create_validation_policy(&by, std::slice::from_ref(&ca), "clients", usage)
                .unwrap()
        };
        let (any, strict) = (policy(false), policy(true));
        assert_eq!(device.client_policy(&by).unwrap(), None);
        let nobody = device.require_client_certificates(&by, true).unwrap_err();
        assert!(
            nobody.to_string().contains("nobody could connect"),
            "{nobody}"
        );
        let unknown = device
            .assign_client_policy(&by, None, "policy-99")
            .unwrap_err();
        assert!(matches!(
            unknown,
            Error::NotFound {
                what: "validation policy",
                ..
            }
        ));

        device.assign_client_policy(&by, None, &strict).unwrap();
        device.assign_client_policy(&by, None, &strict).unwrap();
        assert_eq!(device.client_policy(&by).unwrap(), Some(strict.clone()));
        assert!(device.settings.get::<NetHttps>().client_usage);
        let full = device.assign_client_policy(&by, None, &any).unwrap_err();
        assert!(matches!(full, Error::Exhausted { limit: 1, .. }), "{full}");
        let other = device
            .assign_client_policy(&by, Some(&any), &any)
            .unwrap_err();
        assert!(matches!(
            other,
            Error::NotFound {
                what: "old validation policy",
                ..
            }
        ));
        device.require_client_certificates(&by, true).unwrap();
        for refused in [
            device.unassign_client_policy(&by, &strict),
            device.delete_validation_policy(&by, &strict),
        ] {
            assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        }
        device
            .assign_client_policy(&by, Some(&strict), &any)
            .unwrap();
        assert_eq!(device.client_policy(&by).unwrap(), Some(any.clone()));
        device.delete_validation_policy(&by, &strict).unwrap();

        // The policy's users follow it; one about clients is not for the servers of others.
        let wanted = ValidationPolicy {
            id: any.clone(),
            alias: String::new(),
            anchors: vec![ca],
            client_usage: true,
        };
        device.set_validation_policy(&by, &wanted).unwrap();
        assert!(device.settings.get::<NetHttps>().client_usage);
        assert_eq!(device.client_policy(&by).unwrap(), Some(any.clone()));
        let servers = device.policy_pem(&by, &any).unwrap_err();
        assert!(
            servers.to_string().contains("a server would never"),
            "{servers}"
        );

        device.require_client_certificates(&by, false).unwrap();
        device.unassign_client_policy(&by, &any).unwrap();
        assert_eq!(device.client_policy(&by).unwrap(), None);
        assert_eq!(device.settings.get::<NetHttps>().client_ca, "");
        let text = json!({"client_ca": CA});
        device
            .settings
            .patch(NetHttps::KEY, &text, None, &by)
            .unwrap();
        assert_eq!(
            device.client_policy(&by).unwrap(),
            None,
            "without the usage"
        );
        device.assign_client_policy(&by, None, &any).unwrap();
        assert_eq!(device.client_policy(&by).unwrap(), Some(any));
    }
}
