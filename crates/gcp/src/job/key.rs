//! Who a job belongs to, so that a second attempt finds it.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// The label with the pipeline run's id.
pub const RUN_LABEL: &str = "kfp-run";
/// The label with the task's name.
pub const TASK_LABEL: &str = "kfp-task";
/// The label with the key of the work: the same for every attempt at it.
pub const KEY_LABEL: &str = "kfp-key";

/// The identity of one piece of work: a run, a task in it, and what it works on. Every attempt
/// has the same one, so names and labels made from it lead to the job an earlier attempt started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobKey {
    run: String,
    task: String,
    digest: [u8; 32],
}

impl JobKey {
    /// The identity of `task` of `run`, working on `inputs`: whatever makes two jobs different,
    /// in a fixed order.
    pub fn new<I>(run: &str, task: &str, inputs: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let mut hasher = Sha256::new();
        let mut add = |part: &[u8]| {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(run.as_bytes());
        add(task.as_bytes());
        for input in inputs {
            add(input.as_ref());
        }
        Self {
            run: run.to_owned(),
            task: task.to_owned(),
            digest: hasher.finalize().into(),
        }
    }

    /// The key itself: 16 lower-case hexadecimal digits.
    pub fn key(&self) -> String {
        self.digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The task and the key, as a name that every service takes: it begins with a letter, has
    /// lower-case letters, digits and hyphens, and at most 40 of them (machines get longer names
    /// from it).
    pub fn name(&self) -> String {
        let task: String = self
            .task
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(23)
            .collect();
        let task = task.trim_matches('-');
        let begins_well = task.starts_with(|c: char| c.is_ascii_lowercase());
        let task = if begins_well { task } else { "job" };
        format!("{task}-{}", self.key())
    }

    /// A number of ten digits, as Vertex AI wants for a deployed model's id.
    ///
    /// # Panics
    /// Never: a digest is long enough.
    pub fn number(&self) -> u64 {
        let tail = self.digest[8..16].try_into().expect("eight bytes");
        1_000_000_000 + u64::from_le_bytes(tail) % 9_000_000_000
    }

    /// The labels every job of this work carries.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (RUN_LABEL.to_owned(), label_value(&self.run)),
            (TASK_LABEL.to_owned(), label_value(&self.task)),
            (KEY_LABEL.to_owned(), self.key()),
        ])
    }
}

/// `text` as a label's value: at most 63 lower-case letters, digits, `_` and `-`.
pub fn label_value(text: &str) -> String {
    let keep = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    text.chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if keep(c) { c } else { '-' })
        .take(63)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_work_has_the_same_key_and_other_work_another() {
        let key = |run, task, inputs: &[&str]| JobKey::new(run, task, inputs).key();
        assert_eq!(key("r", "t", &["a", "b"]), key("r", "t", &["a", "b"]));
        let others = [
            key("r", "t", &["a", "b"]),
            key("r", "t", &["ab"]),
            key("r", "t", &["a", "b", ""]),
            key("r2", "t", &["a", "b"]),
            key("r", "t2", &["a", "b"]),
        ];
        for (i, one) in others.iter().enumerate() {
            assert!(!others[i + 1..].contains(one), "{one}");
        }
    }

    #[test]
    fn names_fit_every_service() {
        for (task, begin) in [
            ("transform", "transform-"),
            ("Train the Model!", "train-the-model-"),
            ("2nd", "job-"),
            ("", "job-"),
            ("a-task-with-a-very-long-name", "a-task-with-a-very-long-"),
        ] {
            let name = JobKey::new("run", task, ["x"]).name();
            assert!(name.starts_with(begin), "{name}");
            assert!(name.len() <= 40, "{name}");
            assert!(!name.contains("--"), "{name}");
        }
    }

    #[test]
    fn labels_fit_every_service() {
        let key = JobKey::new("Run 7/ä", "train", ["x"]);
        let labels = key.labels();
        assert_eq!(labels[RUN_LABEL], "run-7--");
        assert_eq!(labels[TASK_LABEL], "train");
        assert_eq!(labels[KEY_LABEL], key.key());
        assert_eq!(label_value(&"x".repeat(100)).len(), 63);
        assert!((1_000_000_000..10_000_000_000).contains(&key.number()));
    }
}
