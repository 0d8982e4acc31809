//! Ed25519 signatures over a manifest, and whom to trust.
//!
//! The manifest holds the SHA-256 of every file, so a signature over its bytes vouches for the whole bundle.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::digest::{from_hex, to_hex};
use crate::error::PackError;

/// What is signed begins with this, so that a signature can never be taken for one over something else.
const CONTEXT: &[u8] = b"reflow-pack manifest 1\n";

/// Whose packs are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Anybody's. A signature that is there must be valid all the same.
    #[default]
    Any,
    /// Those signed by one of these keys.
    SignedBy(Vec<PublicKey>),
}

/// The key that a signature is checked with: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl FromStr for PublicKey {
    type Err = PackError;

    fn from_str(text: &str) -> Result<Self, PackError> {
        let bytes = from_hex(text.trim()).ok_or_else(|| PackError::BadKey { problem: format!("{text:?}") })?;
        VerifyingKey::from_bytes(&bytes)
            .map_err(|_| PackError::BadKey { problem: format!("{text} is no point of the curve") })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The secret key that a pack is signed with.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// When it has none.
    pub fn generate() -> Result<Self, PackError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| PackError::BadKey { problem: format!("no random numbers: {error}") })?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The secret in hexadecimal, to be kept in a file that only its owner can read.
    pub fn to_secret_hex(&self) -> String {
        to_hex(&self.0.to_bytes())
    }

    /// The key that others check with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a manifest as it stands in a bundle.
    pub fn sign(&self, manifest: &[u8]) -> Signature {
        let signature = self.0.sign(&[CONTEXT, manifest].concat());
        Signature {
            algorithm: "ed25519".into(),
            public_key: self.public().to_string(),
            signature: to_hex(&signature.to_bytes()),
        }
    }
}

impl FromStr for SigningKey {
    type Err = PackError;

    fn from_str(text: &str) -> Result<Self, PackError> {
        // The text is a secret, so it is not repeated.
        let seed = from_hex(text.trim()).ok_or_else(|| PackError::BadKey { problem: "the secret key".into() })?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public())
    }
}

/// `signature.json` in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// `ed25519`.
    pub algorithm: String,
    /// Whose it is.
    pub public_key: String,
    /// 128 hexadecimal digits.
    pub signature: String,
}

impl Signature {
    /// Checks that this is a signature over `manifest`; whose.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn verify(&self, manifest: &[u8]) -> Result<PublicKey, String> {
        if self.algorithm != "ed25519" {
            return Err(format!("its algorithm is {:?}; `ed25519` is the one", self.algorithm));
        }
        let key: PublicKey = self.public_key.parse().map_err(|error: PackError| error.to_string())?;
        let bytes = from_hex(&self.signature).ok_or("it is not 128 hexadecimal digits")?;
        let signature = ed25519_dalek::Signature::from_bytes(&bytes);
        VerifyingKey::from_bytes(&key.0)
            .and_then(|verifier| verifier.verify_strict(&[CONTEXT, manifest].concat(), &signature))
            .map_err(|_| "it does not belong to this manifest: one of the two was changed".to_string())?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_belongs_to_one_manifest_and_one_key() {
        let key = SigningKey::generate().unwrap();
        let signature = key.sign(b"one");
        assert_eq!(signature.verify(b"one"), Ok(key.public()));
        assert!(signature.verify(b"two").unwrap_err().contains("changed"));
        let other = SigningKey::generate().unwrap().public().to_string();
        assert!(Signature { public_key: other, ..signature.clone() }.verify(b"one").is_err());
        assert!(Signature { algorithm: "none".into(), ..signature }.verify(b"one").is_err());
        let again: SigningKey = key.to_secret_hex().parse().unwrap();
        assert_eq!(again.public(), key.public());
        assert!("12".parse::<PublicKey>().unwrap_err().to_string().contains("64 hexadecimal digits"));
    }
}
