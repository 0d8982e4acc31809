//! A graph's changes as JSON lines, to be saved and replayed.

use std::io::{BufRead, Write};

use super::content::Content;
use super::{Change, Graph, Snapshot, Watch};
use crate::read::from_json;
use crate::{Error, Result};

/// Writes what happens to a graph, one JSON line a change, after a first line that holds the whole graph.
///
/// Call [`record`](Self::record) as often as you want to be safe. Undo is recorded like any other change, so a journal
/// only ever grows.
///
/// ```
/// use reflow_graph::{Graph, Journal, Metadata, replay};
/// let mut graph = Graph::new("kept", false);
/// let mut journal = Journal::start(&mut graph, Vec::new())?;
/// graph.add_node("a", "x", Metadata::NULL);
/// journal.record(&mut graph)?;
/// let saved = journal.finish(&mut graph)?;
/// assert_eq!(replay(saved.as_slice())?, graph);
/// # Ok::<(), reflow_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct Journal<W: Write> {
    writer: W,
    watch: Watch,
}

impl<W: Write> Journal<W> {
    /// Writes the graph as it is and starts watching it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if writing fails.
    pub fn start(graph: &mut Graph, mut writer: W) -> Result<Self> {
        write_line(&mut writer, &graph.snapshot())?;
        Ok(Self { writer, watch: graph.watch() })
    }

    /// Writes the changes since the last call and flushes them. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if writing fails.
    pub fn record(&mut self, graph: &mut Graph) -> Result<usize> {
        let changes = graph.drain(&self.watch);
        for change in &changes {
            write_line(&mut self.writer, change.as_ref())?;
        }
        self.writer.flush()?;
        Ok(changes.len())
    }

    /// Writes what is left, stops watching and gives the writer back.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if writing fails.
    pub fn finish(mut self, graph: &mut Graph) -> Result<W> {
        self.record(graph)?;
        graph.unwatch(self.watch);
        Ok(self.writer)
    }
}

/// The graph a journal leads to. A last line cut off in the middle, as a crash leaves it, is ignored.
///
/// # Errors
///
/// [`Error::Journal`] with the line number where a line cannot be read or does not fit; [`Error::Io`].
pub fn replay(mut reader: impl BufRead) -> Result<Graph> {
    let at = |line: usize| move |error: Error| Error::Journal { line, source: Box::new(error) };
    let mut text = String::new();
    reader.read_line(&mut text)?;
    let snapshot: Snapshot = from_json(&text).map_err(at(1))?;
    let mut content = Content::restore(&snapshot);
    for line in 2.. {
        text.clear();
        reader.read_line(&mut text)?;
        if text.is_empty() {
            break;
        }
        let change: Change = match from_json(&text) {
            Err(_) if !text.ends_with('\n') => break,
            read => read.map_err(at(line))?,
        };
        if !content.apply(&change) {
            return Err(at(line)(Error::Unfitting { change: Box::new(change) }));
        }
    }
    Ok(Graph { content, ..Graph::default() })
}

fn write_line(writer: &mut impl Write, value: &impl serde::Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(value).map_err(std::io::Error::from)?;
    line.push(b'\n');
    Ok(writer.write_all(&line)?)
}
