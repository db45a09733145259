//! TLS by rustls with ring, whatever else the process links.

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector, TlsHostMapping};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::ConfigError;

/// What TLS is told.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    pub(crate) roots: Option<Vec<u8>>,
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// Returns what fred needs, nothing without TLS.
    pub(crate) fn config(&self, wanted: bool) -> Result<Option<TlsConfig>, ConfigError> {
        if !wanted {
            return match (&self.roots, &self.identity) {
                (None, None) => Ok(None),
                (Some(_), _) => Err(unwanted("tls_roots")),
                (None, Some(_)) => Err(unwanted("tls_identity")),
            };
        }
        // Named, because a process that links two providers has no default one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::setting("url", format!("asks for TLS: {error}")))?
            .with_root_certificates(self.roots()?);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|error| wrong("tls_identity", "a private key", error))?;
                config
                    .with_client_auth_cert(certificates("tls_identity", certificate)?, key)
                    .map_err(|error| wrong("tls_identity", "a pair that fits", error))?
            }
        };
        Ok(Some(TlsConfig {
            connector: TlsConnector::from(config),
            // Nodes of a cluster are told by address; the certificate names the host.
            hostnames: TlsHostMapping::DefaultHost,
        }))
    }

    fn roots(&self) -> Result<RootCertStore, ConfigError> {
        let mut store = RootCertStore::empty();
        let Some(pem) = &self.roots else {
            // Some of a system's may be unreadable; what counts is that there are any.
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                let trouble = "asks for TLS and the system has no certificates to trust: install \
                    them (package ca-certificates) or give `tls_roots`";
                return Err(ConfigError::setting("url", trouble));
            }
            return Ok(store);
        };
        for certificate in certificates("tls_roots", pem)? {
            store
                .add(certificate)
                .map_err(|error| wrong("tls_roots", "certificates to trust", error))?;
        }
        Ok(store)
    }
}

fn certificates(
    setting: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let list: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(setting, "certificates in PEM", error))?;
    if list.is_empty() {
        return Err(ConfigError::setting(setting, "holds no certificate in PEM"));
    }
    Ok(list)
}

fn wrong(setting: &'static str, wanted: &str, error: impl std::fmt::Display) -> ConfigError {
    ConfigError::setting(setting, format!("is not {wanted}: {error}"))
}

fn unwanted(setting: &'static str) -> ConfigError {
    ConfigError::setting(
        setting,
        "is given and the URL asks for no TLS: begin it with `rediss://`",
    )
}
