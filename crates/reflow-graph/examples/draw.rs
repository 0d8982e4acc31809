//! Draws a `GraphExport` file: `cargo run --example draw -- graph.json [svg|mermaid|dot|text] [auto|light|dark]`.

use std::io::Write;

use reflow_graph::{GraphExport, NodeOverlay, NodeState, Overlay, SvgOptions, Theme};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let export = GraphExport::from_json(&std::fs::read_to_string(path)?)?;
    let format = arguments.next().unwrap_or_else(|| "svg".to_owned());
    let theme = match arguments.next().as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::Auto,
    };
    let overlay = arguments.next().map(|_| made_up(&export));
    let drawing = match format.as_str() {
        "mermaid" => export.to_mermaid(),
        "dot" => export.to_dot(),
        "text" => export.to_text(overlay.as_ref()),
        _ => export.to_svg(&SvgOptions { theme, overlay: overlay.as_ref(), ..SvgOptions::default() }),
    };
    Ok(std::io::stdout().write_all(drawing.as_bytes())?)
}

/// States and rates of a network that does not exist, to see what they look like.
fn made_up(export: &GraphExport) -> Overlay {
    use NodeState::{Cancelled, Failed, Finished, Idle, Running, Skipped, Waiting};
    let states = [Running, Idle, Waiting, Finished, Failed, Skipped, Cancelled];
    let node = |number: usize| NodeOverlay {
        state: states[number % states.len()],
        rate: (!number.is_multiple_of(3)).then_some(1.7 * 3_f64.powi(number as i32 % 11)),
        queue: Some((number * 37 % 101) as f64 / 100.0),
        failures: if number.is_multiple_of(4) { number as u64 } else { 0 },
        cached: 0,
    };
    let fill = |number: usize| (number * 29 % 101) as f64 / 100.0;
    Overlay {
        nodes: export.processes.keys().enumerate().map(|(number, id)| (id.clone(), node(number))).collect(),
        connections: export.wires().enumerate().map(|(number, wire)| (wire.into(), fill(number))).collect(),
    }
}
