//! `current.json`: which version of a model is served, and how to go back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The served version and its history. Replaced as a whole, so that a reader sees the state
/// before a switch or after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pointer {
    /// [`artifacts::FORMAT_VERSION`].
    pub(crate) version: u32,
    /// The version that is served; none before the first one proved itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) model_version: Option<u64>,
    /// Deployed versions, the last deployed one first. A rollback leaves this as it is, so that
    /// a rollback repeated after an interruption ends at the same version.
    pub(crate) history: Vec<u64>,
    /// The highest number ever given: numbers are not used again, whatever becomes of a version.
    pub(crate) last_version: u64,
    /// What to return to while the served version has not answered over HTTP yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) unconfirmed: Option<Restore>,
    /// A version that is tried out beside the served one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) canary: Option<Canary>,
}

/// A version that answers a part of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canary {
    pub(crate) model_version: u64,
    /// Requests of a hundred that it answers.
    pub(crate) percent: u8,
}

/// The state before a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) model_version: Option<u64>,
    pub(crate) history: Vec<u64>,
}

impl artifacts::Versioned for Pointer {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Pointer {
    /// The state of a model that was never deployed.
    pub(crate) fn new() -> Self {
        Self {
            version: artifacts::FORMAT_VERSION,
            ..Self::default()
        }
    }

    /// Whether a version stands in the confirmed history; others are left-overs of runs that
    /// were killed or whose check failed.
    pub(crate) fn is_confirmed(&self, version: u64) -> bool {
        self.settled().history.contains(&version)
    }

    /// The version a rollback goes to: the one deployed before the last deployed one. None where
    /// the served version is older than that already: a rollback never goes forward.
    pub(crate) fn previous(&self) -> Option<u64> {
        let mut older = self.history.iter().skip(2);
        if older.any(|version| Some(*version) == self.model_version) {
            return None;
        }
        self.history.get(1).copied()
    }

    /// Serves a newly installed version. A switch that was never confirmed did not happen, and
    /// versions that were rolled back from are not returned to.
    pub(crate) fn deploy(&self, version: u64) -> Self {
        let settled = self.settled();
        let served = settled.model_version;
        let kept = settled
            .history
            .iter()
            .skip_while(|candidate| served.is_some_and(|served| served != **candidate));
        let history = std::iter::once(version)
            .chain(kept.copied().filter(|kept| *kept != version))
            .collect();
        self.switch(version, history)
    }

    /// Serves a version of the history again.
    pub(crate) fn roll_back(&self, version: u64) -> Self {
        self.switch(version, self.history.clone())
    }

    /// Tries a newly installed version out beside the served one.
    pub(crate) fn try_out(&self, canary: Canary) -> Self {
        Self {
            last_version: self.last_version.max(canary.model_version),
            canary: Some(canary),
            ..self.settled()
        }
    }

    /// Serves the served version alone.
    pub(crate) fn alone(self) -> Self {
        Self {
            canary: None,
            ..self
        }
    }

    /// Another version is served, and none tried out any more.
    fn switch(&self, version: u64, history: Vec<u64>) -> Self {
        let settled = self.settled().alone();
        if settled.model_version == Some(version) && settled.history == history {
            return settled;
        }
        Self {
            version: self.version,
            model_version: Some(version),
            history,
            last_version: self.last_version.max(version),
            unconfirmed: Some(Restore {
                model_version: settled.model_version,
                history: settled.history,
            }),
            canary: None,
        }
    }

    /// The served version answered: the switch stands, with `keep` versions to go back to.
    pub(crate) fn confirmed(&self, keep: usize) -> Self {
        let served = self.model_version;
        let position = self.history.iter().position(|v| Some(*v) == served);
        let mut confirmed = Self {
            unconfirmed: None,
            ..self.clone()
        };
        confirmed.history.truncate(position.unwrap_or(0) + 1 + keep);
        confirmed
    }

    /// The state as of the last confirmed switch.
    pub(crate) fn settled(&self) -> Self {
        match &self.unconfirmed {
            None => self.clone(),
            Some(before) => Self {
                version: self.version,
                model_version: before.model_version,
                history: before.history.clone(),
                last_version: self.last_version,
                unconfirmed: None,
                canary: None,
            },
        }
    }

