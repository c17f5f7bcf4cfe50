//! Which model of which repository, checked.

use std::path::PathBuf;

use crate::{Error, args::TargetArgs, repository::Repository};

/// The model's part of the repository the flags name.
pub(crate) fn repository(args: &TargetArgs) -> Result<Repository, Error> {
    let Some(root) = &args.model_repository else {
        return Err(Error::missing("--model-repository"));
    };
    let Some(root) = root.local_path() else {
        return Err(Error::Flag {
            flag: "--model-repository",
            value: root.to_string(),
            problem: "is not a local directory, and versions are switched by renaming files",
            hint: "name a directory that the server sees too, for example a mounted volume",
        });
    };
    Ok(Repository::new(
        PathBuf::from(root),
        model_name(&args.model_name)?,
    ))
}

/// A name that is one path component and that Vertex AI takes as a model's id.
pub(crate) fn model_name(name: &str) -> Result<String, Error> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(&c);
    let starts_well = name
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
    if !starts_well || name.len() > 63 || !name.bytes().all(allowed) {
        return Err(Error::Flag {
            flag: "--model-name",
            value: name.to_owned(),
            problem: "is not a name for a model",
            hint: "use 1 to 63 lower-case letters, digits, `-` and `_`, a letter or digit first",
        });
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_is_one_harmless_path_component() {
        for name in ["model", "btc-close", "7", "a_b"] {
            assert_eq!(model_name(name).unwrap(), name);
        }
        let long = "x".repeat(64);
        for name in ["", ".", "..", "a/b", "-x", "_x", "Model", "a b", "é", &long] {
            assert!(model_name(name).is_err(), "{name}");
        }
    }
}
