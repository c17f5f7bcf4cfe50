//! One TLS implementation for the whole process.

/// Makes *ring* the process's provider of cryptography. Without it clients built on rustls panic;
/// calling it again does nothing.
pub fn install_tls() {
    // An error says that a provider is installed already, which is what is wished for.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
