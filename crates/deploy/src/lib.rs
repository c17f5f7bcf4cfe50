//! Validates, installs and serves a trained model.