    /// The versions that have to stay installed.
    pub(crate) fn needed(&self) -> BTreeSet<u64> {
        let before = self.unconfirmed.iter().flat_map(|before| &before.history);
        let canary = self.canary.iter().map(|canary| &canary.model_version);
        let needed = self.history.iter().chain(before).chain(canary);
        needed.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(served: u64, history: &[u64]) -> Pointer {
        Pointer {
            model_version: Some(served),
            history: history.to_vec(),
            last_version: history.iter().copied().max().unwrap_or(0),
            ..Pointer::new()
        }
    }

    #[test]
    fn a_deployment_is_unconfirmed_until_it_answered() {
        let before = state(2, &[2, 1]);
        let switched = before.deploy(3);
        assert_eq!(
            (switched.model_version, switched.previous()),
            (Some(3), Some(2))
        );
        assert_eq!(
            switched.settled(),
            Pointer {
                last_version: 3,
                ..before
            }
        );
        assert_eq!(switched.confirmed(5), state(3, &[3, 2, 1]));
    }

    #[test]
    fn repeating_a_confirmed_deployment_changes_nothing() {
        let before = state(2, &[2, 1]);
        assert_eq!(before.deploy(2), before);
    }

    #[test]
    fn repeating_an_interrupted_deployment_resumes_it() {
        let interrupted = state(2, &[2, 1]).deploy(3);
        assert_eq!(interrupted.deploy(3), interrupted);
    }

    #[test]
    fn an_interrupted_deployment_leaves_no_trace_in_the_next_ones_history() {
        let interrupted = state(2, &[2, 1]).deploy(3);
        assert_eq!(interrupted.deploy(4).confirmed(5), state(4, &[4, 2, 1]));
        assert!(!interrupted.is_confirmed(3));
    }

    #[test]
    fn a_rollback_repeated_ends_at_the_same_version() {
        let once = state(3, &[3, 2, 1]);
        let once = once.roll_back(once.previous().unwrap());
        let resumed = once.roll_back(once.previous().unwrap());
        assert_eq!(resumed, once);
        let confirmed = once.confirmed(5);
        assert_eq!(confirmed, state(2, &[3, 2, 1]));
        assert_eq!(
            confirmed.roll_back(confirmed.previous().unwrap()),
            confirmed
        );
    }

    #[test]
    fn a_rollback_never_goes_forward() {
        assert_eq!(state(1, &[3, 2, 1]).previous(), None);
        assert_eq!(state(1, &[1]).previous(), None);
    }

    #[test]
    fn a_rollback_of_an_interrupted_deployment_returns_to_the_version_before_it() {
        let interrupted = state(2, &[2, 1]).deploy(3);
        assert_eq!(interrupted.previous(), Some(2));
        let settled = interrupted.roll_back(2).settled();
        assert_eq!(
            (settled.model_version, settled.history),
            (Some(2), vec![2, 1])
        );
    }

    #[test]
    fn a_version_is_tried_out_until_it_is_deployed_or_rolled_back() {
        let canary = Canary {
            model_version: 3,
            percent: 10,
        };
        let tried = state(2, &[2, 1]).try_out(canary);
        assert_eq!((tried.model_version, tried.canary), (Some(2), Some(canary)));
        assert_eq!(tried.needed(), BTreeSet::from([1, 2, 3]));
        assert_eq!(tried.confirmed(0).canary, Some(canary));
        assert!(!tried.is_confirmed(3));
        assert_eq!(tried.deploy(3).confirmed(5), state(3, &[3, 2, 1]));
        let undone = Pointer {
            last_version: 3,
            ..state(2, &[2, 1])
        };
        assert_eq!(tried.roll_back(2), undone);
        assert_eq!(tried.alone(), undone);
    }

    #[test]
    fn a_deployment_after_a_rollback_forgets_what_was_rolled_back_from() {
        let rolled_back = state(2, &[3, 2, 1]);
        assert_eq!(rolled_back.deploy(4).confirmed(5), state(4, &[4, 2, 1]));
        let again = rolled_back.deploy(2).confirmed(5);
        assert_eq!((again.history, again.last_version), (vec![2, 1], 3));
    }

    #[test]
    fn confirming_keeps_the_asked_number_of_versions_to_go_back_to() {
        let confirmed = state(4, &[4, 3, 2, 1]).deploy(5).confirmed(2);
        assert_eq!(confirmed.history, [5, 4, 3]);
        assert_eq!(confirmed.needed(), BTreeSet::from([3, 4, 5]));
        assert_eq!(state(1, &[3, 2, 1]).confirmed(0).history, [3, 2, 1]);
    }
}
