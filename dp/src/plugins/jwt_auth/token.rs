//! Signed tokens (RFC 7519, RFC 7515) and the keys that sign them (RFC 7518, RFC 8037).

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plugin::Error;

/// Padding does not belong there and does no harm.
pub(super) const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How tokens are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Algorithm {
    #[default]
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
    Ps256,
    Ps384,
    Ps512,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// What verifies signatures.
pub(super) struct Key {
    algorithm: Algorithm,
    kind: Kind,
}

enum Kind {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

/// A token whose signature nobody has looked at.
pub(super) struct Token<'t> {
    algorithm: Option<Algorithm>,
    /// What the signature is of.
    signed: &'t str,
    signature: &'t str,
    /// What it says.
    pub claims: Value,
}

/// What an algorithm needs for a signature to be verified.
enum Means {
    Secret(hmac::Algorithm),
    Public(&'static dyn VerificationAlgorithm),
}

// === impl Algorithm ===

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::EdDsa,
    ];

    /// Whether both sides know the same secret.
    #[must_use]
    pub fn has_secret(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    fn means(self) -> Means {
        match self {
            Self::Hs256 => Means::Secret(hmac::HMAC_SHA256),
            Self::Hs384 => Means::Secret(hmac::HMAC_SHA384),
            Self::Hs512 => Means::Secret(hmac::HMAC_SHA512),
            Self::Rs256 => Means::Public(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Means::Public(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Means::Public(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Es256 => Means::Public(&signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Means::Public(&signature::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => Means::Public(&signature::ECDSA_P521_SHA512_FIXED),
            Self::Ps256 => Means::Public(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Means::Public(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Means::Public(&signature::RSA_PSS_2048_8192_SHA512),
            Self::EdDsa => Means::Public(&signature::ED25519),
        }
    }
}

// === impl Key ===

impl Key {
    /// Of a consumer's configuration.
    pub fn compile(algorithm: Algorithm, secret: Option<&[u8]>, public: Option<&str>) -> Result<Self, Error> {
        let kind = match algorithm.means() {
            Means::Secret(means) => {
                let missing = "property \"secret\" is required when using HS based algorithms";
                let secret = secret.ok_or_else(|| Error::Refused(missing.to_owned()))?;
                Kind::Secret(Box::new(hmac::Key::new(means, secret)))
            }
            Means::Public(means) => {
                let pem = public.ok_or_else(|| Error::Refused("missing valid public key".to_owned()))?;
                let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes());
                let der = der.map_err(|e| Error::Refused(format!("public_key is no public key in PEM: {e}")))?;
                let key = ParsedPublicKey::new(means, der.as_ref());
                Kind::Public(key.map_err(|_| Error::Refused("public_key does not suit the algorithm".to_owned()))?)
            }
        };
        Ok(Self { algorithm, kind })
    }

    /// Whether the token is signed with it. The token does not choose the algorithm: else a public key could be taken
    /// for a secret.
    pub fn has_signed(&self, token: &Token<'_>) -> bool {
        let Ok(signature) = BASE64_URL.decode(token.signature) else { return false };
        let verified = match &self.kind {
            Kind::Secret(key) => hmac::verify(key, token.signed.as_bytes(), &signature),
            Kind::Public(key) => key.verify_sig(token.signed.as_bytes(), &signature),
        };
        token.algorithm == Some(self.algorithm) && verified.is_ok()
    }
}

// === impl Token ===

impl<'t> Token<'t> {
    /// Takes it apart.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let read = |part: &str| serde_json::from_slice::<Value>(&BASE64_URL.decode(part).ok()?).ok();
        let (header, claims) = (read(header)?, read(claims)?);
        let algorithm = header.get("alg").and_then(|name| Algorithm::deserialize(name).ok());
        Some(Self { algorithm, signed, signature, claims })
    }
}
