//! `tpl_sql_execute`: a statement that changes something.

use reflow_pack_sdk::{Actor, Component, Failure, Instance, Message, Tick, Value};
use rusqlite::Connection;

use crate::convert;
use crate::database::{Database, failure, text};
use crate::template::Template;

pub(crate) fn template() -> Box<dyn Component> {
    Box::new(Template {
        id: "tpl_sql_execute",
        title: "SQL execute",
        summary: "Runs a SQLite statement, with parameters from each packet.",
        text: "Runs `sql` for every packet, with the packet as parameters as in `tpl_sql_query`. `setup` holds statements, \
               separated by semicolons, that run once when the node starts: `CREATE TABLE IF NOT EXISTS …`.",
        inport: ("parameters", "The parameters, or a Flow."),
        outports: &[("result", "object", "`changes` and `last_insert_rowid`.")],
        properties: r#"{
            "sql": {"type": "string", "minLength": 1, "description": "One statement."},
            "parameters": {"description": "What a Flow runs it with."},
            "setup": {"type": "string", "description": "Statements that run once at the start."}
        }"#,
        required: &["sql"],
        make: |config| {
            Ok(Instance::new_blocking(Execute {
                database: Database::of(config)?,
                sql: text(config, "sql")?.ok_or("`sql` is missing")?,
                setup: text(config, "setup")?.unwrap_or_default(),
                parameters: config.get("parameters").cloned().unwrap_or_default(),
                connection: None,
            }))
        },
    })
}

struct Execute {
    database: Database,
    sql: String,
    setup: String,
    parameters: Value,
    connection: Option<Connection>,
}

impl Actor for Execute {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.database.open(tick.node())?;
        connection.execute_batch(&self.setup).map_err(|error| failure(&error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.connection.as_ref().ok_or("the database is not open")?;
        let parameters = convert::parameters(tick.input(0), &self.parameters)?;
        let result = execute(connection, &self.sql, &parameters)?;
        tick.emit(0, Message::object(result));
        Ok(())
    }
}

/// Runs one statement to its end; what came of it.
pub(crate) fn execute(connection: &Connection, sql: &str, parameters: &Value) -> Result<Value, Failure> {
    let before = connection.total_changes();
    {
        let mut statement = connection.prepare_cached(sql).map_err(|error| failure(&error))?;
        convert::bind(&mut statement, parameters)?;
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failure(&error))?.is_some() {}
    }
    Ok(Value::object([
        ("changes", Value::from(connection.total_changes() - before)),
        ("last_insert_rowid", connection.last_insert_rowid().into()),
    ]))
}
