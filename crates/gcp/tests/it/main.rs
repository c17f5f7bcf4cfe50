//! Credentials as their users meet them: found, asked for tokens, and refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod files;
mod tokens;
