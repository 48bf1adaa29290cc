//! Cover: TLS on the way to PostgreSQL, and whom it may end at.

use std::sync::{Arc, OnceLock};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::server_url::{Cover, ServerUrl};

/// What TLS to this server is made with.
///
/// # Errors
/// When the authorities can't be read, in words for people.
pub(super) fn connector(url: &ServerUrl) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let judge: Arc<dyn ServerCertVerifier> = match url.cover() {
        Cover::Nothing | Cover::IfOffered | Cover::Unverified => {
            Arc::new(Lenient::with(Vouched::ByNobody, &provider))
        }
        Cover::Authority => Arc::new(Lenient::with(
            Vouched::UnderAnyName(known(url, &provider)?),
            &provider,
        )),
        Cover::Verified => known(url, &provider)?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(judge)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Whom the authorities of the file know, or this machine's.
fn known(
    url: &ServerUrl,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    static PLATFORM: OnceLock<Arc<rustls_platform_verifier::Verifier>> = OnceLock::new();
    let Some(path) = url.authorities() else {
        if let Some(judge) = PLATFORM.get() {
            return Ok(Arc::clone(judge) as _);
        }
        let judge =
            rustls_platform_verifier::Verifier::new(Arc::clone(provider)).map_err(|error| {
                format!("the certificates that this machine trusts can't be read: {error}")
            })?;
        return Ok(Arc::clone(PLATFORM.get_or_init(|| Arc::new(judge))) as _);
    };
    let unusable =
        |why: &dyn std::fmt::Display| format!("SWITCHBOARD_DATABASE_CA: {}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"holds no certificate in PEM form"));
    }
    let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(&error))?;
    Ok(judge as _)
}

/// Lets through what was said to be enough.
#[derive(Debug)]
struct Lenient {
    vouched: Vouched,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Vouched {
    ByNobody,
    UnderAnyName(Arc<dyn ServerCertVerifier>),
}

impl Lenient {
    fn with(vouched: Vouched, provider: &Arc<CryptoProvider>) -> Self {
        Self {
            vouched,
            provider: Arc::clone(provider),
        }
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Vouched::UnderAnyName(authority) = &self.vouched else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is looked at last: who fails by it is vouched for.
        match authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
