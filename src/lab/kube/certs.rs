//! Each API server's certificate authority and its own certificate.

use std::{io, sync::Arc, sync::OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::PrivateKeyDer,
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SigningKey, SingleCertAndKey},
};

/// What all servers of a process share: thousands of keys would only cost time and memory.
struct Shared {
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    provider: Arc<CryptoProvider>,
}

/// A server's certificate, ready for use.
pub(super) struct Certificates {
    /// The authority's certificate.
    pub(super) ca_pem: String,
    /// TLS with a certificate of that authority for `localhost` and 127.0.0.1.
    pub(super) tls: Arc<ServerConfig>,
}

/// Makes an authority of its own and a certificate under it. The authority's key is forgotten right away.
pub(super) fn issue(name: &str) -> io::Result<Certificates> {
    let shared = shared()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(other)?).map_err(other)?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(other)?;
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&shared.key, &authority).map_err(other)?;
    let certified = CertifiedKey::new(vec![certificate.der().clone()], Arc::clone(&shared.signing));
    let mut tls = ServerConfig::builder_with_provider(Arc::clone(&shared.provider))
        .with_safe_default_protocol_versions()
        .map_err(other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    // A cache of sessions for each server would cost more than the handshakes it saves.
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Certificates { ca_pem: authority.pem(), tls: Arc::new(tls) })
}

fn shared() -> io::Result<&'static Shared> {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    if let Some(shared) = SHARED.get() {
        return Ok(shared);
    }
    let key = KeyPair::generate().map_err(other)?;
    let signing = aws_lc_rs::sign::any_ecdsa_type(&PrivateKeyDer::Pkcs8(key.serialize_der().into())).map_err(other)?;
    let new = Shared { key, signing, provider: Arc::new(aws_lc_rs::default_provider()) };
    Ok(SHARED.get_or_init(|| new))
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
