//! The deployment report.

use artifacts::{Deployment, GateResult, Golden, Metrics, figure};
use report::{BarChart, Page, Table};

/// The whole page: the decision, the comparison behind it, and the predictions that were checked.
pub(crate) fn html(deployment: &Deployment, metrics: &Metrics, golden: &Golden) -> String {
    let unit = metrics.unit.as_deref().unwrap_or("label units");
    let version = deployment.model_version.as_deref().unwrap_or("none");
    let decision = match (&deployment.reason, deployment.deployed) {
        (Some(reason), _) => format!("Not deployed because {reason}."),
        (None, true) => format!("Version {version} is served."),
        (None, false) => "Not deployed.".to_owned(),
    };
    let page = Page::new(&format!("Deployment report: {}", deployment.model_name))
        .text(&decision)
        .figures([
            ("Served version", version),
            (
                "Version to roll back to",
                deployment.previous_version.as_deref().unwrap_or("none"),
            ),
        ]);
    let page = match &deployment.gate {
        Some(gate) => with_gate(page, gate, metrics, unit),
        None => page,
    };
    let page = if deployment.golden_rows > 0 {
        page.heading("Predictions checked over HTTP")
            .table(golden_table(golden, unit))
    } else {
        page
    };
    page.heading("Which bytes these are")
        .table(provenance(deployment))
        .to_html()
}

fn with_gate(page: Page, gate: &GateResult, metrics: &Metrics, unit: &str) -> Page {
    let text = |value: f64| format!("{} {unit}", figure(value));
    let model = gate.model_root_mean_squared_error;
    let chart = metrics.test.baselines.iter().fold(
        BarChart::new(&format!(
            "Root mean squared error on the test split, {unit}"
        ))
        .bar("this model", model, &text(model)),
        |chart, (name, baseline)| {
            let error = baseline.root_mean_squared_error;
            chart.bar(name, error, &text(error))
        },
    );
    let table = Table::new(["gate", ""])
        .strong_row(["passed", if gate.passed { "yes" } else { "no" }])
        .row(["baseline", &gate.baseline])
        .row(["improvement", &format!("{:.2} %", 100.0 * gate.improvement)])
        .row([
            "required more than",
            &format!("{:.2} %", 100.0 * gate.min_improvement),
        ]);
    page.heading("The gate").table(table).chart(chart)
}

fn golden_table(golden: &Golden, unit: &str) -> Table {
    let header = golden.inputs.iter().cloned();
    let header = header.chain([format!("prediction, {unit}")]);
    let rows = golden.instances.iter().zip(&golden.predictions);
    rows.take(10)
        .fold(Table::new(header), |table, (row, prediction)| {
            let cells = row.iter().map(|cell| figure(*cell));
            table.row(cells.chain([figure(*prediction)]))
        })
}

fn provenance(deployment: &Deployment) -> Table {
    let table = Table::new(["file", "SHA-256"]);
    let files = deployment.provenance.inputs.iter();
    files
        .fold(table, |table, file| table.row([&file.name, &file.sha256]))
        .row(["deployed by", deployment.provenance.build.as_str()])
}
