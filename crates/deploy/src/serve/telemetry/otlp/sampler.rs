//! Which requests are recorded:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration>.

use super::super::TraceContext;

/// Decides by the trace alone, so that every service on its way decides the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    /// Whether the caller's decision stands where there is a caller.
    pub(super) is_parent_based: bool,
    /// The part of the other traces that is recorded, from 0 to 1.
    pub(super) ratio: f64,
}

impl Sampler {
    /// The sampler of this name; its argument is a ratio. None for a name that is not known here.
    pub(super) fn named(name: &str, ratio: f64) -> Option<Self> {
        let (base, is_parent_based) = match name.strip_prefix("parentbased_") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let ratio = match base {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => return None,
        };
        Some(Self {
            is_parent_based,
            ratio,
        })
    }

    pub(super) fn records(&self, trace: &TraceContext) -> bool {
        if self.is_parent_based && trace.parent_id.is_some() {
            return trace.is_sampled;
        }
        // As other implementations do it: the lower 63 bits are evenly distributed.
        let number = trace.trace_id as u64 & (u64::MAX >> 1);
        (number as f64) < self.ratio * (1_u64 << 63) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(trace_id: u128, parent: Option<bool>) -> TraceContext {
        TraceContext {
            trace_id,
            parent_id: parent.map(|_| 1),
            span_id: 2,
            is_sampled: parent == Some(true),
        }
    }

    #[test]
    fn the_callers_decision_stands() {
        let sampler = Sampler::named("parentbased_always_off", 1.0).unwrap();
        assert!(sampler.records(&trace(1, Some(true))));
        assert!(!sampler.records(&trace(1, Some(false))));
        assert!(!sampler.records(&trace(1, None)));
        let sampler = Sampler::named("parentbased_always_on", 1.0).unwrap();
        assert!(!sampler.records(&trace(1, Some(false))));
        assert!(sampler.records(&trace(1, None)));
    }

    #[test]
    fn without_regard_to_the_caller_the_sampler_decides() {
        let on = Sampler::named("always_on", 1.0).unwrap();
        assert!(on.records(&trace(u128::MAX, Some(false))));
        let off = Sampler::named("always_off", 1.0).unwrap();
        assert!(!off.records(&trace(1, Some(true))));
    }

    #[test]
    fn a_ratio_is_kept() {
        let sampler = Sampler::named("traceidratio", 0.25).unwrap();
        let kept = (0..1000).filter(|_| sampler.records(&TraceContext::root()));
        let kept = kept.count();
        assert!((180..320).contains(&kept), "{kept}");
        assert!(sampler.records(&trace(0x1fff_ffff_ffff_ffff, None)));
        assert!(!sampler.records(&trace(0x2000_0000_0000_0000, None)));
    }

    #[test]
    fn other_samplers_are_not_known() {
        assert_eq!(Sampler::named("jaeger_remote", 1.0), None);
    }
}
