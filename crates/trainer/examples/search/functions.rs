//! Test functions of optimisers, with what their parameters are.

use std::f64::consts::{E, PI, TAU};

use serde_json::{Value, json};

use crate::Function;

/// Branin, Hartmann-6, Rosenbrock-4, Ackley-5, Levy-4 and one of mixed parameters.
pub(crate) fn all() -> Vec<Function> {
    let double = |name: &str, min: f64, max: f64| json!({ "parameterId": name, "doubleValueSpec": { "minValue": min, "maxValue": max } });
    let cube = |width: usize, min: f64, max: f64| -> Vec<Value> {
        (0..width)
            .map(|i| double(&format!("x{i}"), min, max))
            .collect()
    };
    vec![
        Function {
            name: "Branin",
            parameters: vec![double("x0", -5.0, 10.0), double("x1", 0.0, 15.0)],
            value: Box::new(|x| branin(&numbers(x))),
            effort: None,
        },
        Function {
            name: "Hartmann-6",
            parameters: cube(6, 0.0, 1.0),
            value: Box::new(|x| hartmann(&numbers(x))),
            effort: None,
        },
        Function {
            name: "Rosenbrock-4",
            parameters: cube(4, -5.0, 10.0),
            value: Box::new(|x| rosenbrock(&numbers(x))),
            effort: None,
        },
        Function {
            name: "Ackley-5",
            parameters: cube(5, -32.768, 32.768),
            value: Box::new(|x| ackley(&numbers(x))),
            effort: None,
        },
        Function {
            name: "Levy-4",
            parameters: cube(4, -10.0, 10.0),
            value: Box::new(|x| levy(&numbers(x))),
            effort: None,
        },
        Function {
            name: "mixed",
            parameters: vec![
                json!({ "parameterId": "rate", "doubleValueSpec": { "minValue": 1e-5, "maxValue": 1.0 }, "scaleType": "UNIT_LOG_SCALE" }),
                json!({ "parameterId": "layers", "integerValueSpec": { "minValue": 1, "maxValue": 12 } }),
                json!({ "parameterId": "kind", "categoricalValueSpec": { "values": ["a", "b", "c"] } }),
                double("share", 0.0, 1.0),
            ],
            value: Box::new(mixed),
            effort: None,
        },
    ]
}

fn numbers(values: &[Value]) -> Vec<f64> {
    values.iter().filter_map(Value::as_f64).collect()
}

fn branin(x: &[f64]) -> f64 {
    let quadratic = x[1] - 5.1 / (4.0 * PI * PI) * x[0] * x[0] + 5.0 / PI * x[0] - 6.0;
    quadratic * quadratic + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x[0].cos() + 10.0
}

fn hartmann(x: &[f64]) -> f64 {
    const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let term = |i: usize| {
        let distance: f64 = (0..6).map(|j| A[i][j] * (x[j] - P[i][j]).powi(2)).sum();
        ALPHA[i] * (-distance).exp()
    };
    -(0..4).map(term).sum::<f64>()
}

fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2)
        .map(|pair| 100.0 * (pair[1] - pair[0] * pair[0]).powi(2) + (1.0 - pair[0]).powi(2))
        .sum()
}

fn ackley(x: &[f64]) -> f64 {
    let count = x.len() as f64;
    let square = x.iter().map(|x| x * x).sum::<f64>() / count;
    let cosine = x.iter().map(|x| (TAU * x).cos()).sum::<f64>() / count;
    -20.0 * (-0.2 * square.sqrt()).exp() - cosine.exp() + 20.0 + E
}

fn levy(x: &[f64]) -> f64 {
    let w: Vec<f64> = x.iter().map(|x| 1.0 + (x - 1.0) / 4.0).collect();
    let last = w[w.len() - 1];
    let middle: f64 = w[..w.len() - 1]
        .iter()
        .map(|w| (w - 1.0).powi(2) * (1.0 + 10.0 * (PI * w + 1.0).sin().powi(2)))
        .sum();
    (PI * w[0]).sin().powi(2) + middle + (last - 1.0).powi(2) * (1.0 + (TAU * last).sin().powi(2))
}

/// Like a training error: a valley in the logarithm of a rate that shifts with a depth, a kind
/// that matters, a share that matters little.
fn mixed(values: &[Value]) -> f64 {
    let number = |i: usize| values[i].as_f64().unwrap_or(f64::NAN);
    let (rate, layers, share) = (number(0).log10(), number(1), number(3));
    let kind = match values[2].as_str() {
        Some("a") => 0.5,
        Some("b") => 0.0,
        _ => 1.0,
    };
    (rate + 2.0 + 0.15 * layers).powi(2)
        + 0.05 * (layers - 5.0).powi(2)
        + kind
        + 0.2 * (share - 0.3).powi(2)
}
