use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use zeroize::Zeroizing;

use super::{PublicKey, SIGNATURE_LENGTH};
use crate::{Error, Result, ports::PictureSigner};

/// A key of watermarks: P-256, in memory. Whoever makes one keeps its document.
#[derive(Debug)]
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    random: SystemRandom,
}

impl SigningKey {
    /// A fresh key as a PKCS#8 document, which is secret.
    ///
    /// # Errors
    /// [`Error::Internal`] without random numbers.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>> {
        let random = SystemRandom::new();
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map(|der| Zeroizing::new(der.as_ref().to_vec()))
            .map_err(Error::internal)
    }

    /// The key of such a document.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is none.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random)
            .map_err(Error::internal)?;
        let public = pair.public_key().as_ref().try_into();
        Ok(Self {
            public: PublicKey(public.map_err(Error::internal)?),
            pair,
            random,
        })
    }
}

impl PictureSigner for SigningKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH]> {
        let signature = self
            .pair
            .sign(&self.random, message)
            .map_err(Error::internal)?;
        signature.as_ref().try_into().map_err(Error::internal)
    }
}
