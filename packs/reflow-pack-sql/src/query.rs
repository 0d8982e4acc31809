//! `tpl_sql_query`: rows, all at once, one by one, or as a stream.

use reflow_pack_sdk::{
    Actor, Begin, Component, Failure, Frame, Instance, Message, StreamError, StreamWriter, Tick, Value,
};
use rusqlite::{Connection, Rows};

use crate::convert;
use crate::database::{Database, failure, text};
use crate::template::Template;

pub(crate) fn template() -> Box<dyn Component> {
    Box::new(Template {
        id: "tpl_sql_query",
        title: "SQL query",
        summary: "Rows of a SQLite query, with parameters from each packet.",
        text: "Runs `sql` for every packet. Its parameters are the packet: a list by position, an object by name, any other \
               value as the only one; a Flow runs it with `parameters` of the config.\n\n`deliver` says how the rows leave: \
               `rows` as one Array on `rows`, `each` as one Object each on `row` while the query runs (a slow reader slows it \
               down), `stream` as a stream of JSON lines on `stream`. `count` follows with how many there were.",
        inport: ("parameters", "The parameters, or a Flow."),
        outports: &[
            ("rows", "array", "All rows, objects by column."),
            ("row", "object", "One row after the other."),
            ("stream", "stream", "Rows as JSON lines."),
            ("count", "integer", "How many rows there were."),
        ],
        properties: r#"{
            "sql": {"type": "string", "minLength": 1, "description": "One statement that gives rows."},
            "parameters": {"description": "What a Flow runs it with."},
            "deliver": {"enum": ["rows", "each", "stream"], "default": "rows"},
            "buffer": {"type": "integer", "minimum": 1, "default": 64, "description": "Lines that may wait in a stream."}
        }"#,
        required: &["sql"],
        make: |config| {
            Ok(Instance::new_blocking(Query {
                database: Database::of(config)?,
                sql: text(config, "sql")?.ok_or("`sql` is missing")?,
                parameters: config.get("parameters").cloned().unwrap_or_default(),
                deliver: text(config, "deliver")?.unwrap_or_else(|| "rows".into()),
                buffer: config.get("buffer").and_then(Value::as_integer).unwrap_or(64).max(1) as usize,
                connection: None,
            }))
        },
    })
}

struct Query {
    database: Database,
    sql: String,
    parameters: Value,
    deliver: String,
    buffer: usize,
    connection: Option<Connection>,
}

const ROWS: usize = 0;
const ROW: usize = 1;
const STREAM: usize = 2;
const COUNT: usize = 3;

impl Actor for Query {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.connection = Some(self.database.open(tick.node())?);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.connection.as_ref().ok_or("the database is not open")?;
        let parameters = convert::parameters(tick.input(0), &self.parameters)?;
        let mut statement = connection.prepare_cached(&self.sql).map_err(|error| failure(&error))?;
        convert::bind(&mut statement, &parameters)?;
        let columns = convert::columns(&statement);
        let mut rows = statement.raw_query();
        let next = |rows: &mut Rows<'_>| -> Result<Option<Value>, Failure> {
            let row = rows.next().map_err(|error| failure(&error))?;
            row.map(|row| convert::row(row, &columns)).transpose().map_err(|error| failure(&error))
        };
        let mut count = 0_i64;
        match self.deliver.as_str() {
            "each" => {
                while let Some(row) = next(&mut rows)? {
                    tick.send_now_blocking(ROW, Message::object(row))?;
                    count += 1;
                }
            }
            "stream" => {
                let writer = StreamWriter::new(tick.node(), "stream", Some("application/x-ndjson"), self.buffer);
                let handle = writer.handle(None)?;
                tick.send_now_blocking(STREAM, handle)?;
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
            _ => {
                let mut all = Vec::new();
                while let Some(row) = next(&mut rows)? {
                    all.push(row);
                }
                count = all.len() as i64;
                tick.emit(ROWS, Value::from(all));
            }
        }
        tick.emit(COUNT, count);
        Ok(())
    }
}
