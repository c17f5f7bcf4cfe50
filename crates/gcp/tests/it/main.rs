//! Credentials as their users meet them: found, asked for tokens, and refused.

mod files;
mod tokens;
