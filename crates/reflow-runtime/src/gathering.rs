//! Who gathers whose packets, as the nodes of a plan are laid out.

use std::sync::Arc;

use crate::draft::Draft;
use crate::error::suggestion;
use crate::firing::Firing;
use crate::pairing::{Shape, leading_to};

/// A node that gathers what another one gives.
pub(crate) struct Gathered {
    pub(crate) by: u32,
    pub(crate) from: u32,
    /// The outport whose packets are gathered; all of them that lead there, if it is not named.
    pub(crate) port: Option<usize>,
}

/// The nodes whose packets are gathered again; or a node that cannot gather, and why.
pub(crate) fn gathered(drafts: &[Draft<'_>], rules: &[Firing], shape: &Shape) -> Result<Vec<Gathered>, (u32, String)> {
    let mut all = Vec::new();
    for (by, (draft, rule)) in (0_u32..).zip(drafts.iter().zip(rules)) {
        let Firing::Gather(name) = rule else { continue };
        // Inside of a subgraph, its own nodes are meant.
        let inside = draft.id.rfind('/').map_or("", |at| &draft.id[..=at]);
        let find = |name: &str| {
            let own = format!("{inside}{name}");
            drafts
                .iter()
                .position(|draft| *draft.id == *own)
                .or_else(|| drafts.iter().position(|draft| *draft.id == *name))
        };
        let of_port = name.rsplit_once('.').and_then(|(node, port)| Some((find(node)?, port)));
        let (from, port) = match (find(name), of_port) {
            (Some(from), _) => (from, None),
            (None, Some((from, port))) => match drafts[from].outports.find(port) {
                Some(port) => (from, Some(usize::from(port))),
                None => {
                    let meant = meant(port, &*drafts[from].outports);
                    let node = &drafts[from].id;
                    return Err((
                        by,
                        format!("firing: `gather` names `{name}`; node `{node}` has no outport `{port}`{meant}"),
                    ));
                }
            },
            (None, None) => {
                let meant = meant(name, drafts.iter().map(|draft| &draft.id));
                return Err((by, format!("firing: `gather` names `{name}`, which is no node{meant}")));
            }
        };
        let leads = leading_to(shape, [by]);
        let from = from as u32;
        if from == by || !shape.edges.iter().any(|(at, to, _)| *at == from && leads[*to as usize]) {
            return Err((by, format!("firing: `gather` names `{name}`, whose packets do not come here")));
        }
        all.push(Gathered { by, from, port });
    }
    Ok(all)
}

fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a Arc<str>>) -> String {
    let meant = suggestion(name, known.into_iter().map(|known| &**known));
    meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}
