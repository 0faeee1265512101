//! Certificates of HTTPS: who may, what is allowed, what the log says (HTTPS-1..5, HTTPS-9).

use crate::{
    Actor, Device, LogKind, Permission, Result, Violation, Violations,
    ports::{
        CertificateInfo, CertificateState, NewCertificate, RootInfo, UploadedCertificate,
        is_certificate_name,
    },
};

/// Characters of an alias and of a field of the subject.
const TEXT: usize = 64;
/// Names in a certificate.
const NAMES: usize = 32;
/// Days that a new certificate may be valid.
const DAYS: std::ops::RangeInclusive<u32> = 1..=3650;

fn alias(alias: &str, violations: &mut Violations) {
    let n = alias.chars().count();
    violations.require((1..=TEXT).contains(&n), || {
        Violation::new(
            "/alias",
            alias,
            format!("has {n} characters; allowed are 1 to {TEXT}"),
        )
    });
}

fn check(new: &NewCertificate, with_days: bool) -> Result<()> {
    let mut violations = Violations::default();
    alias(&new.alias, &mut violations);
    let s = &new.subject;
    violations.require(
        s.country.is_empty()
            || (s.country.len() == 2 && s.country.bytes().all(|b| b.is_ascii_alphabetic())),
        || Violation::new("/subject/country", &s.country, "must be two letters"),
    );
    for (field, text) in [
        ("state", &s.state),
        ("city", &s.city),
        ("organization", &s.organization),
        ("unit", &s.unit),
        ("common_name", &s.common_name),
    ] {
        let n = text.chars().count();
        violations.require(n <= TEXT && !text.chars().any(char::is_control), || {
            let reason = format!("has {n} characters; allowed are 0 to {TEXT} visible ones");
            Violation::new(&format!("/subject/{field}"), text, reason)
        });
    }
    violations.require(new.names.len() <= NAMES, || {
        Violation::new("/names", new.names.len(), format!("at most {NAMES} names"))
    });
    for (i, name) in new.names.iter().enumerate().take(NAMES) {
        violations.require(is_certificate_name(name), || {
            let reason = "is neither a host name nor an address";
            Violation::new(&format!("/names/{i}"), name, reason)
        });
    }
    violations.require(!with_days || DAYS.contains(&new.valid_days), || {
        let reason = format!("is outside {} to {} days", DAYS.start(), DAYS.end());
        Violation::new("/valid_days", new.valid_days, reason)
    });
    violations.into_result()
}

impl Device {
    /// The names and addresses under which the unit is reached now.
    pub fn present_names(&self) -> Vec<String> {
        let host = self.network.hostname();
        let addresses = self
            .network
            .interfaces()
            .into_iter()
            .flat_map(|i| i.addresses);
        [host.clone(), format!("{host}.local")]
            .into_iter()
            .chain(addresses.map(|(a, _)| a.to_string()))
            .collect()
    }

    /// All certificates and requests, and the root.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`].
    pub fn certificates(&self, by: &Actor) -> Result<(Vec<CertificateInfo>, RootInfo)> {
        by.require(Permission::SecurityConfig)?;
        let list = self
            .certificates
            .list(self.clock.now(), &self.present_names())?;
        Ok((list, self.certificates.root()?))
    }

    /// One entry.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::NotFound`].
    pub fn certificate(&self, by: &Actor, id: &str) -> Result<CertificateInfo> {
        let (all, _) = self.certificates(by)?;
        let found = all.into_iter().find(|c| c.id == id);
        found.ok_or_else(|| crate::Error::not_found("certificate", id))
    }

    /// Makes a key and its certificate (HTTPS-1); returns the entry.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    pub fn create_certificate(&self, by: &Actor, new: NewCertificate) -> Result<CertificateInfo> {
        by.require(Permission::SecurityConfig)?;
        check(&new, true)?;
        let id = self
            .certificates
            .create(&self.filled(new), self.clock.now())?;
        self.told(by, &id, "Certificate made")
    }

    /// Makes a key and a request for its certificate; returns the entry.
    ///
    /// # Errors
    /// As [`Device::create_certificate`].
    pub fn request_certificate(&self, by: &Actor, new: NewCertificate) -> Result<CertificateInfo> {
        by.require(Permission::SecurityConfig)?;
        check(&new, false)?;
        let id = self.certificates.request(&self.filled(new))?;
        self.told(by, &id, "Certificate request made")
    }

    /// Gives a request its signed certificate.
    ///
    /// # Errors
    /// As [`crate::ports::Certificates::complete`], and [`crate::Error::Forbidden`].
    pub fn complete_certificate(
        &self,
        by: &Actor,
        id: &str,
        certificate: &str,
    ) -> Result<CertificateInfo> {
        by.require(Permission::SecurityConfig)?;
        self.certificates
            .complete(id, certificate, self.clock.now())?;
        self.told(by, id, "Signed certificate stored")
    }

    /// Stores a key and its certificate from elsewhere (HTTPS-4).
    ///
    /// # Errors
    /// As [`crate::ports::Certificates::upload`], and [`crate::Error::Forbidden`].
    pub fn upload_certificate(
        &self,
        by: &Actor,
        alias_text: &str,
        upload: &UploadedCertificate,
    ) -> Result<CertificateInfo> {
        by.require(Permission::SecurityConfig)?;
        let mut violations = Violations::default();
        alias(alias_text, &mut violations);
        violations.into_result()?;
        let id = self
            .certificates
            .upload(alias_text, upload, self.clock.now())?;
        self.told(by, &id, "Certificate uploaded")
    }

    /// Lets HTTPS use it from the next connection on (HTTPS-2).
    ///
    /// # Errors
    /// As [`crate::ports::Certificates::install`], and [`crate::Error::Forbidden`].
    pub fn install_certificate(&self, by: &Actor, id: &str) -> Result<()> {
        by.require(Permission::SecurityConfig)?;
        self.certificates.install(id, self.clock.now())?;
        self.told(by, id, "HTTPS uses the certificate from now on")
            .map(drop)
    }

    /// Deletes an entry (HTTPS-9).
    ///
    /// # Errors
    /// As [`crate::ports::Certificates::delete`], and [`crate::Error::Forbidden`].
    pub fn delete_certificate(&self, by: &Actor, id: &str) -> Result<()> {
        let info = self.certificate(by, id)?;
        self.certificates.delete(id)?;
        let what = format!("Certificate {id} '{}' deleted.", info.alias);
        self.audit(LogKind::Configuration, by, what);
        Ok(())
    }

    /// The certificate that HTTPS uses, when it ends within 30 days or is over; call it once a day.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub fn ending_certificate(&self) -> Result<Option<CertificateInfo>> {
        let all = self.certificates.list(self.clock.now(), &[])?;
        Ok(all.into_iter().find(|c| {
            let ending = [
                Some(CertificateState::Expiring),
                Some(CertificateState::Expired),
            ];
            c.in_use && ending.contains(&c.state)
        }))
    }

    fn filled(&self, mut new: NewCertificate) -> NewCertificate {
        if new.subject.common_name.is_empty() {
            new.subject.common_name = self.network.hostname();
        }
        if new.names.is_empty() {
            new.names = self.present_names();
            new.names.retain(|n| is_certificate_name(n));
        }
        new
    }

    fn told(&self, by: &Actor, id: &str, what: &str) -> Result<CertificateInfo> {
        let info = self.certificate(by, id)?;
        let text = format!("{what}: {id} '{}', {}.", info.alias, info.subject);
        self.audit(LogKind::Configuration, by, text);
        Ok(info)
    }
}
