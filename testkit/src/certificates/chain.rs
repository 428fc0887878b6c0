//! Certificates for tests of chains and of kinds of keys.

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256};

use super::{Certificates, Issued, named};

impl Certificates {
    /// An authority below this one. What it issues comes with its own certificate behind.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn below(&self, common_name: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = named(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        let ca = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), ca })
    }

    /// A server certificate with an RSA key for one DNS name.
    ///
    /// # Errors
    /// When the name is no name.
    pub fn server_rsa(&self, name: &str) -> anyhow::Result<Issued> {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let mut params = named(name);
        params.subject_alt_names.push(rcgen::SanType::DnsName(name.try_into()?));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}
