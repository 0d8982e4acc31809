//! `tpl_sql_query`: rows, all at once, one by one, or as a stream.

use reflow_pack_sdk::StreamError;
use reflow_pack_sdk::prelude::*;
use rusqlite::{Connection, Rows};

use crate::convert;
use crate::database::{Database, failure};

/// Rows of a SQLite query, with parameters from each packet.
///
/// Runs `sql` for every packet. Its parameters are the packet: a list by position, an object by name, any other value as the only
/// one; a Flow runs it with `parameters` of the config. `count` follows with how many rows there were.
#[derive(Component)]
#[component(id = "tpl_sql_query", title = "SQL query", category = "sql", blocking)]
#[inport(parameters: Any, "The parameters, or a Flow.")]
#[outport(rows: List, "All rows, objects by column.")]
#[outport(row: JsonObject, "One row after the other.")]
#[outport(stream: Stream, "Rows as JSON lines.")]
#[outport(count: Integer, "How many rows there were.")]
pub(crate) struct Query {
    #[config(group)]
    database: Database,
    /// One statement that gives rows.
    #[config(required)]
    sql: String,
    /// What a Flow runs it with.
    #[config]
    parameters: Value,
    /// How the rows leave.
    #[config(default = Deliver::Rows)]
    deliver: Deliver,
    /// Lines that may wait in a stream.
    #[config(default = 64, min = 1)]
    buffer: u32,
    #[state]
    connection: Option<Connection>,
}

/// How rows leave.
#[derive(Clone, Copy, Choice)]
enum Deliver {
    /// As one Array on `rows`.
    Rows,
    /// As one Object each on `row` while the query runs; a slow reader slows it down.
    Each,
    /// As a stream of JSON lines on `stream`.
    Stream,
}

impl Actor for Query {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.connection = Some(self.database.open(tick.node())?);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.connection.as_ref().ok_or("the database is not open")?;
        let parameters = convert::parameters(tick.input(Self::IN_PARAMETERS), &self.parameters)?;
        let mut statement = connection.prepare_cached(&self.sql).map_err(|error| failure(&error))?;
        convert::bind(&mut statement, &parameters)?;
        let columns = convert::columns(&statement);
        let mut rows = statement.raw_query();
        let next = |rows: &mut Rows<'_>| -> Result<Option<Value>, Failure> {
            let row = rows.next().map_err(|error| failure(&error))?;
            row.map(|row| convert::row(row, &columns)).transpose().map_err(|error| failure(&error))
        };
        let mut count = 0_i64;
        match self.deliver {
            Deliver::Each => {
                while let Some(row) = next(&mut rows)? {
                    tick.send_now_blocking(Self::OUT_ROW, Message::object(row))?;
                    count += 1;
                }
            }
            Deliver::Stream => {
                let writer =
                    StreamWriter::new(tick.node(), "stream", Some("application/x-ndjson"), self.buffer as usize);
                let handle = writer.handle(None)?;
                tick.send_now_blocking(Self::OUT_STREAM, handle)?;
                let metadata = Some(Value::object([("columns", Value::array(columns.iter().cloned()))]));
                let mut frame = Frame::Begin(Begin { metadata, ..Begin::default() });
                loop {
                    match writer.write_blocking(frame, None) {
                        Ok(()) => {}
                        // A reader that has seen enough ends the query, not the tick.
                        Err(StreamError::Closed) => break,
                        Err(error) => return Err(error.into()),
                    }
                    match next(&mut rows) {
                        Ok(Some(row)) => frame = Frame::Data((row.to_json_string() + "\n").into_bytes().into()),
                        Ok(None) => {
                            let _ = writer.write_blocking(Frame::End, None);
                            break;
                        }
                        Err(problem) => {
                            let _ = writer.write_blocking(Frame::Error(problem.message.clone()), None);
                            return Err(problem);
                        }
                    }
                    count += 1;
                }
            }
            Deliver::Rows => {
                let mut all = Vec::new();
                while let Some(row) = next(&mut rows)? {
                    all.push(row);
                }
                count = all.len() as i64;
                tick.emit(Self::OUT_ROWS, Value::from(all));
            }
        }
        tick.write(Self::OUT_COUNT, count);
        Ok(())
    }
}
