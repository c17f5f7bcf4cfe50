//! Who answers how much of an endpoint's requests.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is on an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Versions by deployed model's id.
    pub(crate) versions: BTreeMap<String, String>,
    /// Percent of the requests by deployed model's id; nobody has 0.
    pub(crate) traffic: BTreeMap<String, u32>,
}

impl State {
    /// What an endpoint's document says; nothing for one that is not there.
    pub(crate) fn of(endpoint: Option<&Value>) -> Self {
        let Some(endpoint) = endpoint else {
            return Self::default();
        };
        let deployed = endpoint["deployedModels"].as_array().into_iter().flatten();
        let version = |one: &Value| {
            let text = |name: &str| Some(one[name].as_str()?.to_owned());
            Some((text("id")?, text("modelVersionId").unwrap_or_default()))
        };
        let split = endpoint["trafficSplit"].as_object().into_iter().flatten();
        let share = |(id, share): (&String, &Value)| {
            let share = share.as_u64().filter(|share| *share > 0)?;
            Some((id.clone(), share as u32))
        };
        Self {
            versions: deployed.filter_map(version).collect(),
            traffic: split.filter_map(share).collect(),
        }
    }

    /// The deployed model that answers most requests.
    pub(crate) fn served(&self) -> Option<&str> {
        let most = self.traffic.iter().max_by_key(|(_, share)| **share)?;
        Some(most.0)
    }

    /// The deployed model that is tried out beside it.
    pub(crate) fn tried_out(&self) -> Option<&str> {
        let served = self.served()?;
        let mut others = self.traffic.keys().filter(|id| *id != served);
        others.next().map(String::as_str)
    }

    /// The version of a deployed model.
    pub(crate) fn version(&self, id: &str) -> Option<&str> {
        self.versions.get(id).map(String::as_str)
    }

    /// The others' traffic alone, or with `share` percent taken by `newcomer`, which `0` stands
    /// for while it is being deployed.
    pub(crate) fn beside(&self, newcomer: &str, id: &str, share: u32) -> BTreeMap<String, u32> {
        let mut others = self.traffic.clone();
        others.remove(id);
        let sum: u32 = others.values().sum();
        if sum == 0 {
            return match share {
                0 => BTreeMap::new(),
                _ => BTreeMap::from([(newcomer.to_owned(), 100)]),
            };
        }
        let left = 100 - share;
        for part in others.values_mut() {
            *part = *part * left / sum;
        }
        // What rounding left over goes to those in front.
        let mut rest = left - others.values().sum::<u32>();
        for part in others.values_mut() {
            let more = rest.min(1);
            *part += more;
            rest -= more;
        }
        if share > 0 {
            others.insert(newcomer.to_owned(), share);
        }
        others
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(split: &Value) -> State {
        State::of(Some(&json!({
            "deployedModels": [
                {"id": "1", "modelVersionId": "4"}, {"id": "2", "modelVersionId": "5"},
            ],
            "trafficSplit": split,
        })))
    }

    #[test]
    fn the_served_and_the_one_tried_out_are_told_apart() {
        let both = state(&json!({"1": 90, "2": 10}));
        assert_eq!((both.served(), both.tried_out()), (Some("1"), Some("2")));
        assert_eq!(both.version("2"), Some("5"));
        let alone = state(&json!({"1": 100, "2": 0}));
        assert_eq!((alone.served(), alone.tried_out()), (Some("1"), None));
        assert_eq!(State::of(None).served(), None);
    }

    #[test]
    fn shares_are_whole_and_sum_to_a_hundred() {
        let split = |pairs: &[(&str, u32)]| -> BTreeMap<String, u32> {
            pairs
                .iter()
                .map(|(id, share)| ((*id).to_owned(), *share))
                .collect()
        };
        for (before, id, share, expected) in [
            (json!({}), "9", 10, split(&[("0", 100)])),
            (json!({"1": 100}), "9", 10, split(&[("0", 10), ("1", 90)])),
            (
                json!({"1": 67, "2": 33}),
                "9",
                10,
                split(&[("0", 10), ("1", 61), ("2", 29)]),
            ),
            (json!({"1": 90, "2": 10}), "2", 0, split(&[("1", 100)])),
            (json!({"2": 100}), "2", 0, split(&[])),
        ] {
            assert_eq!(state(&before).beside("0", id, share), expected);
        }
    }
}
