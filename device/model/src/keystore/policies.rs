//! Validation policies: whom the certificates of servers must lead to. What uses one holds its trust anchors as PEM,
//! the form in which a person enters them on a page; so there is one owner of whom a function trusts, and a policy
//! is found again by its certificates.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use x509_parser::pem::Pem;

use super::alias;
use crate::{
    Actor, Device, Error, Permission, Result,
    ports::ValidationPolicy,
    settings::{NetDot1x, NetHttps, Patch, Section, brokers},
};

/// The certificates in a text, DER.
fn certificates(pem: &str) -> Vec<Vec<u8>> {
    let blocks = Pem::iter_from_buffer(pem.as_bytes()).filter_map(std::result::Result::ok);
    blocks.map(|b| b.contents).collect()
}

/// The form of a page: the policy's name, as a comment, and its certificates.
pub(super) fn written(id: &str, certificates: &[Vec<u8>]) -> String {
    let mut out = format!("Validation policy {id}\n");
    for der in certificates {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        let body = lines.join("\n");
        out += &format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    }
    out
}

/// What the section of HTTPS holds of a policy.
pub(super) fn trust_of_clients(pem: &str, client_usage: bool) -> Value {
    json!({"client_ca": pem, "client_usage": client_usage})
}

/// Refuses a policy that asks of a server what only clients have.
fn for_servers(policy: &ValidationPolicy) -> Result<()> {
    if !policy.client_usage {
        return Ok(());
    }
    let id = &policy.id;
    let why = format!("of {id} demands certificates for clients: a server would never have one");
    Err(Error::invalid("/parameters", "true", why))
}

