use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};

use crate::{
    Error, Result,
    ports::PictureSigner,
    watermark::{PublicKey, SIGNATURE_LENGTH},
};

/// A fresh key of watermarks, in memory.
#[derive(Debug)]
pub struct MemoryPictureKey(EcdsaKeyPair, SystemRandom);

impl Default for MemoryPictureKey {
    fn default() -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .expect("random numbers");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random)
                .expect("made above");
        Self(pair, random)
    }
}

impl PictureSigner for MemoryPictureKey {
    fn public_key(&self) -> PublicKey {
        let mut key = PublicKey([0; 65]);
        key.0.copy_from_slice(self.0.public_key().as_ref());
        key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH]> {
        let signature = self.0.sign(&self.1, message).map_err(Error::internal)?;
        signature.as_ref().try_into().map_err(Error::internal)
    }
}
