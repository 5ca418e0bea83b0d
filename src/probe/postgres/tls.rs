//! TLS as `sslmode` promises it, on rustls with the ring provider named here and nowhere guessed.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::settings::Tls;
use crate::model::{Reason, Unknown, shown_path};

/// A file of authorities is small; more than this is something else.
const ROOTS_BYTES_MAX: u64 = 4 << 20;

/// The client's side of TLS. Reads files of authorities, so it belongs on a thread that may wait.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig, Unknown> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let verifier = match tls {
        Tls::VerifyFull(file) => {
            let roots = match file {
                Some(file) => roots_of("sslrootcert", file)?,
                None => roots_of_system()?,
            };
            return Ok(builder(provider)?.with_root_certificates(roots).with_no_client_auth());
        }
        Tls::VerifyCa(file) => Chain { roots: Some(roots_of("sslrootcert", file)?), algorithms },
        Tls::Disable | Tls::Prefer | Tls::Require => Chain { roots: None, algorithms },
    };
    let dangerous = builder(provider)?.dangerous();
    Ok(dangerous.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// The client's side of TLS for whoever is no database: chain and name are verified, by the authorities of a file or those of
/// the system.
///
/// # Errors
/// When the authorities cannot be read.
pub fn verifying(authorities: Option<&Path>) -> Result<ClientConfig, Unknown> {
    client_config(&Tls::VerifyFull(authorities.map(Path::to_owned)))
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn builder(provider: Arc<CryptoProvider>) -> Result<Builder, Unknown> {
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.map_err(|e| Unknown::new(Reason::NotSupported, format!("TLS cannot be set up: {e}")))
}

fn roots_of(what: &str, file: &Path) -> Result<RootCertStore, Unknown> {
    let bad = |why: &str| {
        Unknown::new(Reason::NotConfigured, format!("{what} {}: {why}", shown_path(file)))
    };
    let length = std::fs::metadata(file).map_err(|e| bad(&e.to_string()))?.len();
    if length > ROOTS_BYTES_MAX {
        return Err(bad(&format!("it has {length} bytes, at most {ROOTS_BYTES_MAX} are read")));
    }
    let text = std::fs::read(file).map_err(|e| bad(&e.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|e| bad(&e.to_string()))?;
        roots.add(certificate).map_err(|e| bad(&e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("it holds no certificate"));
    }
    Ok(roots)
}

/// Where Linux distributions keep the certificates that they trust.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn roots_of_system() -> Result<RootCertStore, Unknown> {
    let bundle = SYSTEM_BUNDLES.iter().map(Path::new).find(|bundle| bundle.is_file());
    let Some(bundle) = bundle else {
        let detail =
            "the operating system has no trusted certificates (`apt-get install ca-certificates`)";
        return Err(Unknown::new(Reason::NotConfigured, detail));
    };
    roots_of("the system's certificates", bundle)
}

/// Verifies the chain to an authority where there are authorities, and never the name.
///
/// The handshake's signature is always checked: whoever presents a certificate must hold its key.
#[derive(Debug)]
struct Chain {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_of_this_systems_bundle_can_be_trusted() {
        if SYSTEM_BUNDLES.iter().any(|bundle| Path::new(bundle).is_file()) {
            assert!(roots_of_system().is_ok_and(|roots| roots.len() > 10));
        } else {
            eprintln!("SKIPPED, nothing was tested: this system has no bundle of certificates");
        }
    }
}