impl Device {
    /// All validation policies.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn validation_policies(&self, by: &Actor) -> Result<Vec<ValidationPolicy>> {
        self.keystore(by)?.policies()
    }

    /// Makes a policy of stored certificates.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::create_policy`], and [`Error::Forbidden`].
    pub fn create_validation_policy(
        &self,
        by: &Actor,
        anchors: &[String],
        name: &str,
        client_usage: bool,
    ) -> Result<String> {
        let store = self.keystore(by)?;
        alias(name)?;
        let id = store.create_policy(anchors, name, client_usage)?;
        let all = anchors.join(", ");
        self.noted(by, format!("Validation policy made: {id} trusts {all}."));
        Ok(id)
    }

    /// Changes a policy, and whom those trust that use it.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::set_policy`], and [`Error::Forbidden`].
    pub fn set_validation_policy(&self, by: &Actor, policy: &ValidationPolicy) -> Result<()> {
        let store = self.keystore(by)?;
        alias(&policy.alias)?;
        let known = store.policies()?.into_iter().find(|p| p.id == policy.id);
        let before = known.ok_or_else(|| Error::not_found("validation policy", &*policy.id))?;
        let users = self.users_of_policy(&policy.id)?;
        if users.iter().any(|section| *section != NetHttps::KEY) {
            for_servers(policy)?;
        }
        store.set_policy(policy)?;
        let followed = self.anchors(policy).and_then(|anchors| {
            let pem = written(&policy.id, &anchors);
            let patch = |key: &&str| Patch {
                key: (*key).to_owned(),
                value: match *key {
                    NetHttps::KEY => trust_of_clients(&pem, policy.client_usage),
                    _ => json!({"ca_certificate": pem}),
                },
                if_revision: None,
            };
            let patches: Vec<_> = users.iter().map(patch).collect();
            match patches.is_empty() {
                true => Ok(Vec::new()),
                false => self.settings.apply(&patches, by),
            }
        });
        if let Err(e) = followed {
            // All or nothing: those who trust by it do not take it.
            store.set_policy(&before)?;
            return Err(e);
        }
        let all = policy.anchors.join(", ");
        self.noted(
            by,
            format!("Validation policy {} trusts {all} now.", policy.id),
        );
        Ok(())
    }

    /// Deletes a policy; its certificates stay.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::delete_policy`], [`Error::Conflict`] while a function uses it, and
    /// [`Error::Forbidden`].
    pub fn delete_validation_policy(&self, by: &Actor, id: &str) -> Result<()> {
        let store = self.keystore(by)?;
        if let Some(section) = self.users_of_policy(id)?.first() {
            let text = format!("validation policy {id} is the one of {section}");
            return Err(Error::Conflict(text));
        }
        store.delete_policy(id)?;
        self.noted(by, format!("Validation policy {id} deleted."));
        Ok(())
    }

    /// The trust anchors of a policy as PEM, for a section that is to trust servers by them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] naming `/parameters` for a policy about clients, [`Error::Forbidden`].
    pub fn policy_pem(&self, by: &Actor, id: &str) -> Result<String> {
        by.require(Permission::ReadConfig)?;
        let policy = self.policy(id)?;
        for_servers(&policy)?;
        Ok(written(id, &self.anchors(&policy)?))
    }

    pub(super) fn policy(&self, id: &str) -> Result<ValidationPolicy> {
        let mut all = self.certificates.policies()?.into_iter();
        let found = all.find(|p| p.id == id);
        found.ok_or_else(|| Error::not_found("validation policy", id))
    }

    /// The policy by which a section trusts servers: of two with the same certificates that which the text names.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn policy_of(&self, pem: &str) -> Result<Option<String>> {
        self.found_policy(pem, false)
    }

    pub(super) fn found_policy(&self, pem: &str, client_usage: bool) -> Result<Option<String>> {
        let trusted = certificates(pem);
        let mut found = None;
        if trusted.is_empty() {
            return Ok(found);
        }
        for policy in self.certificates.policies()? {
            if policy.client_usage == client_usage && self.anchors(&policy)? == trusted {
                let named = pem.split_whitespace().any(|word| word == policy.id);
                if named || found.is_none() {
                    found = Some(policy.id);
                }
                if named {
                    break;
                }
            }
        }
        Ok(found)
    }

    pub(super) fn anchors(&self, policy: &ValidationPolicy) -> Result<Vec<Vec<u8>>> {
        let all = self.certificates.stored_certificates()?;
        let of = |id: &String| all.iter().find(|c| c.id == *id).map(|c| c.der.clone());
        Ok(policy.anchors.iter().filter_map(of).collect())
    }

    /// Sections that trust by this policy.
    fn users_of_policy(&self, id: &str) -> Result<Vec<&'static str>> {
        let settings = self.settings.snapshot();
        let dot1x = settings.get::<NetDot1x>();
        let trusts = dot1x.is_configured() && dot1x.verify_server;
        let mut asked = vec![("net.dot1x", trusts, dot1x.ca_certificate.clone())];
        for (section, b) in ["event.broker1", "event.broker2"]
            .into_iter()
            .zip(brokers(&settings))
        {
            let trusts = b.transport.is_encrypted() && b.verify_certificate && !b.host.is_empty();
            asked.push((section, trusts, b.ca_certificate));
        }
        let mut users = Vec::new();
        if self.policy_of_clients()?.as_deref() == Some(id) {
            users.push(NetHttps::KEY);
        }
        for (section, trusts, pem) in asked {
            if trusts && self.policy_of(&pem)?.as_deref() == Some(id) {
                users.push(section);
            }
        }
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        ports::{CertificateUpload, Keystore},
        settings::trust::tests::CA,
        testing::initialised,
    };

    /// A policy is found again by its certificates, in a text as a person writes it too, and those that use it follow it.
    #[test]
    fn a_policy_and_what_trusts_by_it() {
        let t = initialised();
        let (device, by) = (&t.device, Actor::system());
        let ca = certificates(CA).remove(0);
        let upload = |der: &[u8]| CertificateUpload {
            der: der.to_vec(),
            ..Default::default()
        };
        let (first, _) = device.certificates.upload_der(&upload(&ca)).unwrap();
        let (other, _) = device.certificates.upload_der(&upload(b"other")).unwrap();
        assert!(
            device
                .create_validation_policy(&by, &["cert-9".into()], "", false)
                .is_err()
        );
        let one = device
            .create_validation_policy(&by, std::slice::from_ref(&first), "switch", false)
            .unwrap();
        let two = device
            .create_validation_policy(&by, std::slice::from_ref(&first), "", false)
            .unwrap();
        let pem = device.policy_pem(&by, &two).unwrap();
        assert_eq!(certificates(&pem), std::slice::from_ref(&ca));
        assert_eq!(device.policy_of(&pem).unwrap(), Some(two.clone()));
        assert_eq!(
            device.policy_of(CA).unwrap(),
            Some(one.clone()),
            "a person's text"
        );
        assert_eq!(device.policy_of("").unwrap(), None);

        let set = |value| {
            device
                .settings
                .patch("net.dot1x", &value, None, &by)
                .unwrap()
        };
        set(json!({"identity": "camera", "verify_server": true, "ca_certificate": pem}));
        let refused = device.delete_validation_policy(&by, &two).unwrap_err();
        assert!(refused.to_string().contains("net.dot1x"), "{refused}");
        let used = Keystore::delete_certificate(&*device.certificates, &first).unwrap_err();
        assert!(matches!(used, Error::Conflict(_)), "{used}");
        device.delete_validation_policy(&by, &one).unwrap();
        let wider = ValidationPolicy {
            id: two.clone(),
            alias: String::new(),
            anchors: vec![first.clone(), first],
            client_usage: false,
        };
        device.set_validation_policy(&by, &wider).unwrap();
        let trusted = device.settings.get::<NetDot1x>().ca_certificate.clone();
        assert_eq!(certificates(&trusted), [ca.clone(), ca]);
        assert_eq!(device.policy_of(&trusted).unwrap(), Some(two.clone()));
        // A section refuses what is no certificate: nothing is half done by that.
        let strange = ValidationPolicy {
            anchors: vec![other],
            ..wider.clone()
        };
        assert!(device.set_validation_policy(&by, &strange).is_err());
        assert_eq!(device.validation_policies(&by).unwrap(), [wider]);
        set(json!({"verify_server": false}));
        device.delete_validation_policy(&by, &two).unwrap();
        let gone = device.policy_pem(&by, &two).unwrap_err();
        assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    }
}
